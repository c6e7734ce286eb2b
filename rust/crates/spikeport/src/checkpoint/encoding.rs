//! A checkpoint as the bytes of two files.

use super::archive::Arrays;
use super::content::{Checkpoint, version_of};
use super::digest::Running;
use super::sidecar::{self, Sidecar};
use super::values::{Dtype, Values};
use super::writing::{Content, LayerSlices};
use super::{archive, members, neurons, npy};
use crate::{Code, Error};

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
        let (mut digest, rows) = (Running::default(), neurons::rows_of(self.version()));
        let mut take = |values: &Values| {
            // What is handed the blocks does not fail.
            let _ = npy::blocks(values.as_slice(), |block| {
                digest.update(block);
                Ok(())
            });
        };
        for layer in &self.layers {
            layer.weight.iter().chain(&layer.bias).for_each(&mut take);
            if let Some(neuron) = &layer.neuron {
                take(&Values::F64(neurons::to_rows(neuron, layer.shape[0], rows)));
            }
        }
        digest.finish()
    }

    /// The bytes of the two files: the same content, the same bytes.
    ///
    /// Errors: the codes by which reading would refuse them.
    pub fn to_bytes(&self) -> Result<Files, Error> {
        let mut archive = Vec::new();
        let (_, sidecar) = Content::new(self, &self.slices())?.write(|bytes| {
            archive.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(Files { archive, sidecar })
    }

    /// Weight and bias of each layer where they lie.
    pub(super) fn slices(&self) -> Vec<LayerSlices<'_>> {
        let arrays = self.layers.iter().map(|layer| [&layer.weight, &layer.bias]);
        arrays.map(|arrays| arrays.map(|values| values.as_ref().map(Values::as_slice))).collect()
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
        let weights: Vec<Dtype> = arrays.iter().flat_map(|[weight, ..]| weight).map(Values::dtype).collect();
        let total =
            arrays.iter().flat_map(|[weight, bias, _]| weight.iter().chain(bias)).map(Values::len).sum();
        let rows = arrays.iter().map(|[.., rows]| rows.as_ref());
        let mut checkpoint = Self::of_sidecar(sidecar, total, &weights, rows)?;
        for (layer, [weight, bias, _]) in checkpoint.layers.iter_mut().zip(arrays) {
            (layer.weight, layer.bias) = (weight, bias);
        }
        Ok(checkpoint)
    }

    /// The checkpoint of a sidecar and the rows of its layers' neurons, whose other arrays are not there yet: `total` values
    /// in all, weights of these types.
    pub(super) fn of_sidecar<'a>(
        sidecar: Sidecar,
        total: usize,
        weights: &[Dtype],
        rows: impl Iterator<Item = Option<&'a Values>>,
    ) -> Result<Self, Error> {
        if total as i128 != sidecar.total_params {
            let message = format!("total_params says {}, the archive holds {total}", sidecar.total_params);
            return Err(Error::new(Code::Shape, message));
        }
        let mut checkpoint = sidecar.checkpoint;
        let n_rows = neurons::rows_of(sidecar.version);
        for (layer, rows) in checkpoint.layers.iter_mut().zip(rows) {
            let rows = rows.and_then(Values::as_double);
            layer.neuron = rows.map(|rows| neurons::from_rows(&layer.kind, &rows, n_rows)).transpose()?;
        }
        checkpoint.check_whole(weights.first().copied())?;
        if version_of(&checkpoint.input_shape, &checkpoint.layers, weights.iter().copied()) != sidecar.version
        {
            let message =
                "a chain of linear layers of floats, each with one spike a step, is written in version 1";
            return Err(Error::new(Code::Version, message));
        }
        Ok(checkpoint)
    }
}
