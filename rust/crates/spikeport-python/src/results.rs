//! What the crate `spikeport` gives back, as Python takes it: flat NumPy arrays, and `spikeport.errors.KernelError`.

use numpy::IntoPyArray;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use spikeport::{Counts, Error, LayerTrace, NetworkTrace, Signal, Trace, Values};

/// Turns the crate's error into Python's.
pub trait Raise<T> {
    fn raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> Raise<T> for Result<T, Error> {
    fn raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| match error.code() {
            "too_large" => PyMemoryError::new_err(error.to_string()),
            code => kernel_error(py, code, &error.to_string()).unwrap_or_else(|failure| failure),
        })
    }
}

fn kernel_error(py: Python<'_>, code: &str, message: &str) -> PyResult<PyErr> {
    let class = py.import("spikeport.errors")?.getattr("KernelError")?;
    Ok(PyErr::from_value(class.call1((code, message))?))
}

/// Spikes, membrane and counts of a neuron kernel.
pub fn trace<'py, F: spikeport::Element>(
    py: Python<'py>,
    result: Result<Trace<F>, Error>,
) -> PyResult<Bound<'py, PyTuple>> {
    let Trace { spikes, membrane, counts } = result.raise(py)?;
    let membrane = values(py, F::wrap(membrane));
    (spikes.into_pyarray(py), membrane, counts.into_pyarray(py)).into_pyobject(py)
}

/// Signal, membrane and counts of a layer.
pub fn layer_trace<'py>(py: Python<'py>, result: Result<LayerTrace, Error>) -> PyResult<Bound<'py, PyTuple>> {
    let (counts, membrane, signal) = layer(py, result.raise(py)?);
    (signal, membrane, counts).into_pyobject(py)
}

/// Every layer's counts, membrane and signal, and the drive.
pub fn network_trace<'py>(
    py: Python<'py>,
    result: Result<NetworkTrace, Error>,
) -> PyResult<Bound<'py, PyTuple>> {
    let NetworkTrace { layers, drive } = result.raise(py)?;
    let layers: Vec<_> = layers.into_iter().map(|trace| layer(py, trace)).collect();
    (layers, values(py, drive)).into_pyobject(py)
}

type Array<'py> = Bound<'py, PyAny>;

fn layer(py: Python<'_>, trace: LayerTrace) -> (Array<'_>, Array<'_>, Option<Array<'_>>) {
    let counts = match trace.counts {
        Counts::Spikes(counts) => counts.into_pyarray(py).into_any(),
        Counts::Graded(counts) => values(py, counts),
    };
    let signal = trace.signal.map(|signal| match signal {
        Signal::Spikes(spikes) => spikes.into_pyarray(py).into_any(),
        Signal::Graded(graded) => values(py, graded),
    });
    (counts, values(py, trace.membrane), signal)
}

fn values(py: Python<'_>, array: Values) -> Array<'_> {
    match array {
        Values::F32(array) => array.into_pyarray(py).into_any(),
        Values::F64(array) => array.into_pyarray(py).into_any(),
    }
}
