//! Operations: what a node does with the signals it reads, before its neurons.
//!
//! An operation is one file, with its equation at the top. What a run needs of it stands in two traits: the operation
//! itself, laid out once, and its [`Currents`] at work on some samples. [`Events`], [`Packed`](packed::Packed) and
//! [`Field`](field::Field) are the engine that they share: rows of inputs as lists of those that are not 0, weights laid
//! out for adding, and which places of a window read a value. [`OperationKind`] is an operation without its arrays, and
//! the table of all of them.

mod conv;
mod currents;
mod events;
mod field;
mod join;
mod kind;
mod linear;
mod masses;
mod max_pool;
mod packed;
mod pool;
mod scatter;
mod weighing;
mod window;

use crate::{Element, Error};

pub use conv::Conv;
pub use currents::operation_currents;
pub use events::Events;
pub use join::{Add, Concat};
pub use kind::{Attributes, OperationKind};
pub use linear::Linear;
pub use max_pool::MaxPool;
pub use pool::Pool;
pub use window::Window;

/// What a node does with the signals it reads, checked and laid out for running.
pub trait Operation<E: Element>: Send + Sync {
    /// The shape of what it passes on, where the signals it reads have these shapes.
    ///
    /// Errors: `shape`, and `operation` for one that whole numbers do not have.
    fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, Error>;

    /// Whether the currents of a step hang on the steps before it.
    fn remembers(&self) -> bool {
        false
    }

    /// The largest absolute value of its currents, and of what it remembers in one step, where they are whole numbers and
    /// the signals that it reads have values of at most `most`, one for each.
    fn bound(&self, most: &[u64]) -> u64;

    /// Additions for one row of signals of these shapes, at most.
    fn additions(&self, inputs: &[&[usize]]) -> usize;

    /// The operation at work on `batch` samples of signals of these shapes, which fit it. Errors: `too_large`.
    fn start(&self, inputs: &[&[usize]], batch: usize) -> Result<Box<dyn Currents<E> + '_>, Error>;
}

/// An operation at work: what it keeps between blocks of steps, if anything.
pub trait Currents<E: Element> {
    /// Write `rows` rows of currents, step by step and in a step sample by sample, over whatever `currents` holds.
    ///
    /// There is one entry of `signals` for each signal read. A signal that is the same at every step has the rows of one
    /// step.
    fn receive(&mut self, signals: &[&Events<E>], rows: usize, currents: &mut [E]);

    /// Add no bias from here on.
    fn drop_bias(&mut self) {}
}
