//! A checkpoint as it is written: checked first, then member by member to wherever it goes.

use std::collections::HashSet;
use std::io;

use super::content::{Checkpoint, CheckpointLayer, version_of};
use super::digest::Running;
use super::fields::schema;
use super::members::{self, Member, Members};
use super::sidecar::{self, Sidecar};
use super::values::{Dtype, Slice, Values};
use super::{archive, neurons};
use crate::{Code, Error, Neuron, PerNeuron};

/// The weight and the bias of a layer where they lie, `None` for one that it does not have.
pub type LayerSlices<'a> = [Option<Slice<'a>>; 2];

/// What the two files will hold, all of it checked.
pub(super) struct Content<'a> {
    sidecar: Sidecar,
    expected: Vec<Members>,
    layers: Vec<(LayerSlices<'a>, Option<Values>)>,
}

impl<'a> Content<'a> {
    /// Check what is to be written: all but the arrays of `checkpoint`, and for each of its layers `arrays`.
    ///
    /// Errors: the codes by which reading would refuse the files.
    pub(super) fn new(checkpoint: &Checkpoint, arrays: &[LayerSlices<'a>]) -> Result<Self, Error> {
        let weights = || arrays.iter().filter_map(|[weight, _]| weight.map(|weight| weight.dtype()));
        let version = version_of(&checkpoint.input_shape, &checkpoint.layers, weights());
        let outline = outline_of(checkpoint)?;
        outline.check(version, "checkpoint")?;
        let expected = members::of(&outline, version)?;
        let rows = neurons::rows_of(version);
        let layers = checkpoint.layers.iter().zip(arrays).zip(&expected);
        let layers: Vec<_> = layers
            .map(|((layer, &arrays), members)| {
                check_arrays(&layer.name, &arrays, members)?;
                Ok((arrays, rows_of(layer, rows)?))
            })
            .collect::<Result<_, Error>>()?;
        let dtype_of = |(arrays, rows): &(LayerSlices<'_>, Option<Values>)| {
            let [weight, bias] = arrays.map(|array| array.map(|values| values.dtype()));
            [weight, bias, rows.as_ref().map(|_| Dtype::F64)]
        };
        members::check_types(&expected, &layers.iter().map(dtype_of).collect::<Vec<_>>(), "checkpoint")?;
        checkpoint.check_whole(weights().next())?;
        let total: usize = arrays.iter().flatten().flatten().map(Slice::len).sum();
        if total == 0 {
            return Err(schema("checkpoint", "total_params", "a whole number above 0"));
        }
        let (archive_bytes, archive_sha256) = (0, String::new());
        let total_params = total as i128;
        let sidecar = Sidecar { checkpoint: outline, version, total_params, archive_bytes, archive_sha256 };
        Ok(Self { sidecar, expected, layers })
    }

    /// Hand the archive to `out`, block by block, and return its digest and the bytes of the sidecar.
    ///
    /// Errors: `too_large`, `io`.
    pub(super) fn write(
        mut self,
        mut out: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(String, Vec<u8>), Error> {
        let mut digest = Running::default();
        let layers = self.layers.iter().map(|([weight, bias], rows)| {
            let rows = rows.as_ref().map(Values::as_slice);
            [*weight, *bias, rows]
        });
        let length = archive::write(&self.expected, layers, |bytes| {
            digest.update(bytes);
            out(bytes)
        })?;
        self.sidecar.archive_bytes = length.into();
        self.sidecar.archive_sha256 = digest.finish();
        let text = self.sidecar.write()?;
        Ok((self.sidecar.archive_sha256, text))
    }
}

/// What the sidecar says of a checkpoint: frozen layers in network order, no arrays. Errors: `sidecar_schema`.
fn outline_of(checkpoint: &Checkpoint) -> Result<Checkpoint, Error> {
    let frozen: HashSet<&String> = checkpoint.frozen.iter().collect();
    let names: HashSet<&String> = checkpoint.layers.iter().map(|layer| &layer.name).collect();
    if let Some(unknown) = checkpoint.frozen.iter().find(|name| !names.contains(name)) {
        return Err(Error::new(Code::SidecarSchema, format!("frozen_layers names no layer: {unknown}")));
    }
    let outline = |layer: &CheckpointLayer| {
        let CheckpointLayer { name, kind, operation, inputs, shape, .. } = layer;
        CheckpointLayer::new(name.clone(), kind.clone(), operation.clone(), inputs.clone(), shape.clone())
    };
    let in_order = checkpoint.layers.iter().map(|layer| &layer.name).filter(|name| frozen.contains(name));
    Ok(Checkpoint {
        input_shape: checkpoint.input_shape.clone(),
        layers: checkpoint.layers.iter().map(outline).collect(),
        frozen: in_order.cloned().collect(),
        metadata: sidecar::check_metadata(&checkpoint.metadata)?.to_owned(),
    })
}

/// Refuse arrays that reading would refuse. Errors: `missing_entry`, `shape`, `non_finite`.
fn check_arrays(name: &str, arrays: &LayerSlices<'_>, expected: &Members) -> Result<(), Error> {
    let [weight, bias, _] = expected;
    if weight.is_some() && arrays[0].is_none() {
        return Err(Error::new(Code::MissingEntry, format!("{name} has no weight")));
    }
    for (part, values, member) in [("weight", arrays[0], weight), ("bias", arrays[1], bias)] {
        let Some(values) = values else { continue };
        let wanted = member.as_ref().map(|Member { shapes, .. }| &shapes[0]);
        let size = wanted.and_then(|shape| shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n)));
        if Some(values.len()) != size {
            let message = format!("{name}: {part} has {} values: its shape is {wanted:?}", values.len());
            return Err(Error::new(Code::Shape, message));
        }
        if !values.are_finite() {
            return Err(Error::new(Code::NonFinite, format!("{name}: {part} holds NaN or infinity")));
        }
    }
    Ok(())
}

/// The `n_rows` rows of a layer's neuron, where it has one, as reading would accept them. Errors: `shape`, `neuron`.
fn rows_of(layer: &CheckpointLayer, n_rows: usize) -> Result<Option<Values>, Error> {
    let Some(neuron) = &layer.neuron else { return Ok(None) };
    let Neuron { threshold, v_init, v_reset, beta, .. } = neuron;
    let n = layer.shape[0];
    let has_width = |value: &PerNeuron| matches!(value, PerNeuron::All(_)) || value.as_slice().len() == n;
    let parameters = [Some(threshold), Some(v_init), v_reset.as_ref(), Some(beta)];
    if !parameters.into_iter().flatten().all(has_width) {
        let message = format!("{}: a neuron's parameter has not {n} values", layer.name);
        return Err(Error::new(Code::Shape, message));
    }
    let rows = neurons::to_rows(neuron, n, n_rows);
    neurons::from_rows(&layer.kind, &rows, n_rows)?;
    Ok(Some(Values::F64(rows)))
}
