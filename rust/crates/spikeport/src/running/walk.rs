//! The one walk over a network: some samples, a few steps at a time, node by node.

use std::ops::Range;

use super::{Input, Interruption, Keep, Neurons, Plan, State};
use crate::operations::{Currents, Events, Operation};
use crate::{Element, Encoding, Error, RunOptions, RunResult, checks, encode};

/// Steps that are done at once behind a pulse, at most: those beyond the one at which all has settled are done in vain.
const PULSE_STEPS: usize = 8;

/// A node that was checked against what it reads.
pub(crate) struct Placed<E> {
    pub(crate) operation: Box<dyn Operation<E>>,
    pub(crate) neurons: Neurons<E>,
    /// The signals that it reads: 0 is the input, n + 1 that of node n.
    pub(crate) reads: Vec<usize>,
    /// Of what it passes on.
    pub(crate) shape: Vec<usize>,
}

impl<E> Placed<E> {
    /// Number of values that it passes on.
    pub(crate) fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Nodes in an order in which each reads the input or nodes before it, and where their signals are kept.
pub(crate) struct Walk<'a, E> {
    pub(crate) input_shape: &'a [usize],
    pub(crate) nodes: &'a [Placed<E>],
    pub(crate) plan: &'a Plan,
}

impl<E: Element> Walk<'_, E> {
    /// Run all nodes for some samples, `at_once` steps at a time.
    pub(crate) fn run(
        &self,
        input: &Input<'_, E>,
        samples: Range<usize>,
        at_once: usize,
        options: &RunOptions,
        interruption: &Interruption,
    ) -> Result<RunResult<E>, Error> {
        let (batch, plan) = (samples.len(), self.plan);
        let mut nodes = self.start(batch, options)?;
        let streams: Vec<u64> = match options.encoding {
            Encoding::Poisson => {
                samples.clone().map(|s| encode::stream(options.seed, input.key(s))).collect()
            }
            _ => Vec::new(),
        };
        let mut signals: Vec<Events<E>> = (0..plan.n_places).map(|_| Events::default()).collect();
        let widest = self.nodes.iter().map(Placed::width).max().unwrap_or(0);
        let mut passing: Vec<E> = checks::zeros(&[at_once.min(options.timesteps), batch, widest])?;
        let is_pulse = options.encoding == Encoding::Pulse;
        let can_rest = is_pulse && !self.nodes.iter().any(|node| node.neurons.are_leaking());
        let mut start = 0;
        while start < options.timesteps {
            interruption.check()?;
            let at_once = match start {
                // What comes with a pulse comes in the first step, biases too.
                0 if is_pulse => 1,
                _ if is_pulse => at_once.min(PULSE_STEPS),
                _ => at_once,
            };
            let steps = start..options.timesteps.min(start + at_once);
            if let Some(place) = plan.places[0].filter(|_| start == 0 || !plan.is_steady[0]) {
                signals[place].clear();
                input.encode(options.encoding, steps.clone(), samples.clone(), &streams, &mut signals[place]);
            }
            for (n, node) in nodes.iter_mut().enumerate() {
                let width = self.nodes[n].width();
                let currents = if plan.has_steady_currents[n] {
                    if start == 0 {
                        node.steady = checks::zeros(&[batch, width])?;
                        node.receive(&self.nodes[n].reads, &signals, plan, batch, None);
                    }
                    &node.steady[..]
                } else {
                    let rows = steps.len() * batch;
                    node.receive(
                        &self.nodes[n].reads,
                        &signals,
                        plan,
                        rows,
                        Some(&mut passing[..rows * width]),
                    );
                    &passing[..rows * width]
                };
                let mut output = plan.places[n + 1].map(|place| &mut signals[place]);
                if plan.is_steady[n + 1] {
                    // Written with the first step, and the same at every other.
                    let first = output.take().filter(|_| start == 0);
                    if let Some(output) = first {
                        output.clear();
                        currents.chunks_exact(width.max(1)).for_each(|row| output.push_values(row));
                    }
                } else if let Some(output) = &mut output {
                    output.clear();
                }
                node.state.fire(currents, steps.len(), output)?;
                if is_pulse && start == 0 {
                    node.operation.drop_bias();
                }
            }
            start = steps.end;
            if can_rest && last_moves(&nodes, batch).all(|moved| moved.max(1) < start) {
                nodes.iter_mut().for_each(|node| node.state.rest(options.timesteps - start));
                break;
            }
        }
        let settled = is_pulse.then(|| {
            let settled = last_moves(&nodes, batch).map(|moved| moved.max(1));
            settled.map(|step| if step < options.timesteps { step as i64 } else { -1 }).collect()
        });
        let (layers, mut drives): (Vec<_>, Vec<_>) =
            nodes.into_iter().map(|node| node.state.finish()).unzip();
        Ok(RunResult { layers, drive: drives.pop().unwrap_or_default(), settled })
    }

    fn start(&self, batch: usize, options: &RunOptions) -> Result<Vec<AtWork<'_, E>>, Error> {
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (n, node) in self.nodes.iter().enumerate() {
            let keep = Keep {
                signal: options.record,
                drive: n + 1 == self.nodes.len(),
                moves: options.encoding == Encoding::Pulse,
            };
            let shapes = shapes_of(self.input_shape, self.nodes, &node.reads);
            nodes.push(AtWork {
                operation: node.operation.start(&shapes, batch)?,
                steady: Vec::new(),
                state: State::new(&node.neurons, node.width(), batch, options.timesteps, keep)?,
            });
        }
        Ok(nodes)
    }
}

/// Of each of `batch` samples, the steps up to the last one at which any node passed anything on.
fn last_moves<E: Element>(nodes: &[AtWork<'_, E>], batch: usize) -> impl Iterator<Item = usize> {
    (0..batch).map(|sample| nodes.iter().map(|node| node.state.moved()[sample]).max().unwrap_or(0))
}

/// The shapes of some signals of a network.
pub(crate) fn shapes_of<'a, E>(
    input_shape: &'a [usize],
    nodes: &'a [Placed<E>],
    signals: &[usize],
) -> Vec<&'a [usize]> {
    let shape = |&signal: &usize| match signal {
        0 => input_shape,
        node => &nodes[node - 1].shape,
    };
    signals.iter().map(shape).collect()
}

/// A node at work on some samples: its operation, the currents of every step where they are the same, and its neurons.
struct AtWork<'a, E: Element> {
    operation: Box<dyn Currents<E> + 'a>,
    steady: Vec<E>,
    state: State<'a, E>,
}

impl<E: Element> AtWork<'_, E> {
    /// Write the currents of some rows to `passing`, or, where every step is the same, those of one step to `steady`.
    fn receive(
        &mut self,
        reads: &[usize],
        signals: &[Events<E>],
        plan: &Plan,
        rows: usize,
        passing: Option<&mut [E]>,
    ) {
        let read: Vec<&Events<E>> =
            reads.iter().filter_map(|&signal| plan.places[signal].map(|place| &signals[place])).collect();
        self.operation.receive(&read, rows, passing.unwrap_or(&mut self.steady));
    }
}
