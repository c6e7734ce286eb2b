//! One layer at work on a few samples: its weights, and the state of its neurons between steps.

use crate::checks;
use crate::events::Events;
use crate::integrate_fire::IntegrateFire;
use crate::packed::Packed;
use crate::st_bif::StBif;
use crate::view::Shape;
use crate::{
    Counts, Element, Error, IfParameters, LayerTrace, Neuron, NeuronKind, Signal, StBifParameters, Values,
};

/// A layer of a network, whatever its element type.
pub(crate) trait Stage {
    /// Take in rows of inputs: (steps, samples), or the samples alone where the input is constant.
    fn receive(&mut self, input: &Events);
    /// Let the neurons run for `steps` on what was received and append their signal, row by row, to `output`.
    fn fire(&mut self, steps: usize, output: Option<&mut Events>) -> Result<(), Error>;
    /// What the layer did, and the sum of what it received where that is kept.
    fn finish(self: Box<Self>) -> (LayerTrace, Values);
}

/// Weights and the neurons behind them.
pub(crate) struct Weighted<'a, F: Element> {
    packed: &'a Packed<F>,
    currents: Vec<F>,
    state: State<F>,
}

impl<'a, F: Element> Weighted<'a, F> {
    pub(crate) fn new(packed: &'a Packed<F>, state: State<F>) -> Self {
        Self { packed, currents: Vec::new(), state }
    }
}

impl<F: Element> Stage for Weighted<'_, F> {
    fn receive(&mut self, input: &Events) {
        self.currents.resize(input.rows() * self.packed.n_out(), F::ZERO);
        self.packed.weigh(input, &mut self.currents);
    }

    fn fire(&mut self, steps: usize, output: Option<&mut Events>) -> Result<(), Error> {
        self.state.fire(&self.currents, steps, output)
    }

    fn finish(self: Box<Self>) -> (LayerTrace, Values) {
        self.state.finish()
    }
}

/// What is kept of a layer beside counts and membrane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Its signal at every step.
    pub(crate) signal: bool,
    /// The sum of what it received.
    pub(crate) drive: bool,
}

/// The neurons of one layer, for some samples of a batch.
pub(crate) struct State<F> {
    neurons: Neurons<F>,
    width: usize,
    batch: usize,
    /// Steps that are over.
    steps: usize,
    membrane: Vec<F>,
    counts: Vec<i64>,
    /// Empty where it is not kept.
    drive: Vec<F>,
    spikes: Vec<i8>,
    recorded: Option<Recorded<F>>,
}

enum Neurons<F> {
    IntegrateFire(IntegrateFire<F>),
    StBif(StBif<F>),
    Identity,
}

enum Recorded<F> {
    Spikes(Vec<i8>),
    Graded(Vec<F>),
}

impl<F: Element> State<F> {
    /// Neurons of one layer of `width` before the first of `timesteps`.
    pub(crate) fn new(
        width: usize,
        batch: usize,
        neuron: &Neuron,
        timesteps: usize,
        keep: Keep,
    ) -> Result<Self, Error> {
        let neurons = Neurons::new(neuron, width)?;
        let size = [timesteps, batch, width];
        let recorded = match (keep.signal, &neurons) {
            (false, _) => None,
            (true, Neurons::Identity) => Some(Recorded::Graded(checks::zeros(&size)?)),
            (true, _) => Some(Recorded::Spikes(checks::zeros(&size)?)),
        };
        let membrane = match &neurons {
            Neurons::IntegrateFire(IntegrateFire { v_start, .. }) | Neurons::StBif(StBif { v_start, .. }) => {
                v_start.repeat(batch)
            }
            Neurons::Identity => checks::zeros(&[batch, width])?,
        };
        let has_drive = keep.drive || matches!(neurons, Neurons::Identity);
        Ok(Self {
            neurons,
            width,
            batch,
            steps: 0,
            membrane,
            counts: checks::zeros(&[batch, width])?,
            drive: if has_drive { checks::zeros(&[batch, width])? } else { Vec::new() },
            spikes: vec![0; width],
            recorded,
        })
    }

    /// Run `steps` steps on `currents` of shape (steps, batch, width), or (batch, width) where they are constant, and
    /// append the signal to `output` where there is a next layer.
    pub(crate) fn fire(
        &mut self,
        currents: &[F],
        steps: usize,
        mut output: Option<&mut Events>,
    ) -> Result<(), Error> {
        let width = self.width;
        let rows = currents.len().checked_div(width).unwrap_or(0);
        for t in 0..steps {
            for sample in 0..self.batch {
                let row = (t * self.batch + sample).checked_rem(rows).unwrap_or(0);
                self.fire_row(t, sample, &currents[row * width..][..width], output.as_deref_mut())?;
            }
        }
        self.steps += steps;
        Ok(())
    }

    fn fire_row(
        &mut self,
        t: usize,
        sample: usize,
        current: &[F],
        output: Option<&mut Events>,
    ) -> Result<(), Error> {
        let place = sample * self.width..(sample + 1) * self.width;
        if let Some(drive) = self.drive.get_mut(place.clone()) {
            for (drive, &current) in drive.iter_mut().zip(current) {
                *drive += current;
            }
        }
        finite(current, self.steps + t, sample)?;
        let (membrane, counts) = (&mut self.membrane[place.clone()], &mut self.counts[place]);
        match &self.neurons {
            Neurons::Identity => {}
            Neurons::IntegrateFire(neurons) => neurons.step(current, membrane, &mut self.spikes, counts),
            Neurons::StBif(neurons) => neurons.step(current, membrane, &mut self.spikes, counts),
        }
        match (output, &self.neurons) {
            (None, _) => {}
            (Some(output), Neurons::Identity) => output.push_values(current),
            (Some(output), _) => output.push_spikes(&self.spikes),
        }
        let row = (self.steps + t) * self.batch + sample;
        match &mut self.recorded {
            Some(Recorded::Spikes(spikes)) => {
                spikes[row * self.width..][..self.width].copy_from_slice(&self.spikes)
            }
            Some(Recorded::Graded(values)) => {
                values[row * self.width..][..self.width].copy_from_slice(current)
            }
            None => {}
        }
        Ok(())
    }

    /// What the layer did, and its drive.
    pub(crate) fn finish(self) -> (LayerTrace, Values) {
        let counts = match self.neurons {
            Neurons::Identity => Counts::Graded(F::wrap(self.drive.clone())),
            _ => Counts::Spikes(self.counts),
        };
        let signal = self.recorded.map(|recorded| match recorded {
            Recorded::Spikes(spikes) => Signal::Spikes(spikes),
            Recorded::Graded(values) => Signal::Graded(F::wrap(values)),
        });
        (LayerTrace { counts, membrane: F::wrap(self.membrane), signal }, F::wrap(self.drive))
    }
}

impl<F: Element> Neurons<F> {
    fn new(neuron: &Neuron, width: usize) -> Result<Self, Error> {
        neuron.check_kind()?;
        let Neuron { kind, threshold, v_init, v_reset, beta, tracer_min, tracer_max } = neuron.clone();
        Ok(match kind {
            NeuronKind::If | NeuronKind::Lif => Self::IntegrateFire(IntegrateFire::new(
                &IfParameters { threshold, v_init, v_reset, beta },
                width,
            )?),
            NeuronKind::StBif => Self::StBif(StBif::new(
                &StBifParameters { threshold, tracer_min, tracer_max, v_init },
                width,
            )?),
            NeuronKind::Identity => Self::Identity,
        })
    }
}

fn finite<F: Element>(current: &[F], step: usize, sample: usize) -> Result<(), Error> {
    if current.iter().fold(true, |is_finite, value| is_finite & value.is_finite()) {
        return Ok(());
    }
    let j = current.iter().position(|value| !value.is_finite()).unwrap_or(0);
    let (value, place) = (current[j], Shape(&[step, sample, j]));
    Err(Error::new("non_finite", format!("currents holds NaN or infinity: {value} at index {place}")))
}
