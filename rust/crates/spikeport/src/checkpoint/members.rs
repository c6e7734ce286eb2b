//! The members that an archive may have. Who parsed the sidecar makes this list, and the reader of the archive is handed it.

use super::archive::Arrays;
use super::content::Checkpoint;
use super::fields::LARGEST_WIDTH;
use super::neurons;
use super::values::Values;
use crate::view::Shape;
use crate::{Code, Error};

/// One member: what it is called, and what it may be.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Name in the archive.
    pub(super) name: String,
    /// Shapes that it may have.
    pub(super) shapes: Vec<Vec<usize>>,
    /// Element types that it may have.
    pub(super) types: Types,
    /// Whether an archive without it is refused.
    pub(super) is_required: bool,
}

/// The element types that a member may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Types {
    /// Single or double precision.
    Float,
    /// Double precision.
    Double,
    /// That of the weight of its layer.
    AsWeight,
    /// That of the first weight of all.
    AsFirst,
}

/// The members of one layer, in the order of the archive: weight, bias, neuron; `None` for one that it cannot have.
pub(super) type Members = [Option<Member>; 3];

/// The members that files of this version have for the layers of a checkpoint whose arrays may not be there yet.
///
/// Errors: `too_large` for a giant weight.
pub(super) fn of(checkpoint: &Checkpoint, version: u8) -> Result<Vec<Members>, Error> {
    let layers = &checkpoint.layers;
    let rows = neurons::rows_of(version);
    let mut members = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let member = |part: &str, shapes: Vec<Vec<usize>>, types, is_required| Member {
            name: format!("layer_{index}.{part}.npy"),
            shapes,
            types,
            is_required,
        };
        let out = layer.shape[0];
        let weight = layer.weight_shape(&checkpoint.input_shape, layers);
        let is_giant = |shape: &Vec<usize>| {
            let size = shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n));
            size.is_none_or(|size| size > LARGEST_WIDTH)
        };
        if let Some(shape) = weight.as_ref().filter(|shape| version > 1 && is_giant(shape)) {
            let message = format!("{} has more than 2^31 - 1 weights: {}", layer.name, Shape(shape));
            return Err(Error::new(Code::TooLarge, message));
        }
        let types = if version > 1 { Types::AsFirst } else { Types::Float };
        members.push([
            weight.clone().map(|shape| member("weight", vec![shape], types, true)),
            weight.map(|_| member("bias", vec![vec![out]], Types::AsWeight, false)),
            Some(member("neuron", vec![vec![rows, 1], vec![rows, out]], Types::Double, false)),
        ]);
    }
    Ok(members)
}

/// Refuse arrays of a type that is not theirs. Errors: `dtype`.
pub(super) fn check_types(expected: &[Members], layers: &[Arrays], file: &str) -> Result<(), Error> {
    let first = layers.iter().find_map(|[weight, ..]| weight.as_ref());
    for (members, arrays) in expected.iter().zip(layers) {
        check_layer(members, arrays, first, file)?;
    }
    Ok(())
}

/// [`check_types`] of one layer; `first` is the first weight of all.
pub(super) fn check_layer(
    members: &Members,
    arrays: &Arrays,
    first: Option<&Values>,
    file: &str,
) -> Result<(), Error> {
    for (member, values) in members.iter().zip(arrays) {
        let (Some(member), Some(values)) = (member, values) else { continue };
        let (is_right, wanted) = match member.types {
            Types::Float => (true, ""),
            Types::Double => (values.as_double().is_some(), "must be float64"),
            Types::AsWeight => (
                arrays[0].as_ref().is_none_or(|weight| weight.is_like(values)),
                "and the weight of its layer differ in dtype",
            ),
            Types::AsFirst => (
                first.is_none_or(|first| first.is_like(values)),
                "and the weight of a layer before it differ in dtype",
            ),
        };
        if !is_right {
            return Err(Error::new(Code::Dtype, format!("{file}: {} {wanted}", member.name)));
        }
    }
    Ok(())
}
