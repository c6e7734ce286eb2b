//! What a network is run on, and how.

use std::ops::Range;

use crate::operations::Events;
use crate::{Code, Element, Error, encode};

/// How inputs become the first layer's signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The value at every step.
    Current,
    /// Spikes drawn with the value as rate in [0, 1].
    Poisson,
    /// The input as it is, step by step.
    Spikes,
    /// The value at the first step, then 0; biases act at the first step alone.
    Pulse,
}

impl Encoding {
    /// The encoding by its name: "current", "poisson", "spikes" or "pulse".
    pub fn from_name(name: &str) -> Result<Self, Error> {
        match name {
            "current" => Ok(Self::Current),
            "poisson" => Ok(Self::Poisson),
            "spikes" => Ok(Self::Spikes),
            "pulse" => Ok(Self::Pulse),
            _ => {
                let message = format!("encoding '{name}' is not one of current, poisson, spikes, pulse");
                Err(Error::new(Code::Encoding, message))
            }
        }
    }
}

/// How a network is run.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// Number of steps.
    pub timesteps: usize,
    /// How inputs become the first layer's signal.
    pub encoding: Encoding,
    /// Of the Poisson draws; a draw depends on seed, step, the sample's values and the input's index.
    pub seed: u64,
    /// Keep every layer's signal.
    pub record: bool,
    /// Number of threads; `None` is `RAYON_NUM_THREADS` where it is set, else one for each core, and one for little work.
    pub threads: Option<usize>,
}

impl RunOptions {
    /// Run for `timesteps` with constant currents, seed 0, nothing recorded, on all cores.
    pub fn new(timesteps: usize) -> Self {
        Self { timesteps, encoding: Encoding::Current, seed: 0, record: false, threads: None }
    }
}

/// The inputs of a run, in the type of the network.
pub(crate) struct Input<'a, E> {
    pub(crate) data: &'a [E],
    pub(crate) n: usize,
    pub(crate) batch: usize,
}

impl<E: Element> Input<'_, E> {
    fn row(&self, row: usize) -> &[E] {
        &self.data[row * self.n..][..self.n]
    }

    /// The key of a sample's draws.
    pub(crate) fn key(&self, sample: usize) -> u64 {
        encode::sample_key(self.row(sample))
    }

    /// Append the rows of some steps and samples; for constant currents those of the samples alone.
    pub(crate) fn encode(
        &self,
        encoding: Encoding,
        steps: Range<usize>,
        samples: Range<usize>,
        streams: &[u64],
        to: &mut Events<E>,
    ) {
        match encoding {
            Encoding::Current => samples.for_each(|s| to.push_values(self.row(s))),
            Encoding::Spikes => {
                for t in steps {
                    samples.clone().for_each(|s| to.push_values(self.row(t * self.batch + s)));
                }
            }
            Encoding::Pulse => {
                for t in steps {
                    samples.clone().for_each(|s| match t {
                        0 => to.push_values(self.row(s)),
                        _ => to.push_nothing(),
                    });
                }
            }
            Encoding::Poisson => {
                let mut spikes = vec![0; self.n];
                for t in steps {
                    for (s, &stream) in samples.clone().zip(streams) {
                        for (spike, drawn) in
                            spikes.iter_mut().zip(encode::draws(stream, t as u64, self.row(s)))
                        {
                            *spike = i8::from(drawn);
                        }
                        to.push_ones(&spikes);
                    }
                }
            }
        }
    }
}
