//! Neurons of one kind over many steps, whatever their equation.
//!
//! - [`Equation`]: one step of one neuron, and nothing else
//! - [`tile`](mod@tile): neurons side by side, whose membranes stay in registers for several steps
//! - [`run`](mod@run): runs of neurons that the first cache holds, all steps of one before the next
//! - [`spikes`](mod@spikes): where spikes go: a byte each, a bit each, or nowhere
//!
//! A kernel reads each current once and writes each spike once, so a large one is as fast as memory. Currents are not looked
//! through for NaN and infinity first: a membrane that took one in is not finite at the end, and only then are they.

mod run;
mod spikes;
mod tile;

pub(crate) use run::{Drive, fire, multistep};
pub(crate) use spikes::{Bytes, Packed, Sink, traced};
pub use spikes::{SpikeBuffer, TraceBuffer, pack_spikes, unpack_spikes};

use crate::instructions::{Work, with_best};
use crate::{Element, Error, checks};

/// The parameters of one neuron.
#[derive(Clone, Copy)]
pub(crate) struct Place<E> {
    pub(crate) threshold: E,
    pub(crate) v_reset: E,
    pub(crate) beta: E,
}

/// The equation of neurons.
pub(crate) trait Equation<E>: Copy {
    /// Which parameters it reads: threshold, `v_reset`, β.
    const READS: [bool; 3] = [true, false, false];
    /// Whether an infinite current can leave a finite membrane behind.
    const HIDES_INFINITY: bool = false;
    /// Whether it reads the count, which then cannot be put away in between.
    const READS_COUNT: bool = false;

    /// One step of a neuron: from its membrane, its current and the sum of its spikes to the new membrane and its spikes.
    fn step(self, v: E, current: E, count: i32, place: Place<E>) -> (E, i32);
}

/// What is done with an equation, whichever it is.
pub(crate) trait WithEquation<E> {
    /// What it gives.
    type Output;
    /// Do it.
    fn with(self, equation: impl Equation<E>) -> Self::Output;
}

/// Neurons that can do steps: one parameter for all of them, or one for each neuron of a row.
pub(crate) trait Steps<E: Element> {
    /// The membranes before the first step.
    fn v_start(&self) -> &[E];
    /// Threshold, `v_reset` and β, each as long as [`Steps::v_start`], or empty where the equation does not read it.
    fn parameters(&self) -> [&[E]; 3];
    /// How far from 0 a membrane of whole numbers is at most, but for what it receives.
    fn reach(&self) -> u64;
    /// Do something with their equation.
    fn with_equation<W: WithEquation<E>>(&self, work: W) -> W::Output;

    /// One step of one row: from its currents to new membranes and counts, and its spikes.
    fn step(&self, current: &[E], membrane: &mut [E], spikes: &mut [i8], counts: &mut [i64]) {
        self.with_equation(Row { parameters: self.parameters(), current, membrane, spikes, counts });
    }
}

/// One step of a row of neurons.
struct Row<'a, E> {
    parameters: [&'a [E]; 3],
    current: &'a [E],
    membrane: &'a mut [E],
    spikes: &'a mut [i8],
    counts: &'a mut [i64],
}

impl<E: Element> WithEquation<E> for Row<'_, E> {
    type Output = ();

    fn with(self, equation: impl Equation<E>) {
        with_best(Step { equation, row: self });
    }
}

struct Step<'a, Q, E> {
    equation: Q,
    row: Row<'a, E>,
}

impl<Q: Equation<E>, E: Element> Work for Step<'_, Q, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { equation, row: Row { parameters, current, membrane, spikes, counts } } = self;
        let n = current.len();
        let (membrane, spikes, counts) = (&mut membrane[..n], &mut spikes[..n], &mut counts[..n]);
        let [threshold, v_reset, beta] =
            std::array::from_fn(|k| if Q::READS[k] { &parameters[k][..n] } else { &[] });
        let of = |reads: bool, values: &[E], j: usize| if reads { values[j] } else { E::ZERO };
        for j in 0..n {
            let place = Place {
                threshold: of(Q::READS[0], threshold, j),
                v_reset: of(Q::READS[1], v_reset, j),
                beta: of(Q::READS[2], beta, j),
            };
            let (v, spike) = equation.step(membrane[j], current[j], counts[j] as i32, place);
            membrane[j] = v;
            spikes[j] = spike as i8;
            counts[j] += i64::from(spike);
        }
    }
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
