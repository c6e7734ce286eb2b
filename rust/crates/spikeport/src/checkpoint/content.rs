//! What a checkpoint holds, as a network and as the bytes of two files.

use std::collections::HashSet;

use super::archive::Arrays;
use super::digest::sha256;
use super::sidecar::{self, Sidecar};
use super::values::Values;
use super::{archive, members, neurons, npy};
use crate::{AnyNetwork, Code, Element, Error, Linear, Network, Neuron, NeuronKind, Node, PerNeuron, View};

/// A spiking network at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Layers, input side first.
    pub layers: Vec<CheckpointLayer>,
    /// Names of layers that fine-tuning leaves alone.
    pub frozen: Vec<String>,
    /// The text of a JSON object, carried as it was read.
    pub metadata: String,
}

/// One layer of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointLayer {
    /// Unique in its checkpoint, not empty.
    pub name: String,
    /// Label of the neuron: the network runs where it is the name of a [`NeuronKind`].
    pub kind: String,
    /// Number of inputs and outputs.
    pub size: [usize; 2],
    /// Weights of shape (out, in), row by row.
    pub weight: Values,
    /// Bias of shape (out,), of the weights' type, or `None`.
    pub bias: Option<Values>,
    /// The neurons, or `None` where only the label is known.
    pub neuron: Option<Neuron>,
}

/// The bytes of the two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `<name>.npz`.
    pub archive: Vec<u8>,
    /// `<name>.json`.
    pub sidecar: Vec<u8>,
}

impl Checkpoint {
    /// Number of weights and biases.
    pub fn total_params(&self) -> usize {
        self.layers.iter().map(|layer| layer.weight.len() + layer.bias.as_ref().map_or(0, Values::len)).sum()
    }

    /// The network, in the type of its weights; a layer without neurons gets its label's defaults.
    ///
    /// Errors: `neuron` for a label that is no kind of neuron, `dtype` where the layers' types differ.
    pub fn to_network(&self) -> Result<AnyNetwork, Error> {
        let neurons =
            self.layers.iter().map(CheckpointLayer::to_neuron).collect::<Result<Vec<_>, Error>>()?;
        match self.layers.first().map(|layer| &layer.weight) {
            Some(Values::F32(_)) => Ok(AnyNetwork::F32(self.network_of(neurons, Values::as_single)?)),
            _ => Ok(AnyNetwork::F64(self.network_of(neurons, Values::as_double)?)),
        }
    }

    /// The network of arrays that `values` finds to be of its type.
    fn network_of<'a, E: Element>(
        &'a self,
        neurons: Vec<Neuron>,
        values: fn(&'a Values) -> Option<&'a [E]>,
    ) -> Result<Network<E>, Error> {
        let mixed = || Error::new(Code::Dtype, "arrays of layers differ in dtype: convert them to one");
        let node = |(layer, neuron): (&'a CheckpointLayer, Neuron)| {
            let [n_in, n_out] = layer.size;
            let (weight_shape, bias_shape) = ([n_out, n_in], [n_out]);
            let weight = View::new(values(&layer.weight).ok_or_else(mixed)?, &weight_shape)?;
            let bias = layer.bias.as_ref().map(|bias| values(bias).ok_or_else(mixed)).transpose()?;
            let bias = bias.map(|bias| View::new(bias, &bias_shape)).transpose()?;
            Ok(Node::new(Linear::new(weight, bias)?, neuron))
        };
        let nodes = self.layers.iter().zip(neurons).map(node).collect::<Result<_, Error>>()?;
        Network::new(&[self.layers.first().map_or(0, |layer| layer.size[0])], nodes)
    }

    /// The SHA-256 of the value bytes of all members of the archive, in its order.
    pub fn arrays_digest(&self) -> String {
        let mut bytes = Vec::new();
        for layer in &self.layers {
            npy::append(&layer.weight, &mut bytes);
            layer.bias.iter().for_each(|bias| npy::append(bias, &mut bytes));
            if let Some(neuron) = &layer.neuron {
                npy::append(&Values::F64(neurons::to_rows(neuron, layer.size[1])), &mut bytes);
            }
        }
        sha256(&bytes)
    }

    /// The bytes of the two files: the same content, the same bytes.
    ///
    /// Errors: the codes by which reading would refuse them.
    pub fn to_bytes(&self) -> Result<Files, Error> {
        let names: Vec<String> = self.layers.iter().map(|layer| layer.name.clone()).collect();
        let frozen: HashSet<&String> = self.frozen.iter().collect();
        if let Some(unknown) = self.frozen.iter().find(|name| !names.contains(name)) {
            return Err(Error::new(Code::SidecarSchema, format!("frozen_layers names no layer: {unknown}")));
        }
        let mut sidecar = Sidecar {
            sizes: self.layers.iter().map(|layer| layer.size).collect(),
            kinds: self.layers.iter().map(|layer| layer.kind.clone()).collect(),
            frozen: names.iter().filter(|name| frozen.contains(name)).cloned().collect(),
            names,
            total_params: self.total_params() as i128,
            archive_bytes: 0,
            archive_sha256: String::new(),
            metadata: sidecar::check_metadata(&self.metadata)?.to_owned(),
        };
        sidecar.check("checkpoint")?;
        let arrays = self.layers.iter().map(CheckpointLayer::to_arrays).collect::<Result<Vec<_>, Error>>()?;
        let archive = archive::write(&members::of_sizes(&sidecar.sizes), &arrays)?;
        (sidecar.archive_bytes, sidecar.archive_sha256) = (archive.len() as i128, sha256(&archive));
        Ok(Files { archive, sidecar: sidecar.write()? })
    }

    /// The checkpoint that the bytes of two files hold. Errors: as [`Checkpoint::load`], but for those of the disk.
    pub fn from_bytes(files: &Files) -> Result<Self, Error> {
        let sidecar = Sidecar::read(&files.sidecar, "the sidecar")?;
        let expected = members::of_sizes(&sidecar.sizes);
        archive::check_length(sidecar.archive_bytes, &expected, "the archive")?;
        if !sidecar.is_of(&files.archive) {
            return Err(sidecar::foreign("the archive"));
        }
        let arrays = archive::read(&files.archive, &expected, "the archive")?;
        Self::from_parts(sidecar, arrays)
    }

    /// The checkpoint of a sidecar and the arrays of its layers: weight, bias and neuron of each.
    pub(super) fn from_parts(sidecar: Sidecar, arrays: Vec<Arrays>) -> Result<Self, Error> {
        let learned = arrays.iter().flat_map(|[weight, bias, _]| weight.iter().chain(bias));
        let total: usize = learned.map(Values::len).sum();
        if total as i128 != sidecar.total_params {
            let message = format!("total_params says {}, the archive holds {total}", sidecar.total_params);
            return Err(Error::new(Code::Shape, message));
        }
        let Sidecar { names, kinds, sizes, frozen, metadata, .. } = sidecar;
        let mut layers = Vec::with_capacity(names.len());
        for (((name, kind), size), [weight, bias, neuron]) in
            names.into_iter().zip(kinds).zip(sizes).zip(arrays)
        {
            let Some(weight) = weight else {
                return Err(Error::new(Code::MissingEntry, format!("{name} has no weight")));
            };
            let rows = neuron.as_ref().and_then(Values::as_double);
            let neuron = rows.map(|rows| neurons::from_rows(&kind, rows)).transpose()?;
            layers.push(CheckpointLayer { name, kind, size, weight, bias, neuron });
        }
        Ok(Self { layers, frozen, metadata })
    }
}

impl CheckpointLayer {
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

    /// The arrays of the layer as reading would accept them.
    fn to_arrays(&self) -> Result<Arrays, Error> {
        let Self { name, kind, size: [n_in, n_out], weight, bias, neuron } = self;
        for (part, values, size) in
            [("weight", Some(weight), n_in.checked_mul(*n_out)), ("bias", bias.as_ref(), Some(*n_out))]
        {
            let Some(values) = values else { continue };
            if Some(values.len()) != size {
                let message =
                    format!("{name}: {part} has {} values: layer_sizes says [{n_in}, {n_out}]", values.len());
                return Err(Error::new(Code::Shape, message));
            }
            if !values.are_finite() {
                return Err(Error::new(Code::NonFinite, format!("{name}: {part} holds NaN or infinity")));
            }
            if !values.is_like(weight) {
                return Err(Error::new(
                    Code::Dtype,
                    format!("{name}: bias and weight differ in dtype: give both the same"),
                ));
            }
        }
        let neuron = neuron.as_ref().map(|neuron| {
            let Neuron { threshold, v_init, v_reset, beta, .. } = neuron;
            let has_width =
                |value: &PerNeuron| matches!(value, PerNeuron::All(_)) || value.as_slice().len() == *n_out;
            if ![Some(threshold), Some(v_init), v_reset.as_ref(), Some(beta)]
                .into_iter()
                .flatten()
                .all(has_width)
            {
                return Err(Error::new(
                    Code::Shape,
                    format!("{name}: a neuron's parameter has not {n_out} values"),
                ));
            }
            let rows = neurons::to_rows(neuron, *n_out);
            neurons::from_rows(kind, &rows)?;
            Ok(rows)
        });
        Ok([Some(weight.clone()), bias.clone(), neuron.transpose()?.map(Values::F64)])
    }
}
