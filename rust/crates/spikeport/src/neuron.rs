//! The neuron: what turns a current into spikes.

use std::fmt;

use crate::{Code, Element, Error};

/// The most spikes that one neuron may be allowed in one step: a signal holds them in eight bits.
const MOST_SPIKES: i64 = 127;

/// A parameter of a layer's neurons: one number for all of them, or one number for each.
#[derive(Clone, Debug, PartialEq)]
pub enum PerNeuron {
    /// The same for every neuron.
    All(f64),
    /// One value for each neuron.
    Each(Vec<f64>),
}

impl PerNeuron {
    /// The values as given: one, or one for each neuron.
    pub fn as_slice(&self) -> &[f64] {
        match self {
            Self::All(value) => std::slice::from_ref(value),
            Self::Each(values) => values,
        }
    }

    /// Whether every value is below its counterpart, both in the type `F`.
    pub(crate) fn is_below<F: Element>(&self, other: &Self) -> bool {
        let (values, bounds) = (self.as_slice(), other.as_slice());
        let n = values.len().max(bounds.len());
        let pairs = values.iter().cycle().zip(bounds.iter().cycle()).take(n);
        pairs.into_iter().all(|(&value, &bound)| F::from_f64(value) < F::from_f64(bound))
    }
}

impl From<f64> for PerNeuron {
    fn from(value: f64) -> Self {
        Self::All(value)
    }
}

impl fmt::Display for PerNeuron {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(value) => write!(formatter, "{value:?}"),
            Self::Each(values) => write!(formatter, "{values:?}"),
        }
    }
}

/// The kind of a neuron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeuronKind {
    /// Integrate-and-fire.
    If,
    /// Leaky integrate-and-fire.
    Lif,
    /// Bipolar integrate-and-fire with a tracer.
    StBif,
    /// No neuron at all: the currents themselves go out, one graded value in each step.
    Identity,
}

impl NeuronKind {
    /// The kind by its name: "IF", "LIF", "ST-BIF" or "identity".
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::If, Self::Lif, Self::StBif, Self::Identity].into_iter().find(|kind| kind.name() == name)
    }

    /// The name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::If => "IF",
            Self::Lif => "LIF",
            Self::StBif => "ST-BIF",
            Self::Identity => "identity",
        }
    }
}

/// The parameters of one layer's neurons.
#[derive(Clone, Debug, PartialEq)]
pub struct Neuron {
    /// The equation.
    pub kind: NeuronKind,
    /// θ > 0, in units of the membrane.
    pub threshold: PerNeuron,
    /// Membrane before the first step, in units of the threshold.
    pub v_init: PerNeuron,
    /// Membrane after a spike (hard reset, below the threshold), or `None` for soft reset.
    pub v_reset: Option<PerNeuron>,
    /// Share of the membrane that one step keeps, in [0, 1]; 1 for every kind but LIF.
    pub beta: PerNeuron,
    /// Least value of the tracer, at most 0 (ST-BIF).
    pub tracer_min: i64,
    /// Largest value of the tracer, at least 0 (ST-BIF).
    pub tracer_max: i64,
    /// The most spikes of one neuron in one step, from 1 to 127; above 1 only for IF under soft reset.
    pub max_spikes: i64,
}

impl Neuron {
    /// A neuron of `kind` with θ = 1, an empty membrane, soft reset, no leak, a tracer in [0, 31] and one spike a step.
    pub fn new(kind: NeuronKind) -> Self {
        Self {
            kind,
            threshold: PerNeuron::All(1.0),
            v_init: PerNeuron::All(0.0),
            v_reset: None,
            beta: PerNeuron::All(1.0),
            tracer_min: 0,
            tracer_max: 31,
            max_spikes: 1,
        }
    }

    /// Refuse parameters that neurons of this kind do not have. Errors: `beta`, `v_reset`, `max_spikes`.
    pub(crate) fn check_kind(&self) -> Result<(), Error> {
        let (kind, beta) = (self.kind.name(), &self.beta);
        if self.kind != NeuronKind::Lif && beta.as_slice().iter().any(|&beta| beta != 1.0) {
            let message = format!("{kind} has no leak, so beta must be 1, not {beta}: use LIF");
            return Err(Error::new(Code::Beta, message));
        }
        if self.v_reset.is_some() && matches!(self.kind, NeuronKind::StBif | NeuronKind::Identity) {
            return Err(Error::new(Code::VReset, format!("{kind} has no hard reset: leave it out")));
        }
        check_max_spikes(self.max_spikes, self.kind == NeuronKind::If && self.v_reset.is_none())
    }

    /// The same neurons for every place behind the first axis of `shape`: a parameter of one number for each entry of that
    /// axis becomes one of one number for each neuron. Errors: `shape`.
    pub(crate) fn per_place(&self, shape: &[usize]) -> Result<Self, Error> {
        let [channels, places @ ..] = shape else { return Ok(self.clone()) };
        let places: usize = places.iter().product();
        let spread = |name: &str, value: &PerNeuron| match value {
            PerNeuron::Each(each) if places != 1 && each.len() != 1 => {
                if each.len() != *channels {
                    let message =
                        format!("{name} has shape ({},): give one number, or {channels}", each.len());
                    return Err(Error::new(Code::Shape, message));
                }
                let values = each.iter().flat_map(|&one| std::iter::repeat_n(one, places));
                Ok(PerNeuron::Each(values.collect()))
            }
            value => Ok(value.clone()),
        };
        Ok(Self {
            threshold: spread("threshold", &self.threshold)?,
            v_init: spread("v_init", &self.v_init)?,
            v_reset: self.v_reset.as_ref().map(|v_reset| spread("v_reset", v_reset)).transpose()?,
            beta: spread("beta", &self.beta)?,
            ..*self
        })
    }
}

/// Refuse a number of spikes in one step that neurons cannot send: outside 1 to 127, or above 1 unless they `can_send_several`.
///
/// Errors: `max_spikes`.
pub(crate) fn check_max_spikes(max_spikes: i64, can_send_several: bool) -> Result<(), Error> {
    let refused = |wanted| Err(Error::new(Code::MaxSpikes, format!("max_spikes is {max_spikes}: {wanted}")));
    match max_spikes {
        1 => Ok(()),
        2..=MOST_SPIKES if can_send_several => Ok(()),
        2..=MOST_SPIKES => {
            refused("several spikes in one step are for IF with soft reset and no leak; give 1")
        }
        _ => refused("give a whole number from 1 to 127"),
    }
}
