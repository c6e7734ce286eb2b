//! What the crate `spikeport` gives back, as Python takes it: flat NumPy arrays, and `spikeport.errors.KernelError`.

use std::sync::Mutex;

use numpy::{Element, IntoPyArray};
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use spikeport::{Code, Counts, Error, LayerTrace, RunResult, Signal};

/// What a signal's handler raised while a kernel ran.
static RAISED: Mutex<Option<PyErr>> = Mutex::new(None);

/// Whether a kernel is to go on: Python's signal handlers have their turn, and Ctrl-C's raises.
pub fn go_on() -> bool {
    Python::attach(|py| match py.check_signals() {
        Ok(()) => true,
        Err(error) => {
            if let Ok(mut raised) = RAISED.lock() {
                *raised = Some(error);
            }
            false
        }
    })
}

/// Turns the crate's error into Python's.
pub trait Raise<T> {
    fn raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> Raise<T> for Result<T, Error> {
    fn raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| match error.code() {
            Code::TooLarge => PyMemoryError::new_err(error.to_string()),
            Code::Interrupted => {
                let raised = RAISED.lock().ok().and_then(|mut raised| raised.take());
                raised.unwrap_or_else(|| PyKeyboardInterrupt::new_err(error.to_string()))
            }
            code => kernel_error(py, code, &error.to_string()).unwrap_or_else(|failure| failure),
        })
    }
}

fn kernel_error(py: Python<'_>, code: Code, message: &str) -> PyResult<PyErr> {
    let class = py.import("spikeport.errors")?.getattr("KernelError")?;
    Ok(PyErr::from_value(class.call1((code.as_str(), message))?))
}

/// Signal, membrane and counts of a layer.
pub fn layer_trace<E: Element>(
    py: Python<'_>,
    result: Result<LayerTrace<E>, Error>,
) -> PyResult<Bound<'_, PyTuple>> {
    let (counts, membrane, signal) = layer(py, result.raise(py)?);
    (signal, membrane, counts).into_pyobject(py)
}

/// Counts, membrane and signal of each layer, the drive, and when samples settled.
pub fn network_trace<E: Element>(
    py: Python<'_>,
    result: Result<RunResult<E>, Error>,
) -> PyResult<Bound<'_, PyTuple>> {
    let RunResult { layers, drive, settled } = result.raise(py)?;
    let layers: Vec<_> = layers.into_iter().map(|trace| layer(py, trace)).collect();
    (layers, drive.into_pyarray(py), settled.map(|settled| settled.into_pyarray(py))).into_pyobject(py)
}

type Array<'py> = Bound<'py, PyAny>;

fn layer<E: Element>(py: Python<'_>, trace: LayerTrace<E>) -> (Array<'_>, Array<'_>, Option<Array<'_>>) {
    let counts = match trace.counts {
        Counts::Spikes(counts) => counts.into_pyarray(py).into_any(),
        Counts::Graded(counts) => counts.into_pyarray(py).into_any(),
    };
    let signal = trace.signal.map(|signal| match signal {
        Signal::Spikes(spikes) => spikes.into_pyarray(py).into_any(),
        Signal::Graded(graded) => graded.into_pyarray(py).into_any(),
    });
    (counts, trace.membrane.into_pyarray(py).into_any(), signal)
}
