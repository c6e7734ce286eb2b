//! A network that Python builds once and runs often.

use std::collections::HashMap;

use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use spikeport::{AnyNetwork, Code, Encoding, Error, Linear, Network as Prepared, Neuron, Node, RunOptions};

use crate::arguments::{Floats, PyNeuron, not_of_one_type, view};
use crate::results::{Raise, network_trace};

/// A node: (kind of its operation, the operation's arrays by name, neuron).
#[derive(FromPyObject)]
pub struct PyNode<'py>(String, HashMap<String, Bound<'py, PyAny>>, PyNeuron<'py>);

/// Nodes, checked and laid out for running; runs give the same answer on any number of threads.
#[pyclass(frozen)]
pub struct Network(AnyNetwork);

#[pymethods]
impl Network {
    /// Lay out `nodes` in network order: (kind, arrays by name, neuron), all arrays float32 or all float64.
    #[new]
    fn new(py: Python<'_>, nodes: Vec<PyNode<'_>>) -> PyResult<Self> {
        let is_single = nodes.first().is_some_and(|PyNode(_, arrays, _)| {
            arrays.values().any(|array| array.extract::<PyReadonlyArrayDyn<'_, f32>>().is_ok())
        });
        Ok(Self(match is_single {
            true => AnyNetwork::F32(prepare(py, &nodes)?),
            false => AnyNetwork::F64(prepare(py, &nodes)?),
        }))
    }

    /// Run on inputs of shape (batch, in), or (timesteps, batch, in) where they are spikes.
    ///
    /// Returns flat counts, membrane, and signal or None, for each node, and the flat drive of the last.
    #[pyo3(signature = (inputs, timesteps, encoding, seed, record, threads))]
    #[allow(clippy::too_many_arguments)]
    fn run<'py>(
        &self,
        py: Python<'py>,
        inputs: Floats<'py>,
        timesteps: usize,
        encoding: &str,
        seed: u64,
        record: bool,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let encoding = Encoding::from_name(encoding).raise(py)?;
        let options = RunOptions { timesteps, encoding, seed, record, threads };
        match (&self.0, &inputs) {
            (AnyNetwork::F32(network), Floats::F32(inputs)) => run(py, network, inputs, &options),
            (AnyNetwork::F32(network), Floats::F64(inputs)) => run(py, network, inputs, &options),
            (AnyNetwork::F64(network), Floats::F32(inputs)) => run(py, network, inputs, &options),
            (AnyNetwork::F64(network), Floats::F64(inputs)) => run(py, network, inputs, &options),
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

/// A linear node's arrays, borrowed, and its neuron.
struct Parts<'py, E: numpy::Element> {
    weight: PyReadonlyArrayDyn<'py, E>,
    bias: Option<PyReadonlyArrayDyn<'py, E>>,
    neuron: Neuron,
}

fn prepare<E: numpy::Element + spikeport::Element>(
    py: Python<'_>,
    nodes: &[PyNode<'_>],
) -> PyResult<Prepared<E>> {
    let nodes = nodes.iter().map(linear).collect::<Result<Vec<Parts<'_, E>>, Error>>().raise(py)?;
    let n_inputs = nodes.first().and_then(|node| node.weight.shape().last().copied()).unwrap_or(0);
    let mut views = Vec::with_capacity(nodes.len());
    for Parts { weight, bias, neuron } in &nodes {
        views.push((view(weight)?, bias.as_ref().map(view).transpose()?, neuron));
    }
    let network = py.detach(|| {
        let node = |(weight, bias, neuron)| Ok(Node::new(Linear::new(weight, bias)?, Neuron::clone(neuron)));
        Prepared::new(n_inputs, views.into_iter().map(node).collect::<Result<_, Error>>()?)
    });
    network.raise(py)
}

fn linear<'py, E: numpy::Element>(node: &PyNode<'py>) -> Result<Parts<'py, E>, Error> {
    let PyNode(kind, arrays, neuron) = node;
    if kind != "linear" {
        let message = format!("operation '{kind}' is not known here: there is linear");
        return Err(Error::new(Code::Operation, message));
    }
    if let Some(name) = arrays.keys().find(|name| !["weight", "bias"].contains(&name.as_str())) {
        let message =
            format!("a linear operation has no array '{name}': give weight, and bias where there is one");
        return Err(Error::new(Code::Operation, message));
    }
    let array =
        |name: &str| arrays.get(name).map(|array| array.extract().map_err(|_| not_of_one_type())).transpose();
    let Some(weight) = array("weight")? else {
        return Err(Error::new(
            Code::Operation,
            "a linear operation needs an array 'weight' of shape (out, in)",
        ));
    };
    Ok(Parts { weight, bias: array("bias")?, neuron: neuron.to_neuron()? })
}
