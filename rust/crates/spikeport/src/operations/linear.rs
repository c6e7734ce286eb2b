//! A linear layer: every output reads every input.
//!
//! ```text
//! I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + … ) + b[j]
//! ```
//!
//! in this order and with no fused multiply-add. The order is part of the contract: it makes a current independent of the
//! batch, of the number of threads and of the language.

use super::masses::Masses;
use super::packed::Packed;
use super::weighing::Sums;
use super::{Currents, Events, Operation};
use crate::running::Interruption;
use crate::view::Shape;
use crate::{Code, Element, Error, View, checks};

/// Rows of inputs that are summed between two questions whether to go on.
const ROWS: usize = 64;

/// Weights of shape (out, in) and perhaps a bias of shape (out,), laid out for running.
pub struct Linear<E> {
    packed: Packed<E>,
    masses: Masses,
}

impl<E: Element> Linear<E> {
    /// Lay out `weights` of shape (out, in) and `bias` of shape (out,).
    ///
    /// Errors: `shape`, `non_finite`, `too_large`, and `overflow` for integer weights of more than 16 bits.
    pub fn new(weights: View<'_, E>, bias: Option<View<'_, E>>) -> Result<Self, Error> {
        let &[n_out, n_in] = weights.shape() else {
            let message = format!("weights have shape {}: give (out, in)", Shape(weights.shape()));
            return Err(Error::new(Code::Shape, message));
        };
        checks::weights(weights, bias)?;
        let bias = bias.map(|bias| bias.data());
        Ok(Self {
            packed: Packed::new(weights.data(), bias, n_out, n_in)?,
            masses: Masses::of(weights.data(), bias, n_out),
        })
    }

    /// Number of outputs.
    pub fn n_outputs(&self) -> usize {
        self.packed.n_out()
    }

    /// The currents of shape (…, out) for `inputs` of shape (…, in), and their bound, which is that of whole numbers.
    ///
    /// Errors: `shape`, `too_large`, `overflow`.
    pub(crate) fn currents(&self, inputs: View<'_, E>) -> Result<(Vec<E>, u64), Error> {
        let (n_out, n_in) = (self.packed.n_out(), self.packed.n_in());
        let Some((&width, rows)) = inputs.shape().split_last() else {
            return Err(self.unfit(inputs.shape()));
        };
        if width != n_in {
            return Err(self.unfit(inputs.shape()));
        }
        let bound = if E::IS_WHOLE { self.masses.bound(checks::largest(inputs.data())) } else { 0 };
        checks::fits("a current", bound)?;
        let rows: usize = rows.iter().product();
        let mut currents = checks::zeros(&[rows, n_out])?;
        let (mut events, mut sums, interruption) = (Events::default(), Sums::default(), Interruption::new());
        for first in (0..rows).step_by(ROWS) {
            interruption.check()?;
            let some = first..rows.min(first + ROWS);
            events.clear();
            for row in some.clone() {
                events.push_values(&inputs.data()[row * n_in..][..n_in]);
            }
            self.packed.weigh(&events, true, &mut sums, &mut currents[some.start * n_out..some.end * n_out]);
        }
        Ok((currents, bound))
    }

    /// The error for inputs of a shape that the weights cannot read.
    pub(crate) fn unfit(&self, inputs: &[usize]) -> Error {
        let n_in = self.packed.n_in();
        let (inputs, weights) = (Shape(inputs), [self.packed.n_out(), n_in]);
        let weights = Shape(&weights);
        let message = format!("inputs {inputs} do not fit weights {weights}: give (steps, batch, {n_in})");
        Error::new(Code::Shape, message)
    }
}

/// The shape of what a linear layer of `out` neurons gives: it reads one signal, flat. Errors: `shape`.
pub(super) fn output_shape(inputs: &[&[usize]], out: usize) -> Result<Vec<usize>, Error> {
    if inputs.len() == 1 {
        return Ok(vec![out]);
    }
    let message = format!("{} signals feed a linear layer: it reads one", inputs.len());
    Err(Error::new(Code::Shape, message))
}

impl<E: Element> Operation<E> for Linear<E> {
    fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let shape = output_shape(inputs, self.packed.n_out())?;
        if inputs[0].iter().product::<usize>() != self.packed.n_in() {
            let weights = [self.packed.n_out(), self.packed.n_in()];
            let message = format!("a signal of shape {} feeds weights {}", Shape(inputs[0]), Shape(&weights));
            return Err(Error::new(Code::Shape, message));
        }
        Ok(shape)
    }

    fn bound(&self, most: &[u64]) -> u64 {
        self.masses.bound(most[0])
    }

    fn additions(&self, _inputs: &[&[usize]]) -> usize {
        self.packed.n_in() * self.packed.n_out()
    }

    fn start(&self, _inputs: &[&[usize]], _batch: usize) -> Result<Box<dyn Currents<E> + '_>, Error> {
        Ok(Box::new(LinearCurrents { packed: &self.packed, is_biased: true, sums: Sums::default() }))
    }
}

/// A linear layer at work. Between blocks of steps it keeps nothing but room for its sums.
struct LinearCurrents<'a, E> {
    packed: &'a Packed<E>,
    is_biased: bool,
    sums: Sums<E>,
}

impl<E: Element> Currents<E> for LinearCurrents<'_, E> {
    fn receive(&mut self, signals: &[&Events<E>], _rows: usize, currents: &mut [E]) {
        self.packed.weigh(signals[0], self.is_biased, &mut self.sums, currents);
    }

    fn drop_bias(&mut self) {
        self.is_biased = false;
    }
}
