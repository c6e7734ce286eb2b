//! The neurons of one layer at work on a few samples: their state between steps, and what is kept of them.

use super::Neurons;
use crate::multistep::Steps;
use crate::operations::Events;
use crate::view::Shape;
use crate::{Code, Counts, Element, Error, LayerTrace, Signal, checks};

/// What is kept of a layer beside counts and membrane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Its signal at every step.
    pub(crate) signal: bool,
    /// The sum of what it received.
    pub(crate) drive: bool,
    /// Of each sample, the steps up to the last one at which anything was passed on.
    pub(crate) moves: bool,
}

/// The neurons of one layer at work on some samples of a batch.
pub(crate) struct State<'a, E> {
    neurons: &'a Neurons<E>,
    width: usize,
    batch: usize,
    /// Steps that are over.
    steps: usize,
    membrane: Vec<E>,
    counts: Vec<i64>,
    /// Empty where it is not kept.
    drive: Vec<E>,
    /// Of each sample, the steps up to the last one at which anything was passed on; empty where it is not kept.
    moved: Vec<usize>,
    spikes: Vec<i8>,
    recorded: Option<Signal<E>>,
}

impl<'a, E: Element> State<'a, E> {
    /// A layer of `width` neurons before the first of `timesteps` steps. Errors: `too_large`.
    pub(crate) fn new(
        neurons: &'a Neurons<E>,
        width: usize,
        batch: usize,
        timesteps: usize,
        keep: Keep,
    ) -> Result<Self, Error> {
        let size = [timesteps, batch, width];
        let recorded = match (keep.signal, neurons) {
            (false, _) => None,
            (true, Neurons::Identity) => Some(Signal::Graded(checks::room(&size)?)),
            (true, _) => Some(Signal::Spikes(checks::room(&size)?)),
        };
        let membrane = match neurons {
            Neurons::IntegrateFire(neurons) => neurons.v_start().repeat(batch),
            Neurons::StBif(neurons) => neurons.v_start().repeat(batch),
            Neurons::Identity => checks::zeros(&[batch, width])?,
        };
        let is_graded = matches!(neurons, Neurons::Identity);
        Ok(Self {
            neurons,
            width,
            batch,
            steps: 0,
            membrane,
            counts: if is_graded { Vec::new() } else { checks::zeros(&[batch, width])? },
            drive: if keep.drive || is_graded { checks::zeros(&[batch, width])? } else { Vec::new() },
            moved: if keep.moves { checks::zeros(&[batch])? } else { Vec::new() },
            spikes: vec![0; width],
            recorded,
        })
    }

    /// Run `steps` steps on `currents` of shape (steps, batch, width), or (batch, width) where they are constant, and
    /// append the signal to `output` where another layer reads it. Errors: `non_finite`.
    pub(crate) fn fire(
        &mut self,
        currents: &[E],
        steps: usize,
        mut output: Option<&mut Events<E>>,
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
        current: &[E],
        output: Option<&mut Events<E>>,
    ) -> Result<(), Error> {
        let place = sample * self.width..(sample + 1) * self.width;
        if let Some(drive) = self.drive.get_mut(place.clone()) {
            for (drive, &current) in drive.iter_mut().zip(current) {
                *drive += current;
            }
        }
        finite(current, self.steps + t, sample)?;
        let Self { membrane, counts, spikes, .. } = self;
        match self.neurons {
            Neurons::Identity => {}
            Neurons::IntegrateFire(neurons) => {
                neurons.step(current, &mut membrane[place.clone()], spikes, &mut counts[place]);
            }
            Neurons::StBif(neurons) => {
                neurons.step(current, &mut membrane[place.clone()], spikes, &mut counts[place]);
            }
        }
        if let Some(moved) = self.moved.get_mut(sample) {
            let is_moving = match self.neurons {
                Neurons::Identity => current.iter().any(|&value| value != E::ZERO),
                _ => spikes.iter().any(|&spike| spike != 0),
            };
            if is_moving {
                *moved = self.steps + t + 1;
            }
        }
        if let Some(output) = output {
            match self.neurons {
                Neurons::Identity => output.push_values(current),
                Neurons::IntegrateFire(neurons) if !neurons.may_send_several() => output.push_ones(spikes),
                _ => output.push_spikes(spikes),
            }
        }
        match &mut self.recorded {
            Some(Signal::Spikes(recorded)) => recorded.extend_from_slice(spikes),
            Some(Signal::Graded(recorded)) => recorded.extend_from_slice(current),
            None => {}
        }
        Ok(())
    }

    /// Of each sample, the steps up to the last one at which it passed anything on.
    pub(crate) fn moved(&self) -> &[usize] {
        &self.moved
    }

    /// Let `steps` more steps be over, at which nothing moves.
    pub(crate) fn rest(&mut self, steps: usize) {
        let size = steps * self.batch * self.width;
        match &mut self.recorded {
            Some(Signal::Spikes(recorded)) => recorded.resize(recorded.len() + size, 0),
            Some(Signal::Graded(recorded)) => recorded.resize(recorded.len() + size, E::ZERO),
            None => {}
        }
        self.steps += steps;
    }

    /// What the layer did, and the sum of what it received: empty where it was not kept.
    pub(crate) fn finish(self) -> (LayerTrace<E>, Vec<E>) {
        let counts = match self.neurons {
            Neurons::Identity => Counts::Graded(self.drive.clone()),
            _ => Counts::Spikes(self.counts),
        };
        (LayerTrace { counts, membrane: self.membrane, signal: self.recorded }, self.drive)
    }
}

fn finite<E: Element>(current: &[E], step: usize, sample: usize) -> Result<(), Error> {
    if current.iter().fold(true, |is_finite, value| is_finite & value.is_finite()) {
        return Ok(());
    }
    let j = current.iter().position(|value| !value.is_finite()).unwrap_or(0);
    let (value, place) = (current[j], Shape(&[step, sample, j]));
    Err(Error::new(Code::NonFinite, format!("currents holds NaN or infinity: {value} at index {place}")))
}
