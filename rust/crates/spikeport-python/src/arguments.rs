//! What Python hands over, as the crate `spikeport` takes it.

use numpy::{
    PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArray1, PyReadonlyArrayDyn, PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use spikeport::{Code, Error, Neuron, NeuronKind, PerNeuron, View};

use crate::results::Raise;

/// A NumPy array of float32, float64 or int32.
pub enum Numbers<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
    I32(PyReadonlyArrayDyn<'py, i32>),
}

// Written by hand: a derived one makes an exception of the first type that does not fit, which takes longer than a run.
impl<'py> FromPyObject<'_, 'py> for Numbers<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = object.cast::<PyArrayDyn<f32>>() {
            return Ok(Self::F32(array.try_readonly()?));
        }
        if let Ok(array) = object.cast::<PyArrayDyn<f64>>() {
            return Ok(Self::F64(array.try_readonly()?));
        }
        match object.cast::<PyArrayDyn<i32>>() {
            Ok(array) => Ok(Self::I32(array.try_readonly()?)),
            Err(_) => Err(PyTypeError::new_err("give a NumPy array of float32, float64 or int32")),
        }
    }
}

/// The error for arrays that are not of the one type wanted.
pub fn not_of_one_type() -> Error {
    Error::new(Code::Dtype, "arrays are not of one type: make all float32, all float64, or all int32")
}

/// Borrow a NumPy array in row-major order.
pub fn view<'a, T>(array: &'a PyReadonlyArrayDyn<'_, T>) -> PyResult<View<'a, T>>
where
    T: numpy::Element + spikeport::Element,
{
    if !array.is_c_contiguous() {
        return Err(PyValueError::new_err("an array is not contiguous: give numpy.ascontiguousarray of it"));
    }
    View::new(array.as_slice()?, array.shape()).raise(array.py())
}

/// A number, or an array of one number for each neuron.
pub enum PyPerNeuron<'py> {
    All(f64),
    Each(PyReadonlyArray1<'py, f64>),
}

impl<'py> FromPyObject<'_, 'py> for PyPerNeuron<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.cast::<PyArray1<f64>>() {
            Ok(array) => Ok(Self::Each(array.try_readonly()?)),
            Err(_) => object.extract().map(Self::All),
        }
    }
}

impl From<&PyPerNeuron<'_>> for PerNeuron {
    fn from(value: &PyPerNeuron<'_>) -> Self {
        match value {
            PyPerNeuron::All(one) => Self::All(*one),
            PyPerNeuron::Each(each) => Self::Each(each.as_array().to_vec()),
        }
    }
}

/// A `spikeport.neuron.Neuron`.
#[derive(FromPyObject)]
pub struct PyNeuron<'py> {
    kind: String,
    threshold: PyPerNeuron<'py>,
    v_init: PyPerNeuron<'py>,
    v_reset: Option<PyPerNeuron<'py>>,
    beta: PyPerNeuron<'py>,
    tracer_min: i64,
    tracer_max: i64,
    max_spikes: i64,
}

impl PyNeuron<'_> {
    pub fn to_neuron(&self) -> Result<Neuron, Error> {
        let Some(kind) = NeuronKind::from_name(&self.kind) else {
            let message = format!("neuron kind '{}' is not one of IF, LIF, ST-BIF, identity", self.kind);
            return Err(Error::new(Code::NeuronKind, message));
        };
        Ok(Neuron {
            kind,
            threshold: (&self.threshold).into(),
            v_init: (&self.v_init).into(),
            v_reset: self.v_reset.as_ref().map(Into::into),
            beta: (&self.beta).into(),
            tracer_min: self.tracer_min,
            tracer_max: self.tracer_max,
            max_spikes: self.max_spikes,
        })
    }
}
