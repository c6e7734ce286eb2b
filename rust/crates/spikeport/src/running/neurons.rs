//! The neurons of one layer: which equation, with which parameters, and how far whole numbers go in it.

use crate::integrate_fire::IntegrateFire;
use crate::multistep::Steps;
use crate::st_bif::StBif;
use crate::{Code, Element, Error, IfParameters, Neuron, NeuronKind, StBifParameters};

/// The neurons of one layer, their parameters checked and laid out.
pub(crate) enum Neurons<E> {
    IntegrateFire(IntegrateFire<E>),
    StBif(StBif<E>),
    Identity,
}

impl<E: Element> Neurons<E> {
    /// Neurons of this shape; a parameter is one number, or one for each entry of the first axis.
    ///
    /// Errors: `shape`, `non_finite`, `threshold`, `beta`, `v_reset`, `tracer`, `max_spikes`; of whole numbers `not_whole`,
    /// `overflow`, and `neuron_kind` for LIF.
    pub(crate) fn new(neuron: &Neuron, shape: &[usize]) -> Result<Self, Error> {
        neuron.check_kind()?;
        if E::IS_WHOLE && neuron.kind == NeuronKind::Lif {
            return Err(Error::new(
                Code::NeuronKind,
                "integers have no leak: make LIF neurons IF, with beta 1",
            ));
        }
        let width = shape.iter().product();
        let Neuron { kind, threshold, v_init, v_reset, beta, tracer_min, tracer_max, max_spikes } =
            neuron.per_place(shape)?;
        Ok(match kind {
            NeuronKind::If | NeuronKind::Lif => Self::IntegrateFire(IntegrateFire::new(
                &IfParameters { threshold, v_init, v_reset, beta, max_spikes },
                width,
            )?),
            NeuronKind::StBif => Self::StBif(StBif::new(
                &StBifParameters { threshold, tracer_min, tracer_max, v_init },
                width,
            )?),
            NeuronKind::Identity => Self::Identity,
        })
    }

    /// Whether a membrane moves without a current and a spike.
    pub(crate) fn are_leaking(&self) -> bool {
        matches!(self, Self::IntegrateFire(neurons) if neurons.are_leaking())
    }

    /// What their membranes, or what they add up, reach at most in `steps` steps of currents of at most `currents`, all of
    /// them whole numbers.
    pub(crate) fn bound(&self, currents: u64, steps: usize) -> u64 {
        let reach = match self {
            Self::IntegrateFire(neurons) => neurons.reach(),
            Self::StBif(neurons) => neurons.reach(),
            Self::Identity => 0,
        };
        reach.saturating_add(currents.saturating_mul(steps as u64))
    }

    /// The largest absolute value that they pass on in a step, where their currents are at most `currents`.
    pub(crate) fn most_sent(&self, currents: u64) -> u64 {
        match self {
            Self::IntegrateFire(neurons) => neurons.max_spikes().unsigned_abs(),
            Self::StBif(_) => 1,
            Self::Identity => currents,
        }
    }
}

impl<E> Neurons<E> {
    /// Whether what they pass on is spikes.
    pub(crate) fn are_spiking(&self) -> bool {
        !matches!(self, Self::Identity)
    }
}
