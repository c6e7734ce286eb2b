//! Max pooling of spikes: the difference of running maxima.
//!
//! ```text
//! X[t] = X[t-1] + x[t];   Y[t, c, p] = max_q X[t, c, at(p, q)];   I[t] = Y[t] - Y[t-1];   X[-1] = Y[-1] = 0
//! ```
//!
//! The sum of what it gives over any number of steps is the largest sum in the window. Spikes of 0 and 1 give spikes of 0
//! and 1: of the counts in a window the largest grows by at most one in a step, and never shrinks. A maximum moves only
//! where a value of its window did. Where no value falls it is the larger one of what it was and of those that rose; else
//! the windows that hold an event are searched.

use super::field::Field;
use super::{Currents, Events, Operation, Window, pool};
use crate::{Element, Error, checks};

/// The largest running sum of a window; places in the padding are none.
pub struct MaxPool {
    window: Window,
}

impl MaxPool {
    /// A max pool over `window`, whose padding is below its kernel. Errors: `shape`.
    pub fn new(window: Window) -> Result<Self, Error> {
        pool::check(&window)?;
        Ok(Self { window })
    }
}

impl<E: Element> Operation<E> for MaxPool {
    fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
        pool::output_shape(&self.window, inputs)
    }

    fn bound(&self, most: &[u64]) -> u64 {
        most[0]
    }

    fn remembers(&self) -> bool {
        true
    }

    fn additions(&self, inputs: &[&[usize]]) -> usize {
        inputs[0].iter().product::<usize>().saturating_mul(self.window.taps())
    }

    fn start(&self, inputs: &[&[usize]], batch: usize) -> Result<Box<dyn Currents<E> + '_>, Error> {
        let field = self.window.over(&inputs[0][1..])?;
        let (read, given) = (inputs[0][0] * field.size(), inputs[0][0] * field.places());
        Ok(Box::new(MaxPoolCurrents {
            field,
            running: checks::zeros(&[batch, read])?,
            largest: checks::zeros(&[batch, given])?,
            batch,
        }))
    }
}

/// A max pool at work: between blocks of steps it keeps the running sums and their maxima.
struct MaxPoolCurrents<E> {
    field: Field,
    /// X, of each sample.
    running: Vec<E>,
    /// Y, of each sample.
    largest: Vec<E>,
    batch: usize,
}

impl<E: Element> Currents<E> for MaxPoolCurrents<E> {
    fn receive(&mut self, signals: &[&Events<E>], rows: usize, currents: &mut [E]) {
        let (size, places) = (self.field.size(), self.field.places());
        let (read, given) = (self.running.len() / self.batch.max(1), self.largest.len() / self.batch.max(1));
        for (row, currents) in currents.chunks_exact_mut(given.max(1)).enumerate().take(rows) {
            let sample = row % self.batch;
            let running = &mut self.running[sample * read..][..read];
            let largest = &mut self.largest[sample * given..][..given];
            let (indices, values) = signals[0].row(row);
            for (event, &index) in indices.iter().enumerate() {
                running[index as usize] += values.map_or(E::ONE, |values| values[event]);
            }
            if values.is_none_or(|values| values.iter().all(|&value| value >= E::ZERO)) {
                currents.copy_from_slice(largest);
                self.field.terms(indices, |channel, place, _, event| {
                    let (now, current) =
                        (running[indices[event] as usize], &mut currents[channel * places + place]);
                    if now > *current {
                        *current = now;
                    }
                });
                for (current, largest) in currents.iter_mut().zip(largest) {
                    (*current, *largest) = (*current - *largest, *current);
                }
                continue;
            }
            currents.fill(E::ZERO);
            self.field.terms(indices, |channel, place, _, _| {
                let running = &running[channel * size..][..size];
                let at = channel * places + place;
                let now = maximum(self.field.held(place).flat_map(|columns| &running[columns]));
                // A window is met once for each of its events: what it grew by the first time, it grew by.
                if now != largest[at] {
                    currents[at] = now - largest[at];
                    largest[at] = now;
                }
            });
        }
    }
}

/// The largest of some values, of which there is at least one.
fn maximum<'a, E: Element>(mut values: impl Iterator<Item = &'a E>) -> E {
    let first = values.next().copied().unwrap_or(E::ZERO);
    values.fold(first, |largest, &value| if value > largest { value } else { largest })
}
