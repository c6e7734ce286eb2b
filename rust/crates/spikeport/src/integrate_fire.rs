//! Integrate-and-fire over many steps.
//!
//! For every step t and neuron, in this order, with no fused multiply-add:
//!
//! ```text
//! v = β·v + I[t]
//! s = how many m in 1, 2, …, max_spikes have v >= m·θ
//! v = v - s·θ          soft reset, or  v = v_reset where s > 0
//! ```
//!
//! The membrane starts at `v_init·θ`. With `max_spikes` = 1, the default, s is 1 where `v >= θ`. More than one spike in a
//! step is for soft reset and β = 1, which whole numbers always have, and where nothing is lost:
//!
//! ```text
//! Σ I[t] = θ·Σ s[t] + v_end - v_start
//! ```

use crate::neuron::check_max_spikes;
use crate::steps::{Steps, check_reach, multistep};
use crate::{Code, Element, Error, PerNeuron, Trace, View, checks};

/// Parameters of integrate-and-fire neurons: see [`crate::Neuron`].
#[derive(Clone, Debug, PartialEq)]
pub struct IfParameters {
    /// θ > 0.
    pub threshold: PerNeuron,
    /// Membrane before the first step, in units of the threshold.
    pub v_init: PerNeuron,
    /// Membrane after a spike, below the threshold, or `None` for soft reset.
    pub v_reset: Option<PerNeuron>,
    /// Share of the membrane that one step keeps, in [0, 1].
    pub beta: PerNeuron,
    /// The most spikes of one neuron in one step, from 1 to 127; above 1 only under soft reset and with β = 1.
    pub max_spikes: i64,
}

impl Default for IfParameters {
    fn default() -> Self {
        Self { threshold: 1.0.into(), v_init: 0.5.into(), v_reset: None, beta: 1.0.into(), max_spikes: 1 }
    }
}

/// Run integrate-and-fire neurons over `currents` of shape (T, …, N).
///
/// Errors: `non_finite`, `shape`, `threshold`, `beta`, `v_reset`, `max_spikes`, `too_large`; of whole numbers `not_whole`
/// and `overflow`.
pub fn if_multistep<F: Element>(currents: View<'_, F>, parameters: &IfParameters) -> Result<Trace<F>, Error> {
    checks::currents(currents)?;
    let steps = currents.shape()[0];
    let size: usize = currents.shape()[1..].iter().product();
    let neurons = IntegrateFire::new(parameters, currents.width())?;
    check_reach(&neurons, currents.data(), steps)?;
    multistep(&neurons, |t| &currents.data()[t * size..][..size], steps, size)
}

/// Run integrate-and-fire neurons for `timesteps` steps on one `current` of shape (…, N).
///
/// The same as [`if_multistep`] on `timesteps` copies of `current`, which are not made.
pub fn if_constant<F: Element>(
    current: View<'_, F>,
    timesteps: usize,
    parameters: &IfParameters,
) -> Result<Trace<F>, Error> {
    let shape = [&[1], current.shape()].concat();
    checks::currents(View::new(current.data(), &shape)?)?;
    let neurons = IntegrateFire::new(parameters, current.width())?;
    check_reach(&neurons, current.data(), timesteps)?;
    multistep(&neurons, |_| current.data(), timesteps, current.data().len())
}

/// The parameters of a row of neurons, checked, one value for each neuron.
pub(crate) struct IntegrateFire<F> {
    v_start: Vec<F>,
    threshold: Vec<F>,
    v_reset: Option<Vec<F>>,
    beta: Vec<F>,
    max_spikes: i64,
    reach: u64,
}

impl<F: Element> IntegrateFire<F> {
    pub(crate) fn new(parameters: &IfParameters, n: usize) -> Result<Self, Error> {
        let IfParameters { threshold, v_init, v_reset, beta, max_spikes } = parameters;
        let values: Vec<F> = checks::parameter("threshold", threshold, n)?;
        let (v_start, farthest) = checks::v_start(v_init, threshold, &values)?;
        let reset: Option<Vec<F>> =
            v_reset.as_ref().map(|v| checks::parameter("v_reset", v, n)).transpose()?;
        let leak: Vec<F> = checks::leak(beta, n)?;
        checks::above_zero::<F>(threshold)?;
        if !beta.as_slice().iter().all(|&one| (F::ZERO..=F::ONE).contains(&F::from_f64(one))) {
            return Err(Error::new(Code::Beta, format!("beta must be in [0, 1], not {beta}")));
        }
        if let Some(given) = v_reset
            && !given.is_below::<F>(threshold)
        {
            let message = format!("v_reset must be below the threshold {threshold}, not {given}");
            return Err(Error::new(Code::VReset, message));
        }
        check_max_spikes(*max_spikes, v_reset.is_none() && are_ones::<F>(beta))?;
        let reach = if F::IS_WHOLE {
            let most_sent = checks::largest(threshold.as_slice()).saturating_mul(max_spikes.unsigned_abs());
            let reset = v_reset.as_ref().map_or(0, |v_reset| checks::largest(v_reset.as_slice()));
            farthest.max(reset).max(most_sent)
        } else {
            0
        };
        Ok(Self { v_start, threshold: values, v_reset: reset, beta: leak, max_spikes: *max_spikes, reach })
    }

    /// The most spikes of one neuron in one step.
    pub(crate) fn max_spikes(&self) -> i64 {
        self.max_spikes
    }

    /// Whether a neuron may send more than one spike in a step.
    pub(crate) fn may_send_several(&self) -> bool {
        self.max_spikes > 1
    }

    /// Whether a membrane moves without a current.
    pub(crate) fn are_leaking(&self) -> bool {
        self.beta.iter().any(|&beta| beta != F::ONE)
    }

    /// A step of neurons that may send several spikes: `v = v + I;  s = #{m <= max_spikes: v >= m·θ};  v = v - s·θ`.
    ///
    /// The thresholds m·θ, each rounded, ascend, so s is the largest m whose threshold v reaches. Rounding moves m·θ and
    /// v/θ by less than 2^-23 of their size each, and m is at most 127: so s is `floor(v/θ)`, or one less, or one more, and
    /// comparisons with two thresholds tell which. With `1 <= e <= max_spikes - 1`, as near to `floor(v/θ)` as that
    /// allows, s is one of `e - 1, e, e + 1`.
    fn step_several(&self, current: &[F], membrane: &mut [F], spikes: &mut [i8], counts: &mut [i64]) {
        let (n, most) = (current.len(), F::from_f64(self.max_spikes as f64) - F::ONE);
        let (threshold, membrane) = (&self.threshold[..n], &mut membrane[..n]);
        let (spikes, counts) = (&mut spikes[..n], &mut counts[..n]);
        for j in 0..n {
            let v = membrane[j] + current[j];
            let ratio = v / threshold[j];
            // Written so that NaN gives 1.
            let ratio = if ratio > F::ONE { ratio } else { F::ONE };
            let near = if ratio < most { ratio } else { most }.floor();
            let one_if = |is_reached: bool| if is_reached { F::ONE } else { F::ZERO };
            let spike = near - F::ONE
                + one_if(v >= near * threshold[j])
                + one_if(v >= (near + F::ONE) * threshold[j]);
            membrane[j] = v - spike * threshold[j];
            spikes[j] = spike.to_i8();
            counts[j] += i64::from(spike.to_i8());
        }
    }
}

/// Whether every value is 1 in the type `F`.
fn are_ones<F: Element>(values: &PerNeuron) -> bool {
    values.as_slice().iter().all(|&value| F::from_f64(value) == F::ONE)
}

impl<F: Element> Steps<F> for IntegrateFire<F> {
    fn v_start(&self) -> &[F] {
        &self.v_start
    }

    fn reach(&self) -> u64 {
        self.reach
    }

    /// `v = β·v + I;  s = v >= θ;  v = v - θ` or `v_reset` where s; [`Self::step_several`] where s may be above 1.
    fn step(&self, current: &[F], membrane: &mut [F], spikes: &mut [i8], counts: &mut [i64]) {
        let n = self.threshold.len();
        let (current, membrane) = (&current[..n], &mut membrane[..n]);
        let (spikes, counts) = (&mut spikes[..n], &mut counts[..n]);
        if self.may_send_several() {
            return self.step_several(current, membrane, spikes, counts);
        }
        let (threshold, beta) = (&self.threshold[..n], &self.beta[..n]);
        match &self.v_reset {
            None => {
                for j in 0..n {
                    let v = beta[j] * membrane[j] + current[j];
                    let spike = v >= threshold[j];
                    membrane[j] = if spike { v - threshold[j] } else { v };
                    spikes[j] = i8::from(spike);
                    counts[j] += i64::from(spike);
                }
            }
            Some(v_reset) => {
                let v_reset = &v_reset[..n];
                for j in 0..n {
                    let v = beta[j] * membrane[j] + current[j];
                    let spike = v >= threshold[j];
                    membrane[j] = if spike { v_reset[j] } else { v };
                    spikes[j] = i8::from(spike);
                    counts[j] += i64::from(spike);
                }
            }
        }
    }
}
