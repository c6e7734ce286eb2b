//! Checkpoints: a spiking network at rest in two files, `<name>.npz` and `<name>.json`.
//!
//! The same content gives the same bytes in every language, and reading believes nothing before it has checked it: see
//! sections 4 and 5 of the conformance specification for the format, the order of checks and the codes of refusals.

mod archive;
mod content;
mod digest;
mod disk;
mod encoding;
mod fields;
mod json;
mod members;
mod neurons;
mod npy;
mod sidecar;
mod values;
mod version_1;
mod version_2;
mod writing;

pub use content::{Checkpoint, CheckpointLayer};
pub use digest::sha256;
pub use disk::{Loaded, Opened, OpenedArray, Reading, checkpoint_paths};
pub use encoding::Files;
pub use neurons::{from_rows as neuron_from_rows, to_rows as neuron_to_rows};
pub use values::{Dtype, Slice, Values};
pub use version_1::layers_of_sizes;
pub use version_2::{NodeRecord, layers_of_nodes};
pub use writing::LayerSlices;
