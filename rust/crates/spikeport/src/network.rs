//! A whole network: nodes, each of which reads the input or nodes before it.
//!
//! ```text
//! s_input = encode(x);   s_n = neurons_n(operation_n(s_i, s_j, …))   for every node n, which reads i, j, …
//! ```
//!
//! The readout needs no neuron of its own: the output node's `drive` is what it received in all, `Σ_t I[t]` in the order
//! of the steps, which under soft reset and β = 1 is `θ·count + v_end - v_start`, negative logits included.
//!
//! Samples are independent, so a batch runs in blocks of samples, and each block goes through the network a few steps at a
//! time: memory does not grow with T, and a block's weights are read once for many sums. What is the same at every step,
//! as a constant input is and all that it feeds without neurons between, is computed once. The result depends neither on
//! the blocks nor on the number of threads.

use crate::operations::Operation;
use crate::running::{self, Input, Interruption, Neurons, NodeOutline, Placed, Plan, Walk};
use crate::view::Shape;
use crate::{
    Code, Element, Encoding, Error, Neuron, NeuronKind, RunOptions, RunResult, View, checks, encode,
};

/// Samples in a block, at most.
const SAMPLES: usize = 16;
/// Rows (steps × samples) that a block takes through a node at once.
const ROWS: usize = 64;
/// Values of one signal that a block holds at once, about: where a row has more than 1/[`ROWS`] of them, fewer rows go at once.
const VALUES: usize = 1 << 20;

/// Additions (as if every input were a spike) below which starting threads costs more than it saves: a run of about
/// 200 µs, measured with two threads on networks of 64 to 1024 inputs.
const WORTH_THREADS: usize = 1 << 24;

/// What a node reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The input of the network.
    Input,
    /// What the node of this index passes on, counted from 0.
    Node(usize),
}

/// A node of a network: an operation on what it reads, and the neurons behind it.
pub struct Node<E> {
    operation: Box<dyn Operation<E>>,
    neuron: Neuron,
    sources: Option<Vec<Source>>,
}

impl<E: Element> Node<E> {
    /// A node that reads the one before it, the first one the input; whether all fits is seen when it becomes part of a
    /// network.
    pub fn new(operation: impl Operation<E> + 'static, neuron: Neuron) -> Self {
        Self { operation: Box::new(operation), neuron, sources: None }
    }

    /// A node that reads `sources`, in this order. A neuron parameter is one number, or one for each entry of the first
    /// axis of what the operation gives: a neuron of a vector, a channel of an image.
    pub fn reading(operation: Box<dyn Operation<E>>, neuron: Neuron, sources: Vec<Source>) -> Self {
        Self { operation, neuron, sources: Some(sources) }
    }
}

/// Nodes of one element type, checked and laid out for running.
pub struct Network<E> {
    input_shape: Vec<usize>,
    nodes: Vec<Placed<E>>,
    /// Where signals are kept for an input that differs from step to step, and for one that does not.
    plans: [Plan; 2],
    additions: usize,
}

/// A network whose element type is known only at run time. It is chosen once, where the network is read or handed over.
pub enum AnyNetwork {
    /// Single precision.
    F32(Network<f32>),
    /// Double precision.
    F64(Network<f64>),
    /// Whole numbers of 32 bits.
    I32(Network<i32>),
}

impl<E: Element> Network<E> {
    /// Lay out `nodes`, in an order in which each reads the input or nodes before it, for inputs of `input_shape`. The
    /// last one is the output.
    ///
    /// Errors: `shape`, and the codes of the neurons; of whole numbers `operation` for an average, `neuron` for LIF.
    pub fn new(input_shape: &[usize], nodes: Vec<Node<E>>) -> Result<Self, Error> {
        if nodes.is_empty() {
            return Err(Error::new(Code::Shape, "a network needs at least one layer"));
        }
        check_size("the input", input_shape)?;
        let (mut placed, mut additions): (Vec<Placed<E>>, usize) = (Vec::with_capacity(nodes.len()), 0);
        for (index, Node { operation, neuron, sources }) in nodes.into_iter().enumerate() {
            let reads = match sources {
                None => vec![index],
                Some(sources) => {
                    sources.iter().map(|source| signal(index, source)).collect::<Result<_, _>>()?
                }
            };
            if E::IS_WHOLE && neuron.kind == NeuronKind::Lif {
                let message =
                    format!("node {index} is LIF, and integers have no leak: make it IF, with beta 1");
                return Err(Error::new(Code::Neuron, message));
            }
            let shapes = running::shapes_of(input_shape, &placed, &reads);
            let shape = operation.output_shape(&shapes)?;
            check_size("a node", &shape)?;
            additions = additions.saturating_add(operation.additions(&shapes));
            placed.push(Placed { operation, neurons: Neurons::new(&neuron, &shape)?, reads, shape });
        }
        let plans = [false, true].map(|is_input_steady| plan(&placed, is_input_steady));
        Ok(Self { input_shape: input_shape.to_vec(), nodes: placed, plans, additions })
    }

    /// The shape of one input.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// The shape of what a node passes on.
    pub fn shape(&self, node: usize) -> &[usize] {
        &self.nodes[node].shape
    }

    /// Run for some steps on inputs of shape (batch, input shape), with encoding `Spikes` (timesteps, batch, input shape).
    ///
    /// Inputs are first rounded to the type of the network; one that becomes infinite by that is `non_finite`. For a network
    /// of whole numbers they are whole, and a run by which a current or a membrane could pass 32 bits is `overflow`.
    ///
    /// Errors: `non_finite`, `shape`, `rate_range`, `too_large`, `interrupted`; of whole numbers `not_whole`, `overflow`, and
    /// `encoding` for [`Encoding::Poisson`].
    pub fn run<I: Element>(&self, inputs: View<'_, I>, options: &RunOptions) -> Result<RunResult<E>, Error> {
        if E::IS_WHOLE && options.encoding == Encoding::Poisson {
            let message = "an integer network has no encoding poisson: give current, spikes or pulse";
            return Err(Error::new(Code::Encoding, message));
        }
        let rounded = E::rounded(inputs.data()).map_err(|error| error.of("inputs"))?;
        checks::finite("inputs", View::new(&rounded, inputs.shape())?)?;
        let input = Input {
            data: &rounded,
            n: self.input_shape.iter().product(),
            batch: self.batch_of(inputs.shape(), options)?,
        };
        if options.encoding == Encoding::Poisson {
            encode::check_rates(input.data)?;
        }
        if E::IS_WHOLE {
            running::check_reach(&self.nodes, input.data, options.timesteps)?;
        }
        let walk = Walk {
            input_shape: &self.input_shape,
            nodes: &self.nodes,
            plan: &self.plans[usize::from(options.encoding == Encoding::Current)],
        };
        let n_threads = self.threads_for(input.batch, options);
        let widest = self.nodes.iter().map(Placed::width).chain([input.n]).max().unwrap_or(1);
        let rows = (VALUES / widest.max(1)).clamp(1, ROWS);
        let size = input.batch.div_ceil(n_threads).clamp(1, SAMPLES.min(rows));
        let interruption = Interruption::new();
        let blocks =
            running::parallel(input.batch.div_ceil(size).max(1), n_threads, &interruption, |block| {
                let samples = block * size..input.batch.min((block + 1) * size);
                let at_once = (rows / samples.len().max(1)).max(1);
                walk.run(&input, samples, at_once, options, &interruption)
            });
        running::join(blocks.into_iter().collect::<Result<_, Error>>()?, options.timesteps)
    }

    fn batch_of(&self, shape: &[usize], options: &RunOptions) -> Result<usize, Error> {
        let lead = usize::from(options.encoding == Encoding::Spikes);
        match shape.get(..lead + 1) {
            Some(&[.., batch])
                if shape[lead + 1..] == self.input_shape && (lead == 0 || shape[0] == options.timesteps) =>
            {
                Ok(batch)
            }
            _ => {
                let lead = ["batch", "timesteps, batch"][lead];
                let wanted: Vec<String> = self.input_shape.iter().map(ToString::to_string).collect();
                let message =
                    format!("inputs have shape {}: give ({lead}, {})", Shape(shape), wanted.join(", "));
                Err(Error::new(Code::Shape, message))
            }
        }
    }

    fn threads_for(&self, batch: usize, options: &RunOptions) -> usize {
        let most_additions = self.additions.saturating_mul(batch).saturating_mul(options.timesteps);
        match options.threads {
            Some(threads) => threads.max(1),
            // One sample is one block, and asking the system for its cores takes as long as a small network.
            None if batch <= 1 || most_additions < WORTH_THREADS => 1,
            None => running::default_threads(),
        }
    }
}

fn plan<E: Element>(nodes: &[Placed<E>], is_input_steady: bool) -> Plan {
    let outlines = nodes.iter().map(|node| NodeOutline {
        reads: &node.reads,
        remembers: node.operation.remembers(),
        is_spiking: node.neurons.are_spiking(),
    });
    Plan::new(&outlines.collect::<Vec<_>>(), is_input_steady)
}

/// The number of the signal that node `index` reads. Errors: `shape`.
fn signal(index: usize, source: &Source) -> Result<usize, Error> {
    match *source {
        Source::Input => Ok(0),
        Source::Node(node) if node < index => Ok(node + 1),
        Source::Node(node) => {
            let message = format!("node {index} reads node {node}: give the input or nodes before it");
            Err(Error::new(Code::Shape, message))
        }
    }
}

/// Refuse a signal with more values than events can name. Errors: `too_large`.
fn check_size(name: &str, shape: &[usize]) -> Result<(), Error> {
    let size = shape.iter().try_fold(1usize, |size, &n| size.checked_mul(n));
    if size.is_some_and(|size| u32::try_from(size).is_ok()) {
        return Ok(());
    }
    Err(Error::new(Code::TooLarge, format!("{name} has shape {}: more than 2^32 - 1 values", Shape(shape))))
}
