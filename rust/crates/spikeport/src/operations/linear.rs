//! A linear layer: every output reads every input.
//!
//! ```text
//! I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + … ) + b[j]
//! ```
//!
//! in this order and with no fused multiply-add. The order is part of the contract: it makes a current independent of the
//! batch, of the number of threads and of the language.

use super::packed::{Packed, Sums};
use super::{Currents, Events, Operation};
use crate::running::Interruption;
use crate::view::Shape;
use crate::{Code, Element, Error, View, checks};

/// Rows of inputs that are summed between two questions whether to go on.
const ROWS: usize = 64;

/// Weights of shape (out, in) and perhaps a bias of shape (out,), laid out for running.
pub struct Linear<E> {
    packed: Packed<E>,
}

impl<E: Element> Linear<E> {
    /// Lay out `weights` of shape (out, in) and `bias` of shape (out,). Errors: `shape`, `non_finite`, `too_large`.
    pub fn new(weights: View<'_, E>, bias: Option<View<'_, E>>) -> Result<Self, Error> {
        let &[n_out, n_in] = weights.shape() else {
            let message = format!("weights have shape {}: give (out, in)", Shape(weights.shape()));
            return Err(Error::new(Code::Shape, message));
        };
        checks::finite("weights", weights)?;
        if let Some(bias) = bias {
            if bias.shape() != [n_out] {
                let (bias, weights) = (Shape(bias.shape()), Shape(weights.shape()));
                let message = format!("bias has shape {bias}, weights {weights}: give one bias for each row");
                return Err(Error::new(Code::Shape, message));
            }
            checks::finite("bias", bias)?;
        }
        let bias = bias.map(|bias| bias.data());
        Ok(Self { packed: Packed::new(weights.data(), bias, n_out, n_in)? })
    }

    /// Number of outputs.
    pub fn n_outputs(&self) -> usize {
        self.packed.n_out()
    }

    /// The currents of shape (…, out) for `inputs` of shape (…, in). Errors: `shape`, `too_large`.
    pub(crate) fn currents(&self, inputs: View<'_, E>) -> Result<Vec<E>, Error> {
        let (n_out, n_in) = (self.packed.n_out(), self.packed.n_in());
        let Some((&width, rows)) = inputs.shape().split_last() else {
            return Err(self.unfit(inputs.shape()));
        };
        if width != n_in {
            return Err(self.unfit(inputs.shape()));
        }
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
            self.packed.weigh(&events, &mut sums, &mut currents[some.start * n_out..some.end * n_out]);
        }
        Ok(currents)
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

impl<E: Element> Operation<E> for Linear<E> {
    fn width(&self, inputs: &[usize]) -> Result<usize, Error> {
        if inputs == [self.packed.n_in()] {
            return Ok(self.packed.n_out());
        }
        let weights = [self.packed.n_out(), self.packed.n_in()];
        let message = match inputs {
            [one] => format!("a signal of {one} values feeds weights {}", Shape(&weights)),
            several => format!("{} signals feed a linear layer: it reads one", several.len()),
        };
        Err(Error::new(Code::Shape, message))
    }

    fn additions(&self) -> usize {
        self.packed.n_in() * self.packed.n_out()
    }

    fn start(&self, _batch: usize) -> Box<dyn Currents<E> + '_> {
        Box::new(LinearCurrents { packed: &self.packed, sums: Sums::default() })
    }
}

/// A linear layer at work. Between blocks of steps it keeps nothing but room for its sums.
struct LinearCurrents<'a, E> {
    packed: &'a Packed<E>,
    sums: Sums<E>,
}

impl<E: Element> Currents<E> for LinearCurrents<'_, E> {
    fn receive(&mut self, signals: &[&Events<E>], currents: &mut Vec<E>) {
        for signal in signals {
            currents.resize(signal.rows() * self.packed.n_out(), E::ZERO);
            self.packed.weigh(signal, &mut self.sums, currents);
        }
    }
}
