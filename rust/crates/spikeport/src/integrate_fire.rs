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

use crate::multistep::{
    Drive, Equation, Place, SpikeBuffer, Steps, TraceBuffer, WithEquation, multistep, traced,
};
use crate::neuron::check_max_spikes;
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

impl IfParameters {
    /// For how many of `width` neurons in a row values are needed: 1 where all have the same.
    fn period(&self, width: usize) -> usize {
        let given = [Some(&self.threshold), Some(&self.v_init), self.v_reset.as_ref(), Some(&self.beta)];
        if given.into_iter().flatten().all(|values| values.as_slice().len() == 1) { 1 } else { width }
    }
}

/// Run integrate-and-fire neurons over `currents` of shape (T, …, N).
///
/// Errors: `non_finite`, `shape`, `threshold`, `beta`, `v_reset`, `max_spikes`, `too_large`; of whole numbers `not_whole`
/// and `overflow`.
pub fn if_multistep<F: Element>(currents: View<'_, F>, parameters: &IfParameters) -> Result<Trace<F>, Error> {
    checks::rank(currents.shape())?;
    let steps = currents.shape()[0];
    let size = currents.shape()[1..].iter().product();
    traced(steps, size, |to| if_multistep_into(currents, parameters, to))
}

/// As [`if_multistep`], into buffers of the caller's.
///
/// Errors: those of [`if_multistep`]; `shape` of the buffers, `max_spikes` above 1 for packed spikes.
pub fn if_multistep_into<F: Element>(
    currents: View<'_, F>,
    parameters: &IfParameters,
    to: TraceBuffer<'_, F>,
) -> Result<(), Error> {
    checks::rank(currents.shape())?;
    let size = currents.shape()[1..].iter().product();
    let width = currents.width();
    let drive =
        Drive { currents: currents.data(), is_constant: false, steps: currents.shape()[0], size, width };
    run(drive, currents, parameters, to)
}

/// Run integrate-and-fire neurons for `timesteps` steps on one `current` of shape (…, N).
///
/// The same as [`if_multistep`] on `timesteps` copies of `current`, which are not made.
pub fn if_constant<F: Element>(
    current: View<'_, F>,
    timesteps: usize,
    parameters: &IfParameters,
) -> Result<Trace<F>, Error> {
    traced(timesteps, current.data().len(), |to| if_constant_into(current, timesteps, parameters, to))
}

/// As [`if_constant`], into buffers of the caller's. Without spikes, a neuron is in registers for all steps.
///
/// Errors: those of [`if_constant`]; `shape` of the buffers, `max_spikes` above 1 for packed spikes.
pub fn if_constant_into<F: Element>(
    current: View<'_, F>,
    timesteps: usize,
    parameters: &IfParameters,
    to: TraceBuffer<'_, F>,
) -> Result<(), Error> {
    let shape = [&[1], current.shape()].concat();
    let currents = View::new(current.data(), &shape)?;
    checks::rank(&shape)?;
    let (size, width) = (current.data().len(), current.width());
    let drive = Drive { currents: current.data(), is_constant: true, steps: timesteps, size, width };
    run(drive, currents, parameters, to)
}

fn run<F: Element>(
    drive: Drive<'_, F>,
    currents: View<'_, F>,
    parameters: &IfParameters,
    to: TraceBuffer<'_, F>,
) -> Result<(), Error> {
    let neurons = IntegrateFire::new(parameters, parameters.period(drive.width))?;
    if neurons.may_send_several() && matches!(to.spikes, SpikeBuffer::Packed(_)) {
        let message = format!("max_spikes is {}: packed spikes are of one bit, give 1", neurons.max_spikes);
        return Err(Error::new(Code::MaxSpikes, message));
    }
    multistep(&neurons, drive, currents, to, F::fire_integrate_fire)
}

/// The parameters of a row of neurons, checked, one value for each neuron.
pub(crate) struct IntegrateFire<F> {
    v_start: Vec<F>,
    threshold: Vec<F>,
    v_reset: Option<Vec<F>>,
    beta: Vec<F>,
    are_leaking: bool,
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
        let are_leaking = !are_ones::<F>(beta);
        let max_spikes = *max_spikes;
        Ok(Self { v_start, threshold: values, v_reset: reset, beta: leak, are_leaking, max_spikes, reach })
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
        self.are_leaking
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

    fn parameters(&self) -> [&[F]; 3] {
        [&self.threshold, self.v_reset.as_deref().unwrap_or_default(), &self.beta]
    }

    fn reach(&self) -> u64 {
        self.reach
    }

    fn with_equation<W: WithEquation<F>>(&self, work: W) -> W::Output {
        match (self.v_reset.is_some(), self.are_leaking) {
            _ if self.may_send_several() => {
                work.with(SeveralSpikes { most: F::from_f64(self.max_spikes as f64) - F::ONE })
            }
            (false, false) => work.with(SoftReset::<false>),
            (false, true) => work.with(SoftReset::<true>),
            (true, _) => work.with(HardReset),
        }
    }
}

/// `v = β·v + I;  s = v >= θ;  v = v - θ where s`, without β where it is 1 (`1·v` is v).
#[derive(Clone, Copy)]
struct SoftReset<const LEAKS: bool>;

impl<E: Element, const LEAKS: bool> Equation<E> for SoftReset<LEAKS> {
    const READS: [bool; 3] = [true, false, LEAKS];

    #[inline(always)]
    fn step(self, v: E, current: E, _: i32, Place { threshold, beta, .. }: Place<E>) -> (E, i32) {
        let v = if LEAKS { beta * v + current } else { v + current };
        let spike = v >= threshold;
        // Twice the same number: a product with 0 or 1 keeps doubles in vectors, where a choice makes branches of them.
        let v = if size_of::<E>() == 8 {
            v - threshold * if spike { E::ONE } else { E::ZERO }
        } else if spike {
            v - threshold
        } else {
            v
        };
        (v, i32::from(spike))
    }
}

/// `v = β·v + I;  s = v >= θ;  v = v_reset where s`.
#[derive(Clone, Copy)]
struct HardReset;

impl<E: Element> Equation<E> for HardReset {
    const READS: [bool; 3] = [true; 3];
    const HIDES_INFINITY: bool = true;

    #[inline(always)]
    fn step(self, v: E, current: E, _: i32, Place { threshold, v_reset, beta }: Place<E>) -> (E, i32) {
        let v = beta * v + current;
        let spike = v >= threshold;
        (if spike { v_reset } else { v }, i32::from(spike))
    }
}

/// `v = v + I;  s = #{m <= max_spikes: v >= m·θ};  v = v - s·θ`.
///
/// The thresholds m·θ, each rounded, ascend, so s is the largest m whose threshold v reaches. Rounding moves m·θ and
/// v/θ by less than 2^-23 of their size each, and m is at most 127: so s is `floor(v/θ)`, or one less, or one more, and
/// comparisons with two thresholds tell which. With `1 <= e <= max_spikes - 1`, as near to `floor(v/θ)` as that
/// allows, s is one of `e - 1, e, e + 1`.
#[derive(Clone, Copy)]
struct SeveralSpikes<E> {
    /// `max_spikes - 1`.
    most: E,
}

impl<E: Element> Equation<E> for SeveralSpikes<E> {
    #[inline(always)]
    fn step(self, v: E, current: E, _: i32, Place { threshold, .. }: Place<E>) -> (E, i32) {
        let v = v + current;
        let ratio = v / threshold;
        // Written so that NaN gives 1.
        let ratio = if ratio > E::ONE { ratio } else { E::ONE };
        let near = if ratio < self.most { ratio } else { self.most }.floor();
        let one_if = |is_reached: bool| if is_reached { E::ONE } else { E::ZERO };
        let spike = near - E::ONE + one_if(v >= near * threshold) + one_if(v >= (near + E::ONE) * threshold);
        (v - spike * threshold, i32::from(spike.to_i8()))
    }
}
