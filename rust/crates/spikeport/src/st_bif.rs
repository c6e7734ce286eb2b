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

use crate::steps::{Steps, check_reach, multistep};
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
    checks::currents(currents)?;
    let steps = currents.shape()[0];
    let size: usize = currents.shape()[1..].iter().product();
    let neurons = StBif::new(parameters, currents.width())?;
    check_reach(&neurons, currents.data(), steps)?;
    multistep(&neurons, |t| &currents.data()[t * size..][..size], steps, size)
}

/// The parameters of a row of neurons, checked, one value for each neuron.
pub(crate) struct StBif<F> {
    v_start: Vec<F>,
    threshold: Vec<F>,
    tracer_min: i64,
    tracer_max: i64,
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
        Ok(Self { v_start, threshold: values, tracer_min: *tracer_min, tracer_max: *tracer_max, reach })
    }
}

impl<F: Element> Steps<F> for StBif<F> {
    fn v_start(&self) -> &[F] {
        &self.v_start
    }

    fn reach(&self) -> u64 {
        self.reach
    }

    fn step(&self, current: &[F], membrane: &mut [F], spikes: &mut [i8], tracer: &mut [i64]) {
        let n = self.threshold.len();
        let (current, membrane) = (&current[..n], &mut membrane[..n]);
        let (spikes, tracer) = (&mut spikes[..n], &mut tracer[..n]);
        for j in 0..n {
            // Of floats v is in units of θ, of whole numbers, which are not divided, in units of the currents.
            let (current, one) = match F::IS_WHOLE {
                true => (current[j], self.threshold[j]),
                false => (current[j] / self.threshold[j], F::ONE),
            };
            let v = membrane[j] + current;
            let up = v >= one && tracer[j] < self.tracer_max;
            let down = v < F::ZERO && tracer[j] > self.tracer_min;
            let spike = i8::from(up) - i8::from(down);
            tracer[j] += i64::from(spike);
            membrane[j] = v - F::from(spike) * one;
            spikes[j] = spike;
        }
    }
}
