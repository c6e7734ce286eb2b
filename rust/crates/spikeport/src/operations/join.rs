//! What joins several signals.
//!
//! ```text
//! add      I = ((0 + x_0) + x_1) + …      in the order in which the node names them
//! concat   I = x_0, behind it x_1, …      along the first axis
//! ```

use super::{Currents, Events, Operation};
use crate::view::Shape;
use crate::{Code, Element, Error};

/// The sum of two or more signals of one shape.
pub struct Add;

/// Two or more signals, one behind the other along the first axis.
pub struct Concat;

/// The shape of a sum. Errors: `shape`.
pub(super) fn sum_shape(inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
    match inputs {
        [first, others @ ..] if !others.is_empty() && others.iter().all(|other| other == first) => {
            Ok(first.to_vec())
        }
        _ => Err(unfit("add reads two or more signals of one shape", inputs)),
    }
}

/// The shape of signals one behind the other. Errors: `shape`.
pub(super) fn concat_shape(inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
    let unfit = || unfit("concat reads two or more signals alike but in channels", inputs);
    let &[&[_, ref sizes @ ..], _, ..] = inputs else { return Err(unfit()) };
    let channels = inputs.iter().try_fold(0usize, |sum, shape| match shape {
        [channels, others @ ..] if others == sizes => sum.checked_add(*channels),
        _ => None,
    });
    Ok([&[channels.ok_or_else(unfit)?], sizes].concat())
}

fn unfit(wanted: &str, inputs: &[&[usize]]) -> Error {
    let given: Vec<String> = inputs.iter().map(|shape| Shape(shape).to_string()).collect();
    Error::new(Code::Shape, format!("{wanted}, not {}", given.join(", ")))
}

impl<E: Element> Operation<E> for Add {
    fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
        sum_shape(inputs)
    }

    fn bound(&self, most: &[u64]) -> u64 {
        most.iter().fold(0, |sum, &most| sum.saturating_add(most))
    }

    fn additions(&self, inputs: &[&[usize]]) -> usize {
        inputs.iter().map(|shape| shape.iter().product::<usize>()).sum()
    }

    fn start(&self, _inputs: &[&[usize]], _batch: usize) -> Result<Box<dyn Currents<E> + '_>, Error> {
        Ok(Box::new(Self))
    }
}

impl<E: Element> Currents<E> for Add {
    fn receive(&mut self, signals: &[&Events<E>], rows: usize, currents: &mut [E]) {
        currents.fill(E::ZERO);
        let width = currents.len().checked_div(rows).unwrap_or(0);
        for (row, currents) in currents.chunks_exact_mut(width.max(1)).enumerate() {
            for signal in signals {
                let (indices, values) = signal.row(row);
                for (event, &index) in indices.iter().enumerate() {
                    currents[index as usize] += values.map_or(E::ONE, |values| values[event]);
                }
            }
        }
    }
}

impl<E: Element> Operation<E> for Concat {
    fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
        concat_shape(inputs)
    }

    fn bound(&self, most: &[u64]) -> u64 {
        most.iter().copied().max().unwrap_or(0)
    }

    fn additions(&self, inputs: &[&[usize]]) -> usize {
        inputs.iter().map(|shape| shape.iter().product::<usize>()).sum()
    }

    fn start(&self, inputs: &[&[usize]], _batch: usize) -> Result<Box<dyn Currents<E> + '_>, Error> {
        Ok(Box::new(ConcatCurrents { widths: inputs.iter().map(|shape| shape.iter().product()).collect() }))
    }
}

/// Signals of these sizes, one behind the other.
struct ConcatCurrents {
    widths: Vec<usize>,
}

impl<E: Element> Currents<E> for ConcatCurrents {
    fn receive(&mut self, signals: &[&Events<E>], rows: usize, currents: &mut [E]) {
        currents.fill(E::ZERO);
        let width: usize = self.widths.iter().sum();
        for (row, mut rest) in currents.chunks_exact_mut(width.max(1)).enumerate().take(rows) {
            for (signal, &width) in signals.iter().zip(&self.widths) {
                let (indices, values) = signal.row(row);
                for (event, &index) in indices.iter().enumerate() {
                    rest[index as usize] = values.map_or(E::ONE, |values| values[event]);
                }
                rest = &mut rest[width..];
            }
        }
    }
}
