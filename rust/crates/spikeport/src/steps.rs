//! Neurons of one kind over many steps, whatever their equation.

use crate::running::{Interruption, OPERATIONS};
use crate::{Element, Error, Trace, checks};

/// A row of neurons that can do a step.
pub(crate) trait Steps<E> {
    /// The membranes before the first step, one for each neuron.
    fn v_start(&self) -> &[E];
    /// How far from 0 a membrane of whole numbers is at most, but for what it receives.
    fn reach(&self) -> u64;
    /// One step of one row: from its currents to new membranes and counts, and its spikes.
    fn step(&self, current: &[E], membrane: &mut [E], spikes: &mut [i8], counts: &mut [i64]);
}

/// Refuse currents of whole numbers by which a membrane could pass 32 bits. Errors: `overflow`.
pub(crate) fn check_reach<E: Element>(
    neurons: &impl Steps<E>,
    currents: &[E],
    steps: usize,
) -> Result<(), Error> {
    if !E::IS_WHOLE {
        return Ok(());
    }
    let received = checks::largest(currents).saturating_mul(steps as u64);
    checks::fits("a membrane", neurons.reach().saturating_add(received))
}

/// Run `neurons` for `steps` steps; `currents(t)` holds `size` currents of step t, row after row.
pub(crate) fn multistep<'a, E: Element>(
    neurons: &impl Steps<E>,
    currents: impl Fn(usize) -> &'a [E],
    steps: usize,
    size: usize,
) -> Result<Trace<E>, Error> {
    let mut trace = Trace {
        spikes: checks::zeros(&[steps, size])?,
        membrane: neurons.v_start().iter().copied().cycle().take(size).collect(),
        counts: checks::zeros(&[size])?,
    };
    if size == 0 {
        return Ok(trace);
    }
    let width = neurons.v_start().len();
    let (interruption, between) = (Interruption::new(), (OPERATIONS / size).max(1));
    for (t, spikes) in trace.spikes.chunks_exact_mut(size).enumerate() {
        if t % between == 0 {
            interruption.check()?;
        }
        let rows = spikes.chunks_exact_mut(width).zip(currents(t).chunks_exact(width));
        let state = trace.membrane.chunks_exact_mut(width).zip(trace.counts.chunks_exact_mut(width));
        for ((spikes, current), (membrane, counts)) in rows.zip(state) {
            neurons.step(current, membrane, spikes, counts);
        }
    }
    Ok(trace)
}
