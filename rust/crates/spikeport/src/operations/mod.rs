//! Operations: what a node does with the signals it reads, before its neurons.
//!
//! An operation is one file, with its equation at the top. What a run needs of it stands in two traits: the operation
//! itself, laid out once, and its [`Currents`] at work on some samples. [`Events`] and [`Packed`](packed::Packed) are the
//! engine that operations with weights share: rows of inputs as lists of those that are not 0, and weights laid out for
//! adding.

mod events;
mod linear;
mod packed;

use crate::{Element, Error};

pub use events::Events;
pub use linear::Linear;

/// What a node does with the signals it reads, checked and laid out for running.
pub trait Operation<E: Element>: Send + Sync {
    /// Number of values it passes on, where the signals it reads have `inputs` values each. Errors: `shape`.
    fn width(&self, inputs: &[usize]) -> Result<usize, Error>;

    /// Additions for one row of inputs, at most.
    fn additions(&self) -> usize;

    /// The operation at work on `batch` samples.
    fn start(&self, batch: usize) -> Box<dyn Currents<E> + '_>;
}

/// An operation at work: what it keeps between blocks of steps, if anything.
pub trait Currents<E: Element> {
    /// Write the currents for the rows of `signals` to `currents`, row after row; there is one entry for each signal read.
    fn receive(&mut self, signals: &[&Events<E>], currents: &mut Vec<E>);
}
