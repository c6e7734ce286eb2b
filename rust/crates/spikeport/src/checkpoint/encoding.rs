//! A checkpoint as the bytes of two files.

use std::collections::HashSet;

use super::archive::Arrays;
use super::content::{Checkpoint, CheckpointLayer};
use super::digest::sha256;
use super::fields::schema;
use super::sidecar::{self, Sidecar};
use super::values::Values;
use super::{archive, members, neurons, npy};
use crate::{Code, Error, Neuron, PerNeuron};

/// The bytes of the two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `<name>.npz`.
    pub archive: Vec<u8>,
    /// `<name>.json`.
    pub sidecar: Vec<u8>,
}

impl Checkpoint {
    /// The SHA-256 of the value bytes of all members of the archive, in its order.
    pub fn arrays_digest(&self) -> String {
        let (mut bytes, rows) = (Vec::new(), neurons::rows_of(self.version()));
        for layer in &self.layers {
            layer.weight.iter().chain(&layer.bias).for_each(|array| npy::append(array, &mut bytes));
            if let Some(neuron) = &layer.neuron {
                let values = neurons::to_rows(neuron, layer.shape[0], rows);
                npy::append(&Values::F64(values), &mut bytes);
            }
        }
        sha256(&bytes)
    }

    /// The bytes of the two files: the same content, the same bytes.
    ///
    /// Errors: the codes by which reading would refuse them.
    pub fn to_bytes(&self) -> Result<Files, Error> {
        let frozen: HashSet<&String> = self.frozen.iter().collect();
        let names: HashSet<&String> = self.layers.iter().map(|layer| &layer.name).collect();
        if let Some(unknown) = self.frozen.iter().find(|name| !names.contains(name)) {
            return Err(Error::new(Code::SidecarSchema, format!("frozen_layers names no layer: {unknown}")));
        }
        let outline = |layer: &CheckpointLayer| {
            let CheckpointLayer { name, kind, operation, inputs, shape, .. } = layer.clone();
            CheckpointLayer::new(name, kind, operation, inputs, shape)
        };
        let in_order = self.layers.iter().map(|layer| &layer.name).filter(|name| frozen.contains(name));
        let checkpoint = Self {
            input_shape: self.input_shape.clone(),
            layers: self.layers.iter().map(outline).collect(),
            frozen: in_order.cloned().collect(),
            metadata: sidecar::check_metadata(&self.metadata)?.to_owned(),
        };
        let version = self.version();
        checkpoint.check(version, "checkpoint")?;
        let expected = members::of(&checkpoint, version)?;
        let rows = neurons::rows_of(version);
        let mut arrays = Vec::with_capacity(self.layers.len());
        for (layer, members) in self.layers.iter().zip(&expected) {
            arrays.push(layer.to_arrays(members, rows)?);
        }
        members::check_types(&expected, &arrays, "checkpoint")?;
        self.check_whole()?;
        let archive = archive::write(&expected, &arrays)?;
        let sidecar = Sidecar {
            checkpoint,
            version,
            total_params: self.total_params() as i128,
            archive_bytes: archive.len() as i128,
            archive_sha256: sha256(&archive),
        };
        if sidecar.total_params == 0 {
            return Err(schema("checkpoint", "total_params", "a whole number above 0"));
        }
        let sidecar = sidecar.write()?;
        Ok(Files { archive, sidecar })
    }

    /// The checkpoint that the bytes of two files hold. Errors: as [`Checkpoint::load`], but for those of the disk.
    pub fn from_bytes(files: &Files) -> Result<Self, Error> {
        let sidecar = Sidecar::read(&files.sidecar, "the sidecar")?;
        let expected = members::of(&sidecar.checkpoint, sidecar.version)?;
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
        let mut checkpoint = sidecar.checkpoint;
        let rows = neurons::rows_of(sidecar.version);
        for (layer, [weight, bias, neuron]) in checkpoint.layers.iter_mut().zip(arrays) {
            let values = neuron.as_ref().and_then(Values::as_double);
            layer.neuron = values.map(|values| neurons::from_rows(&layer.kind, &values, rows)).transpose()?;
            (layer.weight, layer.bias) = (weight, bias);
        }
        checkpoint.check_whole()?;
        if checkpoint.version() != sidecar.version {
            let message =
                "a chain of linear layers of floats, each with one spike a step, is written in version 1";
            return Err(Error::new(Code::Version, message));
        }
        Ok(checkpoint)
    }
}

impl CheckpointLayer {
    /// The arrays of the layer as reading would accept them; a neuron has `n_rows` rows.
    fn to_arrays(&self, expected: &members::Members, n_rows: usize) -> Result<Arrays, Error> {
        let Self { name, kind, weight, bias, neuron, shape, .. } = self;
        let [weight_member, bias_member, _] = expected;
        if weight_member.is_some() && weight.is_none() {
            return Err(Error::new(Code::MissingEntry, format!("{name} has no weight")));
        }
        for (part, values, member) in [("weight", weight, weight_member), ("bias", bias, bias_member)] {
            let Some(values) = values else { continue };
            let wanted = member.as_ref().map(|member| &member.shapes[0]);
            let size = wanted.and_then(|shape| shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n)));
            if Some(values.len()) != size {
                let message = format!("{name}: {part} has {} values: its shape is {wanted:?}", values.len());
                return Err(Error::new(Code::Shape, message));
            }
            if !values.are_finite() {
                return Err(Error::new(Code::NonFinite, format!("{name}: {part} holds NaN or infinity")));
            }
        }
        let neuron = neuron.as_ref().map(|neuron| {
            let Neuron { threshold, v_init, v_reset, beta, .. } = neuron;
            let n = shape[0];
            let has_width =
                |value: &PerNeuron| matches!(value, PerNeuron::All(_)) || value.as_slice().len() == n;
            let parameters = [Some(threshold), Some(v_init), v_reset.as_ref(), Some(beta)];
            if !parameters.into_iter().flatten().all(has_width) {
                let message = format!("{name}: a neuron's parameter has not {n} values");
                return Err(Error::new(Code::Shape, message));
            }
            let rows = neurons::to_rows(neuron, n, n_rows);
            neurons::from_rows(kind, &rows, n_rows)?;
            Ok(rows)
        });
        Ok([weight.clone(), bias.clone(), neuron.transpose()?.map(Values::F64)])
    }
}
