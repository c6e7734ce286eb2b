//! A network that Python builds once and runs often.

use numpy::PyReadonlyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use spikeport::{AnyNetwork, Encoding, Network as Prepared, Node, RunOptions, Source};

use crate::arguments::{Numbers, PyNeuron, not_of_one_type, view};
use crate::operation::{Arrays, Parts, PyAttributes};
use crate::results::{Raise, network_trace};

/// A node: (kind of its operation, arrays by name, attributes by name, what it reads, neuron). It reads nodes by their
/// index, the input by -1.
#[derive(FromPyObject)]
pub struct PyNode<'py>(String, Arrays<'py>, PyAttributes, Vec<i64>, PyNeuron<'py>);

/// Nodes, checked and laid out for running; runs give the same answer on any number of threads.
#[pyclass(frozen)]
pub struct Network(AnyNetwork);

#[pymethods]
impl Network {
    /// Lay out `nodes`, in an order in which each reads the input or nodes before it, for inputs of `input_shape`; all
    /// arrays are float32, all float64, or all int32.
    #[new]
    fn new(py: Python<'_>, nodes: Vec<PyNode<'_>>, input_shape: Vec<usize>) -> PyResult<Self> {
        let first = nodes.iter().flat_map(|PyNode(_, arrays, ..)| arrays.values()).next();
        Ok(Self(match first.and_then(|array| array.extract().ok()) {
            Some(Numbers::F32(_)) => AnyNetwork::F32(prepare(py, &nodes, &input_shape)?),
            Some(Numbers::I32(_)) => AnyNetwork::I32(prepare(py, &nodes, &input_shape)?),
            _ => AnyNetwork::F64(prepare(py, &nodes, &input_shape)?),
        }))
    }

    /// Run on inputs of shape (batch, input shape), or (timesteps, batch, input shape) where they are spikes.
    ///
    /// Returns flat counts, membrane, and signal or None, for each node; the flat drive of the last; and for pulses after
    /// how many steps each sample settled, or -1: None for other encodings.
    #[pyo3(signature = (inputs, timesteps, encoding, seed, record, threads))]
    #[allow(clippy::too_many_arguments)]
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: Numbers<'py>,
        timesteps: usize,
        encoding: &str,
        seed: u64,
        record: bool,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let encoding = Encoding::from_name(encoding).raise(py)?;
        let options = RunOptions { timesteps, encoding, seed, record, threads };
        match (&self.0, &inputs) {
            (AnyNetwork::F32(network), Numbers::F32(inputs)) => run(py, network, inputs, &options),
            (AnyNetwork::F32(network), Numbers::F64(inputs)) => run(py, network, inputs, &options),
            (AnyNetwork::F64(network), Numbers::F32(inputs)) => run(py, network, inputs, &options),
            (AnyNetwork::F64(network), Numbers::F64(inputs)) => run(py, network, inputs, &options),
            (AnyNetwork::I32(network), Numbers::I32(inputs)) => run(py, network, inputs, &options),
            _ => Err(not_of_one_type()).raise(py),
        }
    }
}

fn run<'py, E, I>(
    py: Python<'py>,
    network: &Prepared<E>,
    inputs: &PyReadonlyArrayDyn<'_, I>,
    options: &RunOptions,
) -> PyResult<Bound<'py, PyTuple>>
where
    E: numpy::Element + spikeport::Element,
    I: numpy::Element + spikeport::Element,
{
    let inputs = view(inputs)?;
    network_trace(py, py.detach(|| network.run(inputs, options)))
}

fn prepare<E: numpy::Element + spikeport::Element>(
    py: Python<'_>,
    nodes: &[PyNode<'_>],
    input_shape: &[usize],
) -> PyResult<Prepared<E>> {
    let mut prepared = Vec::with_capacity(nodes.len());
    for PyNode(kind, arrays, attributes, inputs, neuron) in nodes {
        let operation = Parts::new(kind, arrays, attributes).raise(py)?.build(py)?;
        let source = |&index: &i64| usize::try_from(index).map_or(Source::Input, Source::Node);
        let sources = inputs.iter().map(source).collect();
        prepared.push(Node::reading(operation, neuron.to_neuron().raise(py)?, sources));
    }
    Prepared::new(input_shape, prepared).raise(py)
}
