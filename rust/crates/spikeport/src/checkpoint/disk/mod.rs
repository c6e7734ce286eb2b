//! The two files on disk: loading, a large archive in one pass, and saving.

mod opened;
mod saving;
mod store;

pub use opened::{Opened, OpenedArray};
pub use store::{Loaded, Reading, checkpoint_paths};
