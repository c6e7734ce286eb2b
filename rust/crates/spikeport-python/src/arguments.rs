//! What Python hands over, as the crate `spikeport` takes it.

use std::borrow::Cow;

use numpy::{Element, PyReadonlyArray1, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use spikeport::{AnyLayer, Layer, Neuron, NeuronKind, PerNeuron};

/// A NumPy array of float32 or float64.
#[derive(FromPyObject)]
pub enum Floats<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
}

impl<'py> Floats<'py> {
    pub fn single(self) -> PyResult<PyReadonlyArrayDyn<'py, f32>> {
        if let Self::F32(array) = self { Ok(array) } else { Err(mixed()) }
    }

    pub fn double(self) -> PyResult<PyReadonlyArrayDyn<'py, f64>> {
        if let Self::F64(array) = self { Ok(array) } else { Err(mixed()) }
    }
}

/// The error for arrays of two types where one is wanted.
pub fn mixed() -> PyErr {
    PyTypeError::new_err("arrays of float32 and float64 are mixed: give one type")
}

/// The values of an array in row-major order, and its shape.
pub fn parts<'a, T: Element>(array: &'a PyReadonlyArrayDyn<'_, T>) -> PyResult<(&'a [T], &'a [usize])> {
    if !array.is_c_contiguous() {
        return Err(PyValueError::new_err("an array is not contiguous: give numpy.ascontiguousarray of it"));
    }
    Ok((array.as_slice()?, array.shape()))
}

/// A number, or an array of one number a neuron.
#[derive(FromPyObject)]
pub enum PyPerNeuron<'py> {
    All(f64),
    Each(PyReadonlyArray1<'py, f64>),
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
}

impl PyNeuron<'_> {
    pub fn to_neuron(&self) -> PyResult<Neuron> {
        let Some(kind) = NeuronKind::from_name(&self.kind) else {
            return Err(PyValueError::new_err(format!("neuron kind '{}' is not known", self.kind)));
        };
        Ok(Neuron {
            kind,
            threshold: (&self.threshold).into(),
            v_init: (&self.v_init).into(),
            v_reset: self.v_reset.as_ref().map(Into::into),
            beta: (&self.beta).into(),
            tracer_min: self.tracer_min,
            tracer_max: self.tracer_max,
        })
    }
}

/// A layer: (weights, bias or None, neuron).
#[derive(FromPyObject)]
pub struct PyLayer<'py>(Floats<'py>, Option<Floats<'py>>, PyNeuron<'py>);

impl PyLayer<'_> {
    /// The layer, its arrays borrowed.
    pub fn as_layer(&self) -> PyResult<AnyLayer<'_>> {
        let Self(weights, bias, neuron) = self;
        let neuron = neuron.to_neuron()?;
        match (weights, bias) {
            (Floats::F32(weights), None) => Ok(AnyLayer::F32(layer(weights, None, neuron)?)),
            (Floats::F64(weights), None) => Ok(AnyLayer::F64(layer(weights, None, neuron)?)),
            (Floats::F32(weights), Some(Floats::F32(bias))) => {
                Ok(AnyLayer::F32(layer(weights, Some(bias), neuron)?))
            }
            (Floats::F64(weights), Some(Floats::F64(bias))) => {
                Ok(AnyLayer::F64(layer(weights, Some(bias), neuron)?))
            }
            _ => Err(mixed()),
        }
    }
}

fn layer<'a, T: Element + spikeport::Element>(
    weights: &'a PyReadonlyArrayDyn<'_, T>,
    bias: Option<&'a PyReadonlyArrayDyn<'_, T>>,
    neuron: Neuron,
) -> PyResult<Layer<'a, T>> {
    let (data, shape) = parts(weights)?;
    let &[n_out, n_in] = shape else {
        return Err(PyValueError::new_err("weights are not of shape (out, in)"));
    };
    let bias = bias.map(parts).transpose()?.map(|(data, _)| Cow::Borrowed(data));
    Ok(Layer { weights: Cow::Borrowed(data), shape: [n_out, n_in], bias, neuron })
}
