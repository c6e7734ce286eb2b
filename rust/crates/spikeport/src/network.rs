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

use crate::operations::{Currents, Events, Operation};
use crate::running::{self, Input, Interruption, Keep, Neurons, State};
use crate::view::Shape;
use crate::{Code, Element, Encoding, Error, Neuron, RunOptions, RunResult, View, checks, encode};

/// Samples in a block, at most.
const SAMPLES: usize = 16;
/// Rows (steps × samples) that a block takes through a layer at once.
const ROWS: usize = 64;

/// Additions (as if every input were a spike) below which starting threads costs more than it saves: a run of about
/// 200 µs, measured with two threads on networks of 64 to 1024 inputs.
const WORTH_THREADS: usize = 1 << 24;

/// A node of a network: an operation on what it reads, and the neurons behind it.
///
/// A node reads the one before it, the first one the input.
pub struct Node<E> {
    operation: Box<dyn Operation<E>>,
    neuron: Neuron,
}

impl<E: Element> Node<E> {
    /// A node of `operation` and `neuron`; whether they fit is seen when it becomes part of a network.
    pub fn new(operation: impl Operation<E> + 'static, neuron: Neuron) -> Self {
        Self { operation: Box::new(operation), neuron }
    }
}

/// Nodes of one element type, checked and laid out for running.
pub struct Network<E> {
    n_inputs: usize,
    layers: Vec<Layer<E>>,
}

/// A network whose element type is known only at run time. It is chosen once, where the network is read or handed over.
pub enum AnyNetwork {
    /// Single precision.
    F32(Network<f32>),
    /// Double precision.
    F64(Network<f64>),
}

struct Layer<E> {
    operation: Box<dyn Operation<E>>,
    neurons: Neurons<E>,
    width: usize,
}

impl<E: Element> Network<E> {
    /// Lay out `nodes`, input side first, for inputs of `n_inputs` values.
    ///
    /// Errors: `shape`, and the codes of the neurons.
    pub fn new(n_inputs: usize, nodes: Vec<Node<E>>) -> Result<Self, Error> {
        if nodes.is_empty() {
            return Err(Error::new(Code::Shape, "a network needs at least one layer"));
        }
        let (mut layers, mut before) = (Vec::with_capacity(nodes.len()), n_inputs);
        for Node { operation, neuron } in nodes {
            let width = operation.width(&[before])?;
            layers.push(Layer { operation, neurons: Neurons::new(&neuron, width)?, width });
            before = width;
        }
        Ok(Self { n_inputs, layers })
    }

    /// Run for some steps on inputs of shape (batch, in), with encoding `Spikes` (timesteps, batch, in).
    ///
    /// Inputs are first rounded to the type of the network.
    ///
    /// Errors: `non_finite`, `shape`, `rate_range`, `too_large`, `interrupted`.
    pub fn run<I: Element>(&self, inputs: View<'_, I>, options: &RunOptions) -> Result<RunResult<E>, Error> {
        checks::finite("inputs", inputs)?;
        let input = Input {
            data: &E::rounded(inputs.data()),
            n: self.n_inputs,
            batch: self.batch_of(inputs.shape(), options)?,
        };
        if options.encoding == Encoding::Poisson {
            encode::check_rates(input.data)?;
        }
        let n_threads = self.threads_for(input.batch, options);
        let size = input.batch.div_ceil(n_threads).clamp(1, SAMPLES);
        let interruption = Interruption::new();
        let blocks =
            running::parallel(input.batch.div_ceil(size).max(1), n_threads, &interruption, |block| {
                let samples = block * size..input.batch.min((block + 1) * size);
                self.run_block(&input, samples, options, &interruption)
            });
        running::join(blocks.into_iter().collect::<Result<_, Error>>()?, options.timesteps)
    }

    fn batch_of(&self, shape: &[usize], options: &RunOptions) -> Result<usize, Error> {
        let n_in = self.n_inputs;
        match (options.encoding, shape) {
            (Encoding::Spikes, &[steps, batch, n]) if steps == options.timesteps && n == n_in => Ok(batch),
            (Encoding::Current | Encoding::Poisson, &[batch, n]) if n == n_in => Ok(batch),
            (encoding, shape) => {
                let steps = if encoding == Encoding::Spikes { "timesteps, " } else { "" };
                let message = format!("inputs have shape {}: give ({steps}batch, {n_in})", Shape(shape));
                Err(Error::new(Code::Shape, message))
            }
        }
    }

    fn threads_for(&self, batch: usize, options: &RunOptions) -> usize {
        let additions: usize = self.layers.iter().map(|layer| layer.operation.additions()).sum();
        let most_additions = additions.saturating_mul(batch).saturating_mul(options.timesteps);
        match options.threads {
            Some(threads) => threads.max(1),
            // One sample is one block, and asking the system for its cores takes as long as a small network.
            None if batch <= 1 || most_additions < WORTH_THREADS => 1,
            None => running::default_threads(),
        }
    }

    /// The one walk over a network: some samples, a few steps at a time, from the input to the last layer.
    fn run_block(
        &self,
        input: &Input<'_, E>,
        samples: Range<usize>,
        options: &RunOptions,
        interruption: &Interruption,
    ) -> Result<RunResult<E>, Error> {
        let mut layers = Vec::with_capacity(self.layers.len());
        for (l, layer) in self.layers.iter().enumerate() {
            let keep = Keep { signal: options.record, drive: l + 1 == self.layers.len() };
            layers.push(layer.start(samples.len(), options.timesteps, keep)?);
        }
        let streams: Vec<u64> = match options.encoding {
            Encoding::Poisson => {
                samples.clone().map(|s| encode::stream(options.seed, input.key(s))).collect()
            }
            _ => Vec::new(),
        };
        // What each layer reads: the input, then the signals of all layers but the last.
        let mut signals: Vec<Events<E>> = layers.iter().map(|_| Events::default()).collect();
        let at_once = (ROWS / samples.len().max(1)).max(1);
        for start in (0..options.timesteps).step_by(at_once) {
            interruption.check()?;
            let steps = start..options.timesteps.min(start + at_once);
            let is_same_input = start > 0 && options.encoding == Encoding::Current;
            if !is_same_input {
                signals[0].clear();
                input.encode(options.encoding, steps.clone(), samples.clone(), &streams, &mut signals[0]);
            }
            for (l, layer) in layers.iter_mut().enumerate() {
                if l > 0 || !is_same_input {
                    layer.receive(&[&signals[l]]);
                }
                layer.fire(steps.len(), signals.get_mut(l + 1))?;
            }
        }
        let (layers, mut drives): (Vec<_>, Vec<_>) =
            layers.into_iter().map(|layer| layer.state.finish()).unzip();
        Ok(RunResult { layers, drive: drives.pop().unwrap_or_default() })
    }
}

impl<E: Element> Layer<E> {
    fn start(&self, batch: usize, timesteps: usize, keep: Keep) -> Result<AtWork<'_, E>, Error> {
        Ok(AtWork {
            operation: self.operation.start(batch),
            currents: Vec::new(),
            state: State::new(&self.neurons, self.width, batch, timesteps, keep)?,
        })
    }
}

/// A layer at work on some samples: its operation, the currents it made last, and its neurons.
struct AtWork<'a, E: Element> {
    operation: Box<dyn Currents<E> + 'a>,
    currents: Vec<E>,
    state: State<'a, E>,
}

impl<E: Element> AtWork<'_, E> {
    /// Take in rows of signals: (steps, samples), or the samples alone where the input is constant.
    fn receive(&mut self, signals: &[&Events<E>]) {
        self.operation.receive(signals, &mut self.currents);
    }

    /// Let the neurons run for `steps` steps on what was received; `output` then holds their signal, row by row.
    fn fire(&mut self, steps: usize, mut output: Option<&mut Events<E>>) -> Result<(), Error> {
        if let Some(output) = &mut output {
            output.clear();
        }
        self.state.fire(&self.currents, steps, output)
    }
}
