//! `spikeport._rust`: NumPy arrays in and out of the crate `spikeport`, the GIL released while it works.
//!
//! Inputs are borrowed, never copied. Kernels of neurons write into arrays of the caller's; other results are handed over flat, and `spikeport.backends.rust` gives them their shapes.

mod arguments;
mod buffers;
mod checkpoint;
mod fingerprint;
mod network;
mod operation;
mod results;

use pyo3::prelude::*;

/// Kernels of the Rust backend; call them through `spikeport.backends`.
#[pymodule]
mod _rust {
    use numpy::{Element, IntoPyArray, PyReadonlyArray1, PyReadonlyArrayDyn, PyUntypedArray};
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;
    use spikeport::{Code, Error, IfParameters, Neuron, PerNeuron, StBifParameters};

    use crate::arguments::{Numbers, PyNeuron, PyPerNeuron, not_of_one_type, view};
    use crate::buffers::{Buffers, SpikesOut, fresh_or_into};
    #[pymodule_export]
    use crate::checkpoint::{checkpoint_load, checkpoint_save};
    #[pymodule_export]
    use crate::network::Network;
    use crate::operation::{Arrays, PyAttributes};
    use crate::results::{Raise, go_on, layer_trace};

    /// Run a kernel on arrays of one element type, whichever it is.
    macro_rules! on_numbers {
        ($array:expr, |$inner:ident| $body:expr) => {
            match $array {
                Numbers::F32($inner) => $body,
                Numbers::F64($inner) => $body,
                Numbers::I32($inner) => $body,
            }
        };
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        spikeport::ask_before_going_on(go_on);
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// Integrate-and-fire over currents of shape (T, …, N) into buffers of spikes, membrane, counts, or as a flat tuple of them.
    #[pyfunction]
    #[allow(clippy::too_many_arguments)]
    fn if_multistep<'py>(
        py: Python<'py>,
        currents: Numbers<'_>,
        threshold: PyPerNeuron<'_>,
        v_init: PyPerNeuron<'_>,
        v_reset: Option<PyPerNeuron<'_>>,
        beta: PyPerNeuron<'_>,
        max_spikes: i64,
        to: Option<Buffers<'py>>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let parameters = if_parameters(threshold, v_init, v_reset, beta, max_spikes);
        on_numbers!(currents, |currents| {
            let currents = view(&currents)?;
            fresh_or_into(
                py,
                to,
                || spikeport::if_multistep(currents, &parameters),
                |to| spikeport::if_multistep_into(currents, &parameters, to),
            )
        })
    }

    /// Integrate-and-fire on one current of shape (…, N) into buffers of spikes, membrane, counts, or as a flat tuple of them.
    #[pyfunction]
    #[allow(clippy::too_many_arguments)]
    fn if_constant<'py>(
        py: Python<'py>,
        current: Numbers<'_>,
        timesteps: usize,
        threshold: PyPerNeuron<'_>,
        v_init: PyPerNeuron<'_>,
        v_reset: Option<PyPerNeuron<'_>>,
        beta: PyPerNeuron<'_>,
        max_spikes: i64,
        to: Option<Buffers<'py>>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let parameters = if_parameters(threshold, v_init, v_reset, beta, max_spikes);
        on_numbers!(current, |current| {
            let current = view(&current)?;
            fresh_or_into(
                py,
                to,
                || spikeport::if_constant(current, timesteps, &parameters),
                |to| spikeport::if_constant_into(current, timesteps, &parameters, to),
            )
        })
    }

    /// ST-BIF over currents of shape (T, …, N) into buffers of spikes, membrane, tracer, or as a flat tuple.
    #[pyfunction]
    fn st_bif_multistep<'py>(
        py: Python<'py>,
        currents: Numbers<'_>,
        threshold: PyPerNeuron<'_>,
        tracer_min: i64,
        tracer_max: i64,
        v_init: PyPerNeuron<'_>,
        to: Option<Buffers<'py>>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let (threshold, v_init) = ((&threshold).into(), (&v_init).into());
        let parameters = StBifParameters { threshold, tracer_min, tracer_max, v_init };
        on_numbers!(currents, |currents| {
            let currents = view(&currents)?;
            fresh_or_into(
                py,
                to,
                || spikeport::st_bif_multistep(currents, &parameters),
                |to| spikeport::st_bif_multistep_into(currents, &parameters, to),
            )
        })
    }

    /// One layer over inputs of shape (T, …, in), all arrays of one type: flat signal, membrane, counts.
    #[pyfunction]
    fn layer_forward<'py>(
        py: Python<'py>,
        inputs: Numbers<'py>,
        weights: Numbers<'py>,
        bias: Option<Bound<'py, PyAny>>,
        neuron: PyNeuron<'py>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let neuron = neuron.to_neuron().raise(py)?;
        match (inputs, weights) {
            (Numbers::F32(inputs), Numbers::F32(weights)) => run_layer(py, &inputs, &weights, bias, &neuron),
            (Numbers::F64(inputs), Numbers::F64(weights)) => run_layer(py, &inputs, &weights, bias, &neuron),
            (Numbers::I32(inputs), Numbers::I32(weights)) => run_layer(py, &inputs, &weights, bias, &neuron),
            _ => Err(not_of_one_type()).raise(py),
        }
    }

    fn run_layer<'py, T: Element + spikeport::Element>(
        py: Python<'py>,
        inputs: &PyReadonlyArrayDyn<'_, T>,
        weights: &PyReadonlyArrayDyn<'_, T>,
        bias: Option<Bound<'py, PyAny>>,
        neuron: &Neuron,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let bias: Option<PyReadonlyArrayDyn<'py, T>> =
            bias.map(|bias| bias.extract().map_err(|_| not_of_one_type())).transpose().raise(py)?;
        let (inputs, weights, bias) = (view(inputs)?, view(weights)?, bias.as_ref().map(view).transpose()?);
        layer_trace(py, py.detach(|| spikeport::layer_forward(inputs, weights, bias, neuron)))
    }

    /// The currents of an operation for signals of shape (T, batch, …), all arrays of one type: flat.
    #[pyfunction]
    fn operation_currents<'py>(
        py: Python<'py>,
        kind: &str,
        arrays: Arrays<'py>,
        attributes: PyAttributes,
        signals: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::operation::operation_currents(py, kind, &arrays, &attributes, &signals)
    }

    /// A 64-bit hash of the dtype, shape and values of all arrays.
    #[pyfunction]
    fn fingerprint(arrays: Vec<Bound<'_, PyUntypedArray>>) -> PyResult<u64> {
        crate::fingerprint::fingerprint(&arrays)
    }

    /// Poisson spikes of rates of shape (batch, n) into a buffer of shape (timesteps, batch, n).
    #[pyfunction]
    fn encode_poisson(
        py: Python<'_>,
        rates: Numbers<'_>,
        timesteps: usize,
        seed: u64,
        samples: Option<PyReadonlyArray1<'_, u64>>,
        to: SpikesOut<'_>,
    ) -> PyResult<()> {
        let samples = samples.map(|samples| samples.as_array().to_vec());
        on_numbers!(rates, |rates| {
            let (rates, mut to) = (view(&rates)?, to);
            let to = to.parts()?;
            let draw = || spikeport::encode_poisson_into(rates, timesteps, seed, samples.as_deref(), to);
            py.detach(draw).raise(py)
        })
    }

    /// QCFS of x of shape (…, N): flat.
    #[pyfunction]
    fn qcfs<'py>(
        py: Python<'py>,
        x: Numbers<'py>,
        timesteps: usize,
        threshold: PyPerNeuron<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let threshold = (&threshold).into();
        match x {
            Numbers::F32(x) => run_qcfs(py, &x, timesteps, &threshold),
            Numbers::F64(x) => run_qcfs(py, &x, timesteps, &threshold),
            Numbers::I32(_) => Err(Error::new(Code::Dtype, "qcfs has no integers: give floats")).raise(py),
        }
    }

    fn run_qcfs<'py, T: Element + spikeport::Float>(
        py: Python<'py>,
        x: &PyReadonlyArrayDyn<'_, T>,
        timesteps: usize,
        threshold: &PerNeuron,
    ) -> PyResult<Bound<'py, PyAny>> {
        let x = view(x)?;
        let values = py.detach(|| spikeport::qcfs(x, timesteps, threshold));
        Ok(values.raise(py)?.into_pyarray(py).into_any())
    }

    fn if_parameters(
        threshold: PyPerNeuron<'_>,
        v_init: PyPerNeuron<'_>,
        v_reset: Option<PyPerNeuron<'_>>,
        beta: PyPerNeuron<'_>,
        max_spikes: i64,
    ) -> IfParameters {
        IfParameters {
            threshold: (&threshold).into(),
            v_init: (&v_init).into(),
            v_reset: v_reset.as_ref().map(Into::into),
            beta: (&beta).into(),
            max_spikes,
        }
    }
}
