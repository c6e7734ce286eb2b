//! Arrays of the caller's that kernels write into.

use numpy::{Element, PyArrayDyn, PyArrayMethods, PyReadwriteArrayDyn};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use spikeport::{SpikeBuffer, TraceBuffer};

/// An array of spikes: int8 for a byte each, uint8 for a bit each, or None.
pub enum SpikesOut<'py> {
    None,
    Bytes(PyReadwriteArrayDyn<'py, i8>),
    Packed(PyReadwriteArrayDyn<'py, u8>),
}

impl<'py> FromPyObject<'_, 'py> for SpikesOut<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_none() {
            return Ok(Self::None);
        }
        if let Ok(array) = object.cast::<PyArrayDyn<i8>>() {
            return Ok(Self::Bytes(array.try_readwrite()?));
        }
        match object.cast::<PyArrayDyn<u8>>() {
            Ok(array) => Ok(Self::Packed(array.try_readwrite()?)),
            Err(_) => Err(PyTypeError::new_err("spikes go into a NumPy array of int8, packed ones of uint8")),
        }
    }
}

impl SpikesOut<'_> {
    pub fn parts(&mut self) -> PyResult<SpikeBuffer<'_>> {
        Ok(match self {
            Self::None => SpikeBuffer::None,
            Self::Bytes(array) => SpikeBuffer::Bytes(array.as_slice_mut()?),
            Self::Packed(array) => SpikeBuffer::Packed(array.as_slice_mut()?),
        })
    }
}

/// Arrays (spikes, membrane, counts) for what neurons do.
#[derive(FromPyObject)]
pub struct Buffers<'py>(SpikesOut<'py>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// They, borrowed for writing.
pub struct Writable<'py, T: Element> {
    spikes: SpikesOut<'py>,
    membrane: PyReadwriteArrayDyn<'py, T>,
    counts: PyReadwriteArrayDyn<'py, i64>,
}

impl<'py> Buffers<'py> {
    pub fn borrow<T: Element>(self) -> PyResult<Writable<'py, T>> {
        let Self(spikes, membrane, counts) = self;
        let membrane = membrane.cast::<PyArrayDyn<T>>()?.try_readwrite()?;
        Ok(Writable { spikes, membrane, counts: counts.cast::<PyArrayDyn<i64>>()?.try_readwrite()? })
    }
}

impl<T: Element> Writable<'_, T> {
    pub fn parts(&mut self) -> PyResult<TraceBuffer<'_, T>> {
        Ok(TraceBuffer {
            spikes: self.spikes.parts()?,
            membrane: self.membrane.as_slice_mut()?,
            counts: self.counts.as_slice_mut()?,
        })
    }
}
