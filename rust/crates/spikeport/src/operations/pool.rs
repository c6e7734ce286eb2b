//! Sum and average of a window, channel by channel.
//!
//! ```text
//! sum_pool   I[c, p] = Σ_q x[c, at(p, q)]          q ascending from +0
//! avg_pool   I[c, p] = (Σ_q x[c, at(p, q)])/(number of places of the window)
//! ```
//!
//! Places in the padding count, as zeros. Whole numbers have no average.

use super::field::{Field, NOWHERE};
use super::{Currents, Events, Operation, Window};
use crate::view::Shape;
use crate::{Code, Element, Error};

/// The sum of a window, or its average.
pub struct Pool {
    window: Window,
    is_average: bool,
}

/// The shape of what a pool gives. Errors: `shape`.
pub(super) fn output_shape(window: &Window, inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
    match inputs {
        &[&[channels, ref sizes @ ..]] => Ok([&[channels], &window.places(sizes)?[..]].concat()),
        _ => {
            let message = format!("{} signals feed a pool: it reads one", inputs.len());
            Err(Error::new(Code::Shape, message))
        }
    }
}

/// Refuse a window with a place of which no value is inside. Errors: `shape`.
pub(super) fn check(window: &Window) -> Result<(), Error> {
    if window.padding().iter().zip(window.kernel()).all(|(padding, kernel)| padding < kernel) {
        return Ok(());
    }
    let (padding, kernel) = (Shape(window.padding()), Shape(window.kernel()));
    Err(Error::new(Code::Shape, format!("padding {padding} is not below the kernel {kernel} of a pool")))
}

impl Pool {
    /// A pool over `window`, whose padding is below its kernel. Errors: `shape`.
    pub fn new(window: Window, is_average: bool) -> Result<Self, Error> {
        check(&window)?;
        Ok(Self { window, is_average })
    }
}

impl<E: Element> Operation<E> for Pool {
    fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
        if E::IS_WHOLE && self.is_average {
            let message = "an average is no integer: give sum_pool, and its factor to the weights or thresholds behind it";
            return Err(Error::new(Code::Operation, message));
        }
        output_shape(&self.window, inputs)
    }

    fn bound(&self, most: &[u64]) -> u64 {
        most[0].saturating_mul(self.window.taps() as u64)
    }

    fn additions(&self, inputs: &[&[usize]]) -> usize {
        inputs[0].iter().product::<usize>().saturating_mul(self.window.taps())
    }

    fn start(&self, inputs: &[&[usize]], _batch: usize) -> Result<Box<dyn Currents<E> + '_>, Error> {
        let field = self.window.over(&inputs[0][1..])?;
        let divisor = self.is_average.then(|| E::from_f64(self.window.taps() as f64));
        let readers = field.one_reader();
        Ok(Box::new(PoolCurrents { field, readers, channels: inputs[0][0], divisor }))
    }
}

/// A pool at work: it keeps nothing between blocks of steps.
struct PoolCurrents<E> {
    field: Field,
    /// Which place reads each value of a channel, where no two do.
    readers: Option<Vec<u32>>,
    channels: usize,
    divisor: Option<E>,
}

impl<E: Element> Currents<E> for PoolCurrents<E> {
    fn receive(&mut self, signals: &[&Events<E>], rows: usize, currents: &mut [E]) {
        let places = self.field.places();
        for (row, currents) in
            currents.chunks_exact_mut((self.channels * places).max(1)).enumerate().take(rows)
        {
            let (indices, values) = signals[0].row(row);
            currents.fill(E::ZERO);
            let mut add = |at: usize, event: usize| {
                currents[at] += values.map_or(E::ONE, |values| values[event]);
            };
            match &self.readers {
                Some(readers) => {
                    let (size, mut channel, mut begin) = (readers.len(), 0, 0);
                    for (event, &index) in indices.iter().enumerate() {
                        while index as usize >= begin + size {
                            (channel, begin) = (channel + 1, begin + size);
                        }
                        let place = readers[index as usize - begin];
                        if place != NOWHERE {
                            add(channel * places + place as usize, event);
                        }
                    }
                }
                None => {
                    self.field.terms(indices, |channel, place, _, event| add(channel * places + place, event))
                }
            }
            if let Some(divisor) = self.divisor {
                currents.iter_mut().for_each(|current| *current = *current / divisor);
            }
        }
    }
}
