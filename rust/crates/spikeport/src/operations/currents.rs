//! An operation by itself: whole signals in, currents out.

use super::{Events, Operation};
use crate::running::Interruption;
use crate::view::Shape;
use crate::{Code, Element, Error, View, checks};

/// Values that are read between two questions whether to go on, about.
const VALUES: usize = 1 << 16;

/// Return the shape (T, batch, …) of the currents of `operation` for signals of shape (T, batch, …), and the currents.
///
/// Errors: `non_finite`, for a current that overflows too, `shape`, `too_large`; of whole numbers `operation` for an average,
/// and `overflow` where a current could pass 32 bits.
pub fn operation_currents<E: Element>(
    operation: &dyn Operation<E>,
    signals: &[View<'_, E>],
) -> Result<(Vec<usize>, Vec<E>), Error> {
    let mut inputs = Vec::with_capacity(signals.len());
    let mut lead = None;
    for signal in signals {
        checks::finite("inputs", *signal)?;
        match signal.shape() {
            &[steps, batch, ref shape @ ..]
                if (1..=3).contains(&shape.len()) && lead.is_none_or(|lead| lead == [steps, batch]) =>
            {
                lead = Some([steps, batch]);
                inputs.push(shape);
            }
            shape => {
                let message = format!(
                    "a signal has shape {}: give (T, batch, …), all of the same T and batch",
                    Shape(shape)
                );
                return Err(Error::new(Code::Shape, message));
            }
        }
    }
    let [steps, batch] =
        lead.ok_or_else(|| Error::new(Code::Shape, "an operation reads one signal or more"))?;
    let shape = [&[steps, batch], &operation.output_shape(&inputs)?[..]].concat();
    if E::IS_WHOLE {
        let most: Vec<u64> = signals.iter().map(|signal| checks::largest(signal.data())).collect();
        let bound = operation.bound(&most);
        // What remembers adds up what it reads over the steps.
        let times = if operation.remembers() { steps as u64 } else { 1 };
        checks::fits("a current", bound.saturating_mul(times))?;
    }
    let mut currents = checks::zeros(&shape)?;
    let (rows, width) = (steps * batch, shape[2..].iter().product::<usize>());
    let sizes: Vec<usize> = inputs.iter().map(|shape| shape.iter().product()).collect();
    let mut work = operation.start(&inputs, batch)?;
    let mut events: Vec<Events<E>> = signals.iter().map(|_| Events::default()).collect();
    let interruption = Interruption::new();
    // Whole steps at a time: what remembers counts its rows from the first sample.
    let steps_at_once = VALUES / (batch * sizes.iter().chain([&width]).sum::<usize>()).max(1);
    let at_once = steps_at_once.max(1) * batch.max(1);
    for first in (0..rows).step_by(at_once) {
        interruption.check()?;
        let some = first..rows.min(first + at_once);
        for ((events, signal), &size) in events.iter_mut().zip(signals).zip(&sizes) {
            events.clear();
            some.clone().for_each(|row| events.push_values(&signal.data()[row * size..][..size]));
        }
        let read: Vec<&Events<E>> = events.iter().collect();
        work.receive(&read, some.len(), &mut currents[some.start * width..some.end * width]);
    }
    checks::finite("currents", View::new(&currents, &shape)?)?;
    Ok((shape, currents))
}
