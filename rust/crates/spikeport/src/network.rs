//! A whole network.
//!
//! ```text
//! s⁰ = encode(x);   sˡ = layer(sˡ⁻¹)  for l = 1 … L
//! ```
//!
//! The readout needs no neuron of its own: the output layer's `drive` is what it received in all, `Σ_t I[t]` in the order
//! of the steps, which under soft reset and β = 1 is `θ·count + v_end - v_start`, negative logits included.
//!
//! Samples are independent, so a batch runs in blocks of samples, and each block goes through the network a few steps at a
//! time: memory does not grow with T, and a block's weights are read once for many sums. The result depends neither on the
//! blocks nor on the number of threads.

use std::ops::Range;

use crate::events::Events;
use crate::input::Input;
use crate::join::join;
use crate::packed::Packed;
use crate::stage::{Keep, Stage, State, Weighted};
use crate::view::Shape;
use crate::{AnyLayer, Element, Encoding, Error, Layer, LayerTrace, Neuron, RunOptions, Values, View};
use crate::{checks, encode, threads};

/// Samples in a block, at most.
const SAMPLES: usize = 16;
/// Rows (steps × samples) that a block takes through a layer at once.
const ROWS: usize = 64;

/// Additions below which threads cost more than they save.
const WORTH_THREADS: usize = 1 << 20;

/// What a network did.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkTrace {
    /// One trace a layer.
    pub layers: Vec<LayerTrace>,
    /// What the output layer received in all, shape (batch, out).
    pub drive: Values,
}

/// Layers, checked and laid out for running.
pub struct Network {
    layers: Vec<Prepared>,
}

enum Prepared {
    F32(Packed<f32>, Neuron),
    F64(Packed<f64>, Neuron),
}

/// Run `layers`: see [`Network::run`].
pub fn network_run<I: Element>(
    layers: &[AnyLayer<'_>],
    inputs: View<'_, I>,
    options: &RunOptions,
) -> Result<NetworkTrace, Error> {
    Network::new(layers)?.run(inputs, options)
}

impl Network {
    /// Lay out `layers`, input side first. Errors: `shape`, `non_finite`, `too_large`.
    pub fn new(layers: &[AnyLayer<'_>]) -> Result<Self, Error> {
        if layers.is_empty() {
            return Err(Error::new("shape", "a network needs at least one layer"));
        }
        for pair in layers.windows(2) {
            let (before, after) = (pair[0].shape(), pair[1].shape());
            if after[1] != before[0] {
                let message = format!("a layer of {} feeds weights {}", before[0], Shape(&after));
                return Err(Error::new("shape", message));
            }
        }
        let prepare = |layer: &AnyLayer<'_>| match layer {
            AnyLayer::F32(layer) => Ok(Prepared::F32(packed(layer)?, layer.neuron.clone())),
            AnyLayer::F64(layer) => Ok(Prepared::F64(packed(layer)?, layer.neuron.clone())),
        };
        Ok(Self { layers: layers.iter().map(prepare).collect::<Result<_, Error>>()? })
    }

    /// Run for some steps on inputs of shape (batch, in), with encoding `Spikes` (timesteps, batch, in).
    ///
    /// Inputs are first rounded to the type of the first layer's weights.
    ///
    /// Errors: `non_finite`, `shape`, `rate_range`, the codes of the neurons, `too_large`.
    pub fn run<I: Element>(&self, inputs: View<'_, I>, options: &RunOptions) -> Result<NetworkTrace, Error> {
        checks::finite("inputs", inputs)?;
        match &self.layers[0] {
            Prepared::F32(..) => {
                self.run_rounded(View::new(&I::to_single(inputs.data()), inputs.shape())?, options)
            }
            Prepared::F64(..) => {
                self.run_rounded(View::new(&I::to_double(inputs.data()), inputs.shape())?, options)
            }
        }
    }

    fn run_rounded<I: Element>(
        &self,
        inputs: View<'_, I>,
        options: &RunOptions,
    ) -> Result<NetworkTrace, Error> {
        let n_in = self.layers[0].n_in();
        let batch = match (options.encoding, inputs.shape()) {
            (Encoding::Spikes, &[steps, batch, n]) if steps == options.timesteps && n == n_in => batch,
            (Encoding::Current | Encoding::Poisson, &[batch, n]) if n == n_in => batch,
            (encoding, shape) => {
                let steps = if encoding == Encoding::Spikes { "timesteps, " } else { "" };
                let message = format!("inputs have shape {}: give ({steps}batch, {n_in})", Shape(shape));
                return Err(Error::new("shape", message));
            }
        };
        if options.encoding == Encoding::Poisson {
            encode::check_rates(inputs.data())?;
        }
        let most_additions = self.n_weights().saturating_mul(batch).saturating_mul(options.timesteps);
        let n_threads = match options.threads {
            Some(threads) => threads.max(1),
            None if most_additions < WORTH_THREADS => 1,
            None => threads::default_threads(),
        };
        let size = batch.div_ceil(n_threads).clamp(1, SAMPLES);
        let input = Input { data: inputs.data(), n: n_in, batch };
        let blocks = threads::parallel(batch.div_ceil(size).max(1), n_threads, |block| {
            self.run_block(&input, block * size..batch.min((block + 1) * size), options)
        });
        join(blocks.into_iter().collect::<Result<_, Error>>()?, options.timesteps)
    }

    fn n_weights(&self) -> usize {
        let widths = |layer: &Prepared| match layer {
            Prepared::F32(packed, _) => packed.n_in() * packed.n_out(),
            Prepared::F64(packed, _) => packed.n_in() * packed.n_out(),
        };
        self.layers.iter().map(widths).sum()
    }

    fn run_block<I: Element>(
        &self,
        input: &Input<'_, I>,
        samples: Range<usize>,
        options: &RunOptions,
    ) -> Result<NetworkTrace, Error> {
        let mut stages = Vec::with_capacity(self.layers.len());
        for (l, layer) in self.layers.iter().enumerate() {
            let keep = Keep { signal: options.record, drive: l + 1 == self.layers.len() };
            stages.push(layer.stage(samples.len(), options.timesteps, keep)?);
        }
        let streams: Vec<u64> = match options.encoding {
            Encoding::Poisson => {
                samples.clone().map(|s| encode::stream(options.seed, input.key(s))).collect()
            }
            _ => Vec::new(),
        };
        let (mut signal, mut next) = (Events::default(), Events::default());
        let at_once = (ROWS / samples.len().max(1)).max(1);
        for start in (0..options.timesteps).step_by(at_once) {
            let steps = start..options.timesteps.min(start + at_once);
            signal.clear();
            input.encode(options.encoding, steps.clone(), samples.clone(), &streams, &mut signal);
            for (l, stage) in stages.iter_mut().enumerate() {
                let already_received = l == 0 && start > 0 && options.encoding == Encoding::Current;
                if !already_received {
                    stage.receive(&signal);
                }
                next.clear();
                stage.fire(steps.len(), (l + 1 < self.layers.len()).then_some(&mut next))?;
                std::mem::swap(&mut signal, &mut next);
            }
        }
        let (layers, mut drives): (Vec<_>, Vec<_>) = stages.into_iter().map(|stage| stage.finish()).unzip();
        Ok(NetworkTrace { layers, drive: drives.pop().unwrap_or(Values::F64(Vec::new())) })
    }
}

impl Prepared {
    fn n_in(&self) -> usize {
        match self {
            Self::F32(packed, _) => packed.n_in(),
            Self::F64(packed, _) => packed.n_in(),
        }
    }

    fn stage(&self, batch: usize, timesteps: usize, keep: Keep) -> Result<Box<dyn Stage + '_>, Error> {
        Ok(match self {
            Self::F32(packed, neuron) => {
                let state = State::new(packed.n_out(), batch, neuron, timesteps, keep)?;
                Box::new(Weighted::new(packed, state))
            }
            Self::F64(packed, neuron) => {
                let state = State::new(packed.n_out(), batch, neuron, timesteps, keep)?;
                Box::new(Weighted::new(packed, state))
            }
        })
    }
}

fn packed<F: Element>(layer: &Layer<'_, F>) -> Result<Packed<F>, Error> {
    let [n_out, n_in] = layer.shape;
    checks::finite("weights", View::new(&layer.weights, &layer.shape)?)?;
    if let Some(bias) = &layer.bias {
        checks::finite("bias", View::new(bias, &[n_out])?)?;
    }
    Packed::new(&layer.weights, layer.bias.as_deref(), n_out, n_in)
}
