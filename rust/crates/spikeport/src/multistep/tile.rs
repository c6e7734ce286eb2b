//! A tile: neurons side by side, whose membranes and counts stay in registers for several steps.
//!
//! All loops over a tile have a fixed length and touch nothing but arrays of that length, so that the compiler makes
//! vectors of them; everything here is inlined into its caller, and with it has its instructions.

use super::spikes::{Sink, Spike};
use super::{Equation, Place};
use crate::Element;

/// Neurons of a run that the first cache holds: their parameters, and what they did so far.
pub(crate) struct Neurons<'a, E> {
    pub(crate) parameters: &'a [Vec<E>; 3],
    pub(crate) membrane: &'a mut [E],
    pub(crate) counts: &'a mut [i32],
    /// Whether no infinity was seen among currents, for equations that hide them.
    pub(crate) are_finite: bool,
}

impl<E: Element> Neurons<'_, E> {
    /// `K` steps of all neurons from `start` on that fill tiles of `W`; returns where the first that does not stands.
    #[inline(always)]
    pub(crate) fn steps<Q: Equation<E>, S: Sink, const K: usize, const W: usize>(
        &mut self,
        equation: Q,
        start: usize,
        currents: &[&[E]; K],
        rows: &mut [&mut [S::Cell]; K],
    ) -> usize {
        let mut at = start;
        while at + W <= self.membrane.len() {
            let mut tile = self.load::<Q, W>(at);
            for (current, row) in currents.iter().zip(rows.iter_mut()) {
                let spikes: [S::Spike; W] = tile.step(equation, &cut(current, at));
                S::put(row, at, &spikes);
            }
            self.store::<Q, W>(at, &tile);
            at += W;
        }
        at
    }

    /// As [`Neurons::steps`], for `steps` steps on one current, of whose spikes nothing but the counts is kept.
    #[inline(always)]
    pub(crate) fn hold<Q: Equation<E>, const W: usize>(
        &mut self,
        equation: Q,
        start: usize,
        current: &[E],
        steps: usize,
    ) -> usize {
        let mut at = start;
        while at + W <= self.membrane.len() {
            let (mut tile, current) = (self.load::<Q, W>(at), cut(current, at));
            for _ in 0..steps {
                let _: [(); W] = tile.step(equation, &current);
            }
            self.store::<Q, W>(at, &tile);
            at += W;
        }
        at
    }

    #[inline(always)]
    fn load<Q: Equation<E>, const W: usize>(&self, at: usize) -> Tile<E, W> {
        let of = |k: usize| if Q::READS[k] { cut(&self.parameters[k], at) } else { [E::ZERO; W] };
        Tile {
            parameters: [of(0), of(1), of(2)],
            membrane: cut(self.membrane, at),
            counts: cut(self.counts, at),
            largest: [E::ZERO; W],
        }
    }

    #[inline(always)]
    fn store<Q: Equation<E>, const W: usize>(&mut self, at: usize, tile: &Tile<E, W>) {
        self.membrane[at..at + W].copy_from_slice(&tile.membrane);
        self.counts[at..at + W].copy_from_slice(&tile.counts);
        if Q::HIDES_INFINITY {
            self.are_finite &= tile.largest.iter().fold(true, |finite, value| finite & value.is_finite());
        }
    }
}

/// `W` neurons at work.
struct Tile<E, const W: usize> {
    parameters: [[E; W]; 3],
    membrane: [E; W],
    counts: [i32; W],
    /// The largest current of each, where the equation hides infinity.
    largest: [E; W],
}

impl<E: Element, const W: usize> Tile<E, W> {
    #[inline(always)]
    fn step<Q: Equation<E>, S: Spike>(&mut self, equation: Q, current: &[E; W]) -> [S; W] {
        let [threshold, v_reset, beta] = &self.parameters;
        let mut spikes = [S::default(); W];
        for j in 0..W {
            let place = Place { threshold: threshold[j], v_reset: v_reset[j], beta: beta[j] };
            let (v, spike) = equation.step(self.membrane[j], current[j], self.counts[j], place);
            self.membrane[j] = v;
            self.counts[j] += spike;
            spikes[j] = S::of(spike);
            if Q::HIDES_INFINITY {
                self.largest[j] = if current[j] > self.largest[j] { current[j] } else { self.largest[j] };
            }
        }
        spikes
    }
}

/// The `W` values from `at` on.
#[inline(always)]
fn cut<V: Copy + Default, const W: usize>(values: &[V], at: usize) -> [V; W] {
    let mut tile = [V::default(); W];
    tile.copy_from_slice(&values[at..at + W]);
    tile
}
