//! Checkpoints: a spiking network at rest in two files, `<name>.npz` and `<name>.json`.
//!
//! The same content gives the same bytes in every language, and reading believes nothing before it has checked it: see
//! sections 4 and 5 of the conformance specification for the format, the order of checks and the codes of refusals.

mod archive;
mod json;
mod neurons;
mod npy;
mod sidecar;
mod store;

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::{AnyLayer, Element, Error, Layer, Neuron, NeuronKind, PerNeuron, Values};
use archive::Arrays;
use sidecar::Sidecar;

pub use neurons::from_rows as neuron_from_rows;
pub use store::Loaded;

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

    /// The layers as a network runs them, their arrays borrowed; a layer without neurons gets its label's defaults.
    ///
    /// Errors: `neuron` for a label that is no kind of neuron, `dtype` where the layers' types differ.
    pub fn to_layers(&self) -> Result<Vec<AnyLayer<'_>>, Error> {
        let layers = self.layers.iter().map(CheckpointLayer::to_layer).collect::<Result<Vec<_>, Error>>()?;
        let is_like_first = |layer: &AnyLayer<'_>| {
            layers.first().is_some_and(|first| std::mem::discriminant(first) == std::mem::discriminant(layer))
        };
        match layers.iter().all(is_like_first) {
            true => Ok(layers),
            false => Err(Error::new("dtype", "layers differ in dtype: convert their weights to one")),
        }
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
            return Err(Error::new("sidecar_schema", format!("frozen_layers names no layer: {unknown}")));
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
        let archive = archive::write(&arrays, &sidecar.sizes)?;
        (sidecar.archive_bytes, sidecar.archive_sha256) = (archive.len() as i128, sha256(&archive));
        Ok(Files { archive, sidecar: sidecar.write()? })
    }

    /// The checkpoint that the bytes of two files hold. Errors: as [`Checkpoint::load`], but for those of the disk.
    pub fn from_bytes(files: &Files) -> Result<Self, Error> {
        let sidecar = Sidecar::read(&files.sidecar, "the sidecar")?;
        sidecar.check_archive_bytes("the archive")?;
        if !sidecar.is_of(&files.archive) {
            return Err(sidecar::foreign("the archive"));
        }
        let arrays = archive::read(&files.archive, &sidecar.sizes, "the archive")?;
        Self::from_parts(sidecar, arrays)
    }

    fn from_parts(sidecar: Sidecar, arrays: Vec<Arrays>) -> Result<Self, Error> {
        let counted = |layer: &Arrays| layer.weight.len() + layer.bias.as_ref().map_or(0, Values::len);
        let total: usize = arrays.iter().map(counted).sum();
        if total as i128 != sidecar.total_params {
            let message = format!("total_params says {}, the archive holds {total}", sidecar.total_params);
            return Err(Error::new("shape", message));
        }
        let Sidecar { names, kinds, sizes, frozen, metadata, .. } = sidecar;
        let mut layers = Vec::with_capacity(names.len());
        for (((name, kind), size), Arrays { weight, bias, neuron }) in
            names.into_iter().zip(kinds).zip(sizes).zip(arrays)
        {
            let neuron = neuron.map(|rows| neurons::from_rows(&kind, &rows)).transpose()?;
            layers.push(CheckpointLayer { name, kind, size, weight, bias, neuron });
        }
        Ok(Self { layers, frozen, metadata })
    }
}

impl CheckpointLayer {
    fn to_layer(&self) -> Result<AnyLayer<'_>, Error> {
        let Self { name, kind, size: [n_in, n_out], weight, bias, neuron } = self;
        let neuron = match (neuron, NeuronKind::from_name(kind)) {
            (Some(neuron), _) => neuron.clone(),
            (None, Some(kind)) => Neuron::new(kind),
            (None, None) => {
                let message =
                    format!("{name}: no neuron is called '{kind}': there are IF, LIF, ST-BIF, identity");
                return Err(Error::new("neuron", message));
            }
        };
        let shape = [*n_out, *n_in];
        match (weight, bias) {
            (Values::F32(weight), None) => Ok(AnyLayer::F32(layer(weight, None, shape, neuron))),
            (Values::F64(weight), None) => Ok(AnyLayer::F64(layer(weight, None, shape, neuron))),
            (Values::F32(weight), Some(Values::F32(bias))) => {
                Ok(AnyLayer::F32(layer(weight, Some(bias), shape, neuron)))
            }
            (Values::F64(weight), Some(Values::F64(bias))) => {
                Ok(AnyLayer::F64(layer(weight, Some(bias), shape, neuron)))
            }
            _ => Err(Error::new(
                "dtype",
                format!("{name}: bias and weight differ in dtype: give both the same"),
            )),
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
                return Err(Error::new("shape", message));
            }
            if !npy::is_finite(values) {
                return Err(Error::new("non_finite", format!("{name}: {part} holds NaN or infinity")));
            }
            if std::mem::discriminant(values) != std::mem::discriminant(weight) {
                return Err(Error::new(
                    "dtype",
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
                    "shape",
                    format!("{name}: a neuron's parameter has not {n_out} values"),
                ));
            }
            let rows = neurons::to_rows(neuron, *n_out);
            neurons::from_rows(kind, &rows)?;
            Ok(rows)
        });
        Ok(Arrays { weight: weight.clone(), bias: bias.clone(), neuron: neuron.transpose()? })
    }
}

fn layer<'a, F: Element>(
    weight: &'a [F],
    bias: Option<&'a Vec<F>>,
    shape: [usize; 2],
    neuron: Neuron,
) -> Layer<'a, F> {
    Layer { weights: weight.into(), shape, bias: bias.map(Into::into), neuron }
}

/// The SHA-256 of `bytes` in hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
