//! Bipolar integrate-and-fire with a tracer.
//!
//! For every step t and neuron, v in units of θ and starting at `v_init`, the tracer S at 0:
//!
//! ```text
//! v = v + I[t]/θ
//! s = +1 where v >= 1 and S < tracer_max
//! s = -1 where v < 0 and S > tracer_min       (else 0)
//! S = S + s
//! v = v - s
//! ```
//!
//! Whole numbers are not divided: there v is in units of the currents, starts at `v_init·θ`, and
//!
//! ```text
//! v = v + I[t]
//! s = +1 where v >= θ and S < tracer_max
//! s = -1 where v < 0 and S > tracer_min       (else 0)
//! S = S + s
//! v = v - s·θ
//! ```
//!
//! Once the input has ended and no neuron moves any more, with `v_init = 1/2`,
//! `S = clip(floor(Σ I/θ + 1/2), tracer_min, tracer_max)` (You et al. 2024, "SpikeZIP-TF").

use crate::multistep::{
    Drive, Equation, Place, SpikeBuffer, Steps, TraceBuffer, WithEquation, multistep, traced,
};
use crate::{Code, Element, Error, PerNeuron, Trace, View, checks};

/// Parameters of ST-BIF neurons: see [`crate::Neuron`].
#[derive(Clone, Debug, PartialEq)]
pub struct StBifParameters {
    /// θ > 0.
    pub threshold: PerNeuron,
    /// Least value of the tracer, at most 0.
    pub tracer_min: i64,
    /// Largest value of the tracer, at least 0.
    pub tracer_max: i64,
    /// Membrane before the first step, in units of the threshold.
    pub v_init: PerNeuron,
}

impl Default for StBifParameters {
    fn default() -> Self {
        Self { threshold: 1.0.into(), tracer_min: 0, tracer_max: 31, v_init: 0.5.into() }
    }
}

/// Run ST-BIF neurons over `currents` of shape (T, …, N); `counts` is the tracer S after the last step.
///
/// Errors: `non_finite`, `shape`, `threshold`, `tracer`, `too_large`; of whole numbers `not_whole` and `overflow`.
pub fn st_bif_multistep<F: Element>(
    currents: View<'_, F>,
    parameters: &StBifParameters,
) -> Result<Trace<F>, Error> {
    checks::rank(currents.shape())?;
    let steps = currents.shape()[0];
    let size = currents.shape()[1..].iter().product();
    traced(steps, size, |to| st_bif_multistep_into(currents, parameters, to))
}

/// As [`st_bif_multistep`], into buffers of the caller's; one bit does not hold its spikes.
///
/// Errors: those of [`st_bif_multistep`]; `shape` of the buffers, `dtype` for packed spikes.
pub fn st_bif_multistep_into<F: Element>(
    currents: View<'_, F>,
    parameters: &StBifParameters,
    to: TraceBuffer<'_, F>,
) -> Result<(), Error> {
    checks::rank(currents.shape())?;
    if matches!(to.spikes, SpikeBuffer::Packed(_)) {
        return Err(Error::new(
            Code::Dtype,
            "ST-BIF sends -1, 0 or 1, which one bit does not hold: give bytes",
        ));
    }
    let size = currents.shape()[1..].iter().product();
    let width = currents.width();
    let is_uniform =
        [&parameters.threshold, &parameters.v_init].iter().all(|values| values.as_slice().len() == 1);
    let neurons = StBif::new(parameters, if is_uniform { 1 } else { width })?;
    let drive =
        Drive { currents: currents.data(), is_constant: false, steps: currents.shape()[0], size, width };
    multistep(&neurons, drive, currents, to, F::fire_st_bif)
}

/// The parameters of a row of neurons, checked, one value for each neuron.
pub(crate) struct StBif<F> {
    v_start: Vec<F>,
    threshold: Vec<F>,
    tracer_min: i32,
    tracer_max: i32,
    reach: u64,
}

impl<F: Element> StBif<F> {
    pub(crate) fn new(parameters: &StBifParameters, n: usize) -> Result<Self, Error> {
        let StBifParameters { threshold, tracer_min, tracer_max, v_init } = parameters;
        let values: Vec<F> = checks::parameter("threshold", threshold, n)?;
        let (v_start, reach) = if F::IS_WHOLE {
            let (v_start, farthest) = checks::v_start(v_init, threshold, &values)?;
            (v_start, farthest.max(checks::largest(threshold.as_slice())))
        } else {
            (checks::parameter("v_init", v_init, n)?, 0)
        };
        checks::above_zero::<F>(threshold)?;
        if *tracer_min > 0 || *tracer_max < 0 {
            let message =
                format!("tracer bounds must hold 0, where it starts, not [{tracer_min}, {tracer_max}]");
            return Err(Error::new(Code::Tracer, message));
        }
        // What is beyond 31 bits no run reaches.
        let bits = |bound: i64| bound.clamp(-i64::from(i32::MAX), i64::from(i32::MAX)) as i32;
        let (tracer_min, tracer_max) = (bits(*tracer_min), bits(*tracer_max));
        Ok(Self { v_start, threshold: values, tracer_min, tracer_max, reach })
    }
}

impl<F: Element> Steps<F> for StBif<F> {
    fn v_start(&self) -> &[F] {
        &self.v_start
    }

    fn parameters(&self) -> [&[F]; 3] {
        [&self.threshold, &[], &[]]
    }

    fn reach(&self) -> u64 {
        self.reach
    }

    fn with_equation<W: WithEquation<F>>(&self, work: W) -> W::Output {
        work.with(Bipolar { tracer_min: self.tracer_min, tracer_max: self.tracer_max })
    }
}

/// `v = v + I/θ;  s = +1 where v >= 1 and S < tracer_max, -1 where v < 0 and S > tracer_min;  v = v - s`.
#[derive(Clone, Copy)]
struct Bipolar {
    tracer_min: i32,
    tracer_max: i32,
}

impl<E: Element> Equation<E> for Bipolar {
    const READS_COUNT: bool = true;

    #[inline(always)]
    fn step(self, v: E, current: E, tracer: i32, Place { threshold, .. }: Place<E>) -> (E, i32) {
        // Of floats v is in units of θ, of whole numbers, which are not divided, in units of the currents.
        let (current, one) = if E::IS_WHOLE { (current, threshold) } else { (current / threshold, E::ONE) };
        let v = v + current;
        let up = (v >= one) & (tracer < self.tracer_max);
        let down = (v < E::ZERO) & (tracer > self.tracer_min);
        let spike = i32::from(up) - i32::from(down);
        (v - E::from(spike as i8) * one, spike)
    }
}
