//! The members that an archive may have. Who parsed the sidecar makes this list, and the reader of the archive is handed it.

use super::content::Checkpoint;
use super::fields::LARGEST_WIDTH;
use super::neurons;
use super::values::Dtype;
use crate::view::Shape;
use crate::{Code, Error};

/// One member: what it is called, and what it may be.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Name in the archive.
    pub(super) name: String,
    /// Shapes that it may have.
    pub(super) shapes: Vec<Vec<usize>>,
    /// Element types of which it is read.
    pub(super) dtypes: &'static [Dtype],
    /// What its element type must be besides.
    pub(super) types: Types,
    /// Whether an archive without it is refused.
    pub(super) is_required: bool,
}

const FLOATS: &[Dtype] = &[Dtype::F32, Dtype::F64];
const WEIGHTS: &[Dtype] = &[Dtype::F32, Dtype::F64, Dtype::I8, Dtype::I16];
const BIASES: &[Dtype] = &[Dtype::F32, Dtype::F64, Dtype::I32];

/// What the element type of a member must be, among those of which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Types {
    /// Any of them.
    Any,
    /// Double precision.
    Double,
    /// That of biases beside the weight of its layer.
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
        let member = |part: &str, shapes: Vec<Vec<usize>>, dtypes, types, is_required| Member {
            name: format!("layer_{index}.{part}.npy"),
            shapes,
            dtypes,
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
        let (weights, biases, types) =
            if version > 1 { (WEIGHTS, BIASES, Types::AsFirst) } else { (FLOATS, FLOATS, Types::Any) };
        members.push([
            weight.clone().map(|shape| member("weight", vec![shape], weights, types, true)),
            weight.map(|_| member("bias", vec![vec![out]], biases, Types::AsWeight, false)),
            Some(member("neuron", vec![vec![rows, 1], vec![rows, out]], FLOATS, Types::Double, false)),
        ]);
    }
    Ok(members)
}

/// The types of the arrays of one layer, `None` for one that is not there.
pub(super) type Dtypes = [Option<Dtype>; 3];

/// Refuse arrays of a type that is not theirs. Errors: `dtype`.
pub(super) fn check_types(expected: &[Members], layers: &[Dtypes], file: &str) -> Result<(), Error> {
    let first = layers.iter().find_map(|[weight, ..]| *weight);
    for (members, dtypes) in expected.iter().zip(layers) {
        check_layer(members, dtypes, first, file)?;
    }
    Ok(())
}

/// [`check_types`] of one layer; `first` is the type of the first weight of all.
pub(super) fn check_layer(
    members: &Members,
    dtypes: &Dtypes,
    first: Option<Dtype>,
    file: &str,
) -> Result<(), Error> {
    for (member, dtype) in members.iter().zip(dtypes) {
        let (Some(member), Some(dtype)) = (member, *dtype) else { continue };
        let (is_right, wanted) = match member.types {
            _ if !member.dtypes.contains(&dtype) => (false, "has a dtype that it cannot have"),
            Types::Any => (true, ""),
            Types::Double => (dtype == Dtype::F64, "must be float64"),
            Types::AsWeight => (
                dtypes[0].is_none_or(|weight| weight.of_bias() == dtype),
                "and the weight of its layer differ in dtype: integer weights have biases of int32",
            ),
            Types::AsFirst => (
                first.is_none_or(|first| first == dtype),
                "and the weight of a layer before it differ in dtype",
            ),
        };
        if !is_right {
            return Err(Error::new(Code::Dtype, format!("{file}: {} {wanted}", member.name)));
        }
    }
    Ok(())
}
