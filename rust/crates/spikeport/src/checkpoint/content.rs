//! What a checkpoint holds, and the network of it.

use std::borrow::Cow;

use super::fields::LARGEST_WIDTH;
use super::neurons;
use super::values::{Dtype, Values};
use crate::view::Shape;
use crate::{
    AnyNetwork, Code, Element, Error, Network, Neuron, NeuronKind, Node, OperationKind, Source, View,
};

/// A spiking network at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Of one sample.
    pub input_shape: Vec<usize>,
    /// Layers, in an order in which each reads the input or layers before it; the last one is the output.
    pub layers: Vec<CheckpointLayer>,
    /// Names of layers that fine-tuning leaves alone.
    pub frozen: Vec<String>,
    /// The text of a JSON object, carried as it was read.
    pub metadata: String,
}

/// One layer of a checkpoint: a node of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointLayer {
    /// Unique in its checkpoint, not empty.
    pub name: String,
    /// Label of the neuron: the network runs where it is the name of a [`NeuronKind`].
    pub kind: String,
    /// What it does with what it reads.
    pub operation: OperationKind,
    /// What it reads, in order.
    pub inputs: Vec<Source>,
    /// Of what it passes on; the first axis is that of the weight.
    pub shape: Vec<usize>,
    /// Weights, row by row, where the operation has them: of shape (out, in), or (out, C/groups, K…) of a convolution.
    pub weight: Option<Values>,
    /// Bias of shape (out,), of the weights' type, beside integers of 32 bits, or `None`.
    pub bias: Option<Values>,
    /// The neurons, or `None` where only the label is known.
    pub neuron: Option<Neuron>,
}

/// The version of the format that layers with weights of these types are written in: the lowest that can hold them.
///
/// That is 1 for a chain of linear layers of floats on inputs of one axis, whose neurons send at most one spike in a step.
pub(super) fn version_of(
    input_shape: &[usize],
    layers: &[CheckpointLayer],
    mut dtypes: impl Iterator<Item = Dtype>,
) -> u8 {
    let reads_the_one_before = |(index, layer): (usize, &CheckpointLayer)| {
        layer.operation == OperationKind::Linear
            && layer.inputs == [index.checked_sub(1).map_or(Source::Input, Source::Node)]
            && layer.neuron.as_ref().is_none_or(|neuron| neuron.max_spikes == 1)
    };
    let is_chain = input_shape.len() == 1 && layers.iter().enumerate().all(reads_the_one_before);
    if is_chain && !dtypes.any(Dtype::is_whole) { 1 } else { 2 }
}

impl Checkpoint {
    /// Number of weights and biases.
    pub fn total_params(&self) -> usize {
        self.layers.iter().flat_map(|layer| layer.weight.iter().chain(&layer.bias)).map(Values::len).sum()
    }

    /// The version of the format that it is written in: the lowest that can hold it.
    pub fn version(&self) -> u8 {
        version_of(&self.input_shape, &self.layers, self.weights().map(Values::dtype))
    }

    /// The type of the weights, where there are any: that of the first.
    pub fn dtype(&self) -> Option<Dtype> {
        self.weights().next().map(Values::dtype)
    }

    fn weights(&self) -> impl Iterator<Item = &Values> {
        self.layers.iter().flat_map(|layer| &layer.weight)
    }

    /// Where `dtype` is that of an integer network's weights, refuse what such a network cannot hold, node by node.
    ///
    /// Errors: `neuron`, `operation`.
    pub(super) fn check_whole(&self, dtype: Option<Dtype>) -> Result<(), Error> {
        if !dtype.is_some_and(Dtype::is_whole) {
            return Ok(());
        }
        self.layers.iter().try_for_each(CheckpointLayer::check_whole)
    }

    /// The network, in the type of its weights; a layer without neurons gets its label's defaults.
    ///
    /// Errors: `neuron` for a label that is no kind of neuron, `dtype` where the layers' types differ.
    pub fn to_network(&self) -> Result<AnyNetwork, Error> {
        let neurons =
            self.layers.iter().map(CheckpointLayer::to_neuron).collect::<Result<Vec<_>, Error>>()?;
        let dtype = self.dtype().unwrap_or(Dtype::F64);
        let mut weights = self.weights();
        let mut biases = self.layers.iter().flat_map(|layer| &layer.bias);
        if weights.any(|weight| weight.dtype() != dtype) || biases.any(|bias| bias.dtype() != dtype.of_bias())
        {
            let message = "arrays of layers differ in dtype: convert them to one";
            return Err(Error::new(Code::Dtype, message));
        }
        Ok(match dtype {
            Dtype::F32 => AnyNetwork::F32(self.network_of(neurons, Values::as_single)?),
            Dtype::F64 => AnyNetwork::F64(self.network_of(neurons, Values::as_double)?),
            Dtype::I8 | Dtype::I16 | Dtype::I32 => {
                AnyNetwork::I32(self.network_of(neurons, Values::as_whole)?)
            }
        })
    }

    /// The network of arrays that `values` gives in its type.
    fn network_of<'a, E: Element>(
        &'a self,
        neurons: Vec<Neuron>,
        values: fn(&'a Values) -> Option<Cow<'a, [E]>>,
    ) -> Result<Network<E>, Error> {
        let mut nodes = Vec::with_capacity(self.layers.len());
        for (layer, neuron) in self.layers.iter().zip(neurons) {
            let weight_shape = layer.weight_shape(&self.input_shape, &self.layers).unwrap_or_default();
            let bias_shape = layer.shape.get(..1).unwrap_or_default();
            let [weight, bias] = [&layer.weight, &layer.bias].map(|array| array.as_ref().and_then(values));
            let weight = weight.as_ref().map(|weight| View::new(weight, &weight_shape)).transpose()?;
            let bias = bias.as_ref().map(|bias| View::new(bias, bias_shape)).transpose()?;
            let operation = layer.operation.build(weight, bias)?;
            nodes.push(Node::reading(operation, neuron, layer.inputs.clone()));
        }
        Network::new(&self.input_shape, nodes)
    }
}

impl CheckpointLayer {
    /// A layer whose arrays and neurons are not there yet.
    pub fn new(
        name: String,
        kind: String,
        operation: OperationKind,
        inputs: Vec<Source>,
        shape: Vec<usize>,
    ) -> Self {
        Self { name, kind, operation, inputs, shape, weight: None, bias: None, neuron: None }
    }

    /// The shape of its weight, where it has one; `layers` are those of the network, as far as it reads them.
    pub fn weight_shape(&self, input_shape: &[usize], layers: &[Self]) -> Option<Vec<usize>> {
        let first = shape_of(*self.inputs.first()?, input_shape, layers)?;
        self.operation.weight_shape(first, *self.shape.first()?)
    }

    /// Say what is wrong unless its shape is what its operation makes of what it reads of the layers `before` it.
    pub(super) fn check_shape(&self, input_shape: &[usize], before: &[Self]) -> Result<(), String> {
        let shapes = self.inputs.iter().map(|&source| shape_of(source, input_shape, before));
        let shapes: Vec<&[usize]> = shapes.collect::<Option<_>>().ok_or("reads what is not before it")?;
        let out = self.shape.first().copied().unwrap_or(0);
        let given =
            self.operation.output_shape(&shapes, out).map_err(|error| format!("cannot be: {error}"))?;
        let size = self.shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n));
        if !size.is_some_and(|size| (1..=LARGEST_WIDTH).contains(&size)) {
            return Err(format!("has the shape {}: give at most 2^31 - 1 values", Shape(&self.shape)));
        }
        if given == self.shape {
            return Ok(());
        }
        Err(format!("has the shape {}, and gives {}", Shape(&self.shape), Shape(&given)))
    }

    /// Refuse what no node of an integer network can be. Errors: `neuron`, `operation`.
    fn check_whole(&self) -> Result<(), Error> {
        let Self { name, kind, operation, shape, neuron, .. } = self;
        if kind == NeuronKind::Lif.name() {
            let message = format!("{name} leaks, which integers cannot: make it IF, with beta 1");
            return Err(Error::new(Code::Neuron, message));
        }
        if let Some(neuron) = neuron {
            neurons::check_whole(neuron, shape[0]).map_err(|error| error.of(name))?;
        }
        if matches!(operation, OperationKind::AvgPool(_)) {
            let message = format!("{name} is an average, which integers do not have: make it a sum_pool");
            return Err(Error::new(Code::Operation, message));
        }
        Ok(())
    }

    /// The neurons, those of the label's defaults where only the label is known. Errors: `neuron`.
    fn to_neuron(&self) -> Result<Neuron, Error> {
        let Self { name, kind, neuron, .. } = self;
        match (neuron, NeuronKind::from_name(kind)) {
            (Some(neuron), _) => Ok(neuron.clone()),
            (None, Some(kind)) => Ok(Neuron::new(kind)),
            (None, None) => {
                let message =
                    format!("{name}: no neuron is called '{kind}': there are IF, LIF, ST-BIF, identity");
                Err(Error::new(Code::Neuron, message))
            }
        }
    }
}

fn shape_of<'a>(
    source: Source,
    input_shape: &'a [usize],
    layers: &'a [CheckpointLayer],
) -> Option<&'a [usize]> {
    match source {
        Source::Input => Some(input_shape),
        Source::Node(node) => layers.get(node).map(|layer| layer.shape.as_slice()),
    }
}
