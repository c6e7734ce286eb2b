//! An operation as plain data: its kind, its arrays and its attributes, both by name.

use std::collections::HashMap;

use numpy::{IntoPyArray, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use spikeport::{Attributes, Code, Error, Operation, OperationKind};

use crate::arguments::{Numbers, not_of_one_type, view};
use crate::results::Raise;

/// An attribute: a number, or one for each axis of a window.
#[derive(FromPyObject)]
pub enum PyAttribute {
    One(i64),
    Each(Vec<i64>),
}

/// The arrays of an operation, by name.
pub type Arrays<'py> = HashMap<String, Bound<'py, PyAny>>;

/// The attributes of an operation, by name.
pub type PyAttributes = HashMap<String, PyAttribute>;

/// The arrays of an operation, borrowed, and the rest of it.
pub struct Parts<'py, E: numpy::Element> {
    kind: OperationKind,
    weight: Option<PyReadonlyArrayDyn<'py, E>>,
    bias: Option<PyReadonlyArrayDyn<'py, E>>,
}

impl<'py, E: numpy::Element + spikeport::Element> Parts<'py, E> {
    /// Borrow the arrays and read the attributes. Errors: `operation`, `dtype`, `shape`.
    pub fn new(kind: &str, arrays: &Arrays<'py>, attributes: &PyAttributes) -> Result<Self, Error> {
        if let Some(name) = arrays.keys().find(|name| !["weight", "bias"].contains(&name.as_str())) {
            let message = format!("an operation has no array '{name}': give weight and bias");
            return Err(Error::new(Code::Operation, message));
        }
        let array = |name: &str| {
            arrays.get(name).map(|array| array.extract().map_err(|_| not_of_one_type())).transpose()
        };
        let kind = OperationKind::new(kind, &self::attributes(attributes)?)?;
        Ok(Self { kind, weight: array("weight")?, bias: array("bias")? })
    }

    /// The operation, laid out for running.
    pub fn build(&self, py: Python<'_>) -> PyResult<Box<dyn Operation<E>>> {
        let weight = self.weight.as_ref().map(view).transpose()?;
        let bias = self.bias.as_ref().map(view).transpose()?;
        let kind = &self.kind;
        py.detach(|| kind.build(weight, bias)).raise(py)
    }
}

/// The attributes of an operation as they were given. Errors: `operation`.
pub fn attributes(given: &PyAttributes) -> Result<Attributes, Error> {
    let mut read = Attributes::default();
    for (name, value) in given {
        match (name.as_str(), value) {
            ("kernel", PyAttribute::Each(each)) => read.kernel = Some(each.clone()),
            ("stride", PyAttribute::Each(each)) => read.stride = Some(each.clone()),
            ("padding", PyAttribute::Each(each)) => read.padding = Some(each.clone()),
            ("dilation", PyAttribute::Each(each)) => read.dilation = Some(each.clone()),
            ("groups", &PyAttribute::One(groups)) => read.groups = Some(groups),
            _ => {
                let message = format!(
                    "'{name}' is no attribute: give kernel, stride, padding and dilation one number for each axis, \
                     and groups one"
                );
                return Err(Error::new(Code::Operation, message));
            }
        }
    }
    Ok(read)
}

/// The currents of an operation for signals of shape (T, batch, …), all of one type: flat.
pub fn operation_currents<'py>(
    py: Python<'py>,
    kind: &str,
    arrays: &Arrays<'py>,
    attributes: &PyAttributes,
    signals: &[Bound<'py, PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    fn currents<'py, E: numpy::Element + spikeport::Element>(
        py: Python<'py>,
        parts: Result<Parts<'py, E>, Error>,
        signals: &[Bound<'py, PyAny>],
    ) -> PyResult<Bound<'py, PyAny>> {
        let operation = parts.raise(py)?.build(py)?;
        let typed = signals.iter().map(|signal| signal.extract().map_err(|_| not_of_one_type()));
        let typed: Vec<PyReadonlyArrayDyn<'py, E>> = typed.collect::<Result<_, Error>>().raise(py)?;
        let views = typed.iter().map(view).collect::<PyResult<Vec<_>>>()?;
        let (_, currents) = py.detach(|| spikeport::operation_currents(&*operation, &views)).raise(py)?;
        Ok(currents.into_pyarray(py).into_any())
    }
    let Some(first) = signals.first() else {
        return Err(Error::new(Code::Shape, "an operation reads one signal or more")).raise(py);
    };
    match first.extract()? {
        Numbers::F32(_) => currents(py, Parts::<f32>::new(kind, arrays, attributes), signals),
        Numbers::F64(_) => currents(py, Parts::<f64>::new(kind, arrays, attributes), signals),
        Numbers::I32(_) => currents(py, Parts::<i32>::new(kind, arrays, attributes), signals),
    }
}
