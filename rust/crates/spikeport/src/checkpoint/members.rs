//! The members that an archive may have. Who parsed the sidecar makes this list, and the reader of the archive is handed it.

use super::neurons::ROWS;

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
}

/// The members of one layer, in the order of the archive: weight, bias, neuron.
pub(super) type Members = [Member; 3];

/// The members of layers of these (in, out) sizes: what a version 1 sidecar says.
pub(super) fn of_sizes(sizes: &[[usize; 2]]) -> Vec<Members> {
    let of_layer = |(index, &[n_in, n_out]): (usize, &[usize; 2])| {
        let member = |part: &str, shapes: Vec<Vec<usize>>, types, is_required| Member {
            name: format!("layer_{index}.{part}.npy"),
            shapes,
            types,
            is_required,
        };
        [
            member("weight", vec![vec![n_out, n_in]], Types::Float, true),
            member("bias", vec![vec![n_out]], Types::AsWeight, false),
            member("neuron", vec![vec![ROWS, 1], vec![ROWS, n_out]], Types::Double, false),
        ]
    };
    sizes.iter().enumerate().map(of_layer).collect()
}
