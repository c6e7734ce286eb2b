//! All steps of a run of neurons that the first cache holds, then the next run.

use super::spikes::{Bytes, Nothing, Packed, Sink, SpikeBuffer, TraceBuffer};
use super::tile::Neurons;
use super::{Equation, Steps, WithEquation, check_reach};
use crate::instructions::{Work, with_best};
use crate::running::{Interruption, OPERATIONS};
use crate::{Element, Error, View, checks};

/// Bytes of membranes in one run of neurons; with their counts and parameters the first cache holds them.
const RUN: usize = 8192;

/// Steps that a tile stays in registers for: as many rows are read and written side by side.
const STEPS: usize = 4;

/// The currents of some steps.
#[derive(Clone, Copy)]
pub(crate) struct Drive<'a, E> {
    /// Of all steps, one after the other; of one step where they are constant.
    pub(crate) currents: &'a [E],
    pub(crate) is_constant: bool,
    pub(crate) steps: usize,
    /// Neurons at each step, and of them in a row.
    pub(crate) size: usize,
    pub(crate) width: usize,
}

impl<'a, E> Drive<'a, E> {
    #[inline(always)]
    fn at(&self, step: usize, place: usize, length: usize) -> &'a [E] {
        let row = if self.is_constant { 0 } else { step * self.size };
        &self.currents[row + place..][..length]
    }

    /// The currents of `K` steps from `t` on, of `length` neurons from `place` on.
    #[inline(always)]
    fn rows<const K: usize>(&self, t: usize, place: usize, length: usize) -> [&'a [E]; K] {
        std::array::from_fn(|k| self.at(t + k, place, length))
    }
}

/// [`fire`] for neurons of one kind and type.
type Kernel<N, E> = fn(&N, Drive<'_, E>, TraceBuffer<'_, E>) -> Result<bool, Error>;

/// Run `neurons` on a drive, whose `currents` are those of the caller; `kernel` is [`fire`] for these neurons.
///
/// Errors: `non_finite` among the currents, of whole numbers `overflow`; `shape` of the buffers, `interrupted`.
pub(crate) fn multistep<E: Element, N: Steps<E>>(
    neurons: &N,
    drive: Drive<'_, E>,
    currents: View<'_, E>,
    to: TraceBuffer<'_, E>,
    kernel: Kernel<N, E>,
) -> Result<(), Error> {
    let Drive { steps, size, width, .. } = drive;
    to.check(steps, size.checked_div(width).unwrap_or(0), width)?;
    if E::IS_WHOLE || steps == 0 {
        checks::finite("currents", currents)?;
        check_reach(neurons, currents.data(), steps)?;
    }
    // A membrane may overflow on finite currents as well.
    if size == 0 || kernel(neurons, drive, to)? { Ok(()) } else { checks::finite("currents", currents) }
}

/// Run `neurons` on a drive; whether all membranes stayed finite. Errors: `interrupted`.
pub(crate) fn fire<E: Element, N: Steps<E>>(
    neurons: &N,
    drive: Drive<'_, E>,
    to: TraceBuffer<'_, E>,
) -> Result<bool, Error> {
    let TraceBuffer { spikes, membrane, counts } = to;
    let cells = drive.steps * drive.size;
    let state = State { neurons, drive, membrane, counts };
    match spikes {
        SpikeBuffer::None => state.run::<Nothing>(&mut vec![(); cells]),
        SpikeBuffer::Bytes(cells) => state.run::<Bytes>(cells),
        SpikeBuffer::Packed(cells) => state.run::<Packed>(cells),
    }
}

struct State<'a, E, N> {
    neurons: &'a N,
    drive: Drive<'a, E>,
    membrane: &'a mut [E],
    counts: &'a mut [i64],
}

impl<E: Element, N: Steps<E>> State<'_, E, N> {
    fn run<S: Sink>(self, cells: &mut [S::Cell]) -> Result<bool, Error> {
        self.neurons.with_equation(To::<E, N, S> { state: self, cells })
    }
}

struct To<'a, E, N, S: Sink> {
    state: State<'a, E, N>,
    cells: &'a mut [S::Cell],
}

impl<E: Element, N: Steps<E>, S: Sink> WithEquation<E> for To<'_, E, N, S> {
    type Output = Result<bool, Error>;

    fn with(self, equation: impl Equation<E>) -> Result<bool, Error> {
        with_best(Run { equation, to: self })
    }
}

struct Run<'a, Q, E, N, S: Sink> {
    equation: Q,
    to: To<'a, E, N, S>,
}

impl<Q: Equation<E>, E: Element, N: Steps<E>, S: Sink> Work for Run<'_, Q, E, N, S> {
    type Output = Result<bool, Error>;

    #[inline(always)]
    fn run(self) -> Result<bool, Error> {
        let Self { equation, to: To { state: State { neurons, drive, membrane, counts }, cells } } = self;
        let Drive { steps, size, width, .. } = drive;
        let row = if S::IS_PACKED { width } else { size };
        let at_once = (RUN / size_of::<E>()).min(row);
        let (period, given) = (neurons.v_start().len(), neurons.parameters());
        let mut parameters: [Vec<E>; 3] =
            std::array::from_fn(|k| if Q::READS[k] { vec![given[k][0]; at_once] } else { Vec::new() });
        let (mut sums, interruption) = (vec![0i32; at_once], Interruption::new());
        let between = (OPERATIONS / at_once).next_multiple_of(STEPS);
        let mut are_finite = true;
        for (first, at) in
            (0..size).step_by(row).flat_map(|first| (0..row).step_by(at_once).map(move |at| (first, at)))
        {
            let (place, length) = (first + at, at_once.min(row - at));
            let (membrane, counts) = (&mut membrane[place..][..length], &mut counts[place..][..length]);
            cycle(neurons.v_start(), place, membrane);
            if period > 1 {
                for k in (0..3).filter(|&k| Q::READS[k]) {
                    cycle(given[k], place, &mut parameters[k][..length]);
                }
            }
            counts.fill(0);
            sums.fill(0);
            let sums = &mut sums[..length];
            let mut run = Neurons { parameters: &parameters, membrane, counts: sums, are_finite: true };
            let mut rows = Rows::<S> {
                cells: &mut *cells,
                stride: size / row * S::cells(row),
                start: first / row * S::cells(row) + S::cells(at),
                length: S::cells(length),
            };
            for step in (0..steps).step_by(between) {
                interruption.check()?;
                let end = steps.min(step + between);
                if S::IS_NOTHING && drive.is_constant {
                    hold(equation, &mut run, drive.at(0, place, length), end - step);
                } else {
                    let fours = end - (end - step) % STEPS;
                    for t in (step..fours).step_by(STEPS) {
                        advance::<Q, E, S, STEPS>(
                            equation,
                            &mut run,
                            drive.rows(t, place, length),
                            rows.at(t),
                        );
                    }
                    for t in fours..end {
                        advance::<Q, E, S, 1>(equation, &mut run, drive.rows(t, place, length), rows.at(t));
                    }
                }
                if !Q::READS_COUNT || end == steps {
                    for (count, sum) in counts.iter_mut().zip(run.counts.iter_mut()) {
                        *count += i64::from(std::mem::take(sum));
                    }
                }
            }
            are_finite &= run.are_finite & run.membrane.iter().fold(true, |finite, v| finite & v.is_finite());
        }
        Ok(are_finite)
    }
}

/// Where the spikes of a run of neurons go.
struct Rows<'a, S: Sink> {
    cells: &'a mut [S::Cell],
    /// Cells of a step, of all neurons.
    stride: usize,
    /// Cells of the run: where they begin, and how many they are.
    start: usize,
    length: usize,
}

impl<S: Sink> Rows<'_, S> {
    /// The rows of `K` steps from `t` on.
    #[inline(always)]
    fn at<const K: usize>(&mut self, t: usize) -> [&mut [S::Cell]; K] {
        let mut steps = self.cells[t * self.stride..][..K * self.stride].chunks_exact_mut(self.stride);
        std::array::from_fn(|_| match steps.next() {
            Some(step) => &mut step[self.start..][..self.length],
            None => &mut [],
        })
    }
}

/// `K` steps of a run of neurons.
#[inline(always)]
fn advance<Q: Equation<E>, E: Element, S: Sink, const K: usize>(
    equation: Q,
    run: &mut Neurons<'_, E>,
    currents: [&[E]; K],
    mut rows: [&mut [S::Cell]; K],
) {
    let wide = if K == 1 {
        0
    } else if size_of::<E>() == 8 {
        run.steps::<Q, S, K, 16>(equation, 0, &currents, &mut rows)
    } else {
        run.steps::<Q, S, K, 32>(equation, 0, &currents, &mut rows)
    };
    let start = run.steps::<Q, S, K, 8>(equation, wide, &currents, &mut rows);
    run.steps::<Q, S, K, 1>(equation, start, &currents, &mut rows);
}

/// `steps` steps on one current, of which the counts alone are kept: a tile stays in registers for all of them.
#[inline(always)]
fn hold<Q: Equation<E>, E: Element>(equation: Q, run: &mut Neurons<'_, E>, current: &[E], steps: usize) {
    let start = if size_of::<E>() == 8 {
        run.hold::<Q, 32>(equation, 0, current, steps)
    } else {
        run.hold::<Q, 64>(equation, 0, current, steps)
    };
    let start = run.hold::<Q, 8>(equation, start, current, steps);
    run.hold::<Q, 1>(equation, start, current, steps);
}

/// Fill `to` with `values`, over and over, from that of place `start` on.
fn cycle<V: Copy>(values: &[V], start: usize, to: &mut [V]) {
    if let &[one] = values {
        return to.fill(one);
    }
    let mut at = start % values.len();
    let mut rest = to;
    while !rest.is_empty() {
        let length = rest.len().min(values.len() - at);
        let (now, later) = std::mem::take(&mut rest).split_at_mut(length);
        now.copy_from_slice(&values[at..at + length]);
        (rest, at) = (later, 0);
    }
}
