//! Arrays of the caller's that kernels write into.

use numpy::{Element, IntoPyArray, PyArrayDyn, PyArrayMethods, PyReadwriteArrayDyn};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use spikeport::{Error, SpikeBuffer, Trace, TraceBuffer};

use crate::results::Raise;

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

/// Run a kernel into these buffers, or without any into arrays of its own, which is quicker where they are small: then
/// return spikes, membrane and counts, flat.
pub fn fresh_or_into<'py, T: Element>(
    py: Python<'py>,
    to: Option<Buffers<'py>>,
    fresh: impl FnOnce() -> Result<Trace<T>, Error> + Send,
    into: impl FnOnce(TraceBuffer<'_, T>) -> Result<(), Error> + Send,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Some(to) = to else {
        let Trace { spikes, membrane, counts } = py.detach(fresh).raise(py)?;
        let arrays = (spikes.into_pyarray(py), membrane.into_pyarray(py), counts.into_pyarray(py));
        return arrays.into_pyobject(py).map(Some);
    };
    let mut to = to.borrow()?;
    let to = to.parts()?;
    py.detach(|| into(to)).raise(py)?;
    Ok(None)
}
