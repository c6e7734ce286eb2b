//! `spikeport._rust`: NumPy arrays in and out of the crate `spikeport`, the GIL released while it works.
//!
//! Inputs are borrowed, never copied; results are handed over flat, and `spikeport.backends.rust` gives them their shapes.

mod arguments;
mod results;

use pyo3::prelude::*;

/// Kernels of the Rust backend; call them through `spikeport.backends`.
#[pymodule]
mod _rust {
    use numpy::{Element, IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArrayDyn};
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;
    use spikeport::{Encoding, IfParameters, Neuron, RunOptions, StBifParameters, View};

    use crate::arguments::{Floats, PyLayer, PyNeuron, PyPerNeuron, mixed, parts};
    use crate::results::{Raise, layer_trace, network_trace, trace};

    /// Run a kernel on arrays of one element type, whichever it is.
    macro_rules! on_floats {
        ($array:expr, |$inner:ident| $body:expr) => {
            match $array {
                Floats::F32($inner) => $body,
                Floats::F64($inner) => $body,
            }
        };
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// Integrate-and-fire over currents of shape (T, …, N): flat spikes, membrane, counts.
    #[pyfunction]
    fn if_multistep<'py>(
        py: Python<'py>,
        currents: Floats<'py>,
        threshold: PyPerNeuron<'py>,
        v_init: PyPerNeuron<'py>,
        v_reset: Option<PyPerNeuron<'py>>,
        beta: PyPerNeuron<'py>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let parameters = if_parameters(threshold, v_init, v_reset, beta);
        on_floats!(currents, |currents| {
            let (data, shape) = parts(&currents)?;
            trace(py, py.detach(|| spikeport::if_multistep(View::new(data, shape)?, &parameters)))
        })
    }

    /// Integrate-and-fire on one current of shape (…, N): flat spikes, membrane, counts.
    #[pyfunction]
    fn if_constant<'py>(
        py: Python<'py>,
        current: Floats<'py>,
        timesteps: usize,
        threshold: PyPerNeuron<'py>,
        v_init: PyPerNeuron<'py>,
        v_reset: Option<PyPerNeuron<'py>>,
        beta: PyPerNeuron<'py>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let parameters = if_parameters(threshold, v_init, v_reset, beta);
        on_floats!(current, |current| {
            let (data, shape) = parts(&current)?;
            trace(py, py.detach(|| spikeport::if_constant(View::new(data, shape)?, timesteps, &parameters)))
        })
    }

    /// ST-BIF over currents of shape (T, …, N): flat spikes, membrane, tracer.
    #[pyfunction]
    fn st_bif_multistep<'py>(
        py: Python<'py>,
        currents: Floats<'py>,
        threshold: PyPerNeuron<'py>,
        tracer_min: i64,
        tracer_max: i64,
        v_init: PyPerNeuron<'py>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (threshold, v_init) = ((&threshold).into(), (&v_init).into());
        let parameters = StBifParameters { threshold, tracer_min, tracer_max, v_init };
        on_floats!(currents, |currents| {
            let (data, shape) = parts(&currents)?;
            trace(py, py.detach(|| spikeport::st_bif_multistep(View::new(data, shape)?, &parameters)))
        })
    }

    /// One layer over inputs of shape (T, …, in), all arrays of one type: flat signal, membrane, counts.
    #[pyfunction]
    fn layer_forward<'py>(
        py: Python<'py>,
        inputs: Floats<'py>,
        weights: Floats<'py>,
        bias: Option<Floats<'py>>,
        neuron: PyNeuron<'py>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let neuron = neuron.to_neuron()?;
        match (inputs, weights) {
            (Floats::F32(inputs), Floats::F32(weights)) => {
                run_layer(py, &inputs, &weights, bias.map(Floats::single).transpose()?.as_ref(), &neuron)
            }
            (Floats::F64(inputs), Floats::F64(weights)) => {
                run_layer(py, &inputs, &weights, bias.map(Floats::double).transpose()?.as_ref(), &neuron)
            }
            _ => Err(mixed()),
        }
    }

    fn run_layer<'py, T: Element + spikeport::Element>(
        py: Python<'py>,
        inputs: &PyReadonlyArrayDyn<'_, T>,
        weights: &PyReadonlyArrayDyn<'_, T>,
        bias: Option<&PyReadonlyArrayDyn<'_, T>>,
        neuron: &Neuron,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (inputs, weights, bias) = (parts(inputs)?, parts(weights)?, bias.map(parts).transpose()?);
        let trace = py.detach(|| {
            let bias = bias.map(|(data, shape)| View::new(data, shape)).transpose()?;
            let (inputs, weights) = (View::new(inputs.0, inputs.1)?, View::new(weights.0, weights.1)?);
            spikeport::layer_forward(inputs, weights, bias, neuron)
        });
        layer_trace(py, trace)
    }

    /// A whole network: (flat counts, membrane, signal or None) a layer, and the flat drive.
    #[pyfunction]
    #[allow(clippy::too_many_arguments)]
    fn network_run<'py>(
        py: Python<'py>,
        layers: Vec<PyLayer<'py>>,
        inputs: Floats<'py>,
        timesteps: usize,
        encoding: &str,
        seed: u64,
        record: bool,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let encoding = Encoding::from_name(encoding).raise(py)?;
        let options = RunOptions { timesteps, encoding, seed, record, threads };
        let layers = layers.iter().map(PyLayer::as_layer).collect::<PyResult<Vec<_>>>()?;
        on_floats!(inputs, |inputs| {
            let (data, shape) = parts(&inputs)?;
            network_trace(
                py,
                py.detach(|| spikeport::network_run(&layers, View::new(data, shape)?, &options)),
            )
        })
    }

    /// Poisson spikes of rates of shape (batch, n): flat, of shape (timesteps, batch, n).
    #[pyfunction]
    fn encode_poisson<'py>(
        py: Python<'py>,
        rates: Floats<'py>,
        timesteps: usize,
        seed: u64,
        samples: Option<PyReadonlyArray1<'py, u64>>,
    ) -> PyResult<Bound<'py, PyArray1<i8>>> {
        let samples = samples.map(|samples| samples.as_array().to_vec());
        on_floats!(rates, |rates| {
            let (data, shape) = parts(&rates)?;
            let spikes = py.detach(|| {
                spikeport::encode_poisson(View::new(data, shape)?, timesteps, seed, samples.as_deref())
            });
            Ok(spikes.raise(py)?.into_pyarray(py))
        })
    }

    /// QCFS of x of shape (…, N): flat.
    #[pyfunction]
    fn qcfs<'py>(
        py: Python<'py>,
        x: Floats<'py>,
        timesteps: usize,
        threshold: PyPerNeuron<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let threshold = (&threshold).into();
        on_floats!(x, |x| {
            let (data, shape) = parts(&x)?;
            let values = py.detach(|| spikeport::qcfs(View::new(data, shape)?, timesteps, &threshold));
            Ok(values.raise(py)?.into_pyarray(py).into_any())
        })
    }

    fn if_parameters(
        threshold: PyPerNeuron<'_>,
        v_init: PyPerNeuron<'_>,
        v_reset: Option<PyPerNeuron<'_>>,
        beta: PyPerNeuron<'_>,
    ) -> IfParameters {
        IfParameters {
            threshold: (&threshold).into(),
            v_init: (&v_init).into(),
            v_reset: v_reset.as_ref().map(Into::into),
            beta: (&beta).into(),
        }
    }
}
