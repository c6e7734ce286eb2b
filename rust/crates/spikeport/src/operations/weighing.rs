//! The sums of a linear layer: for every row of events, two tiles of outputs at a time.

use super::Events;
use super::packed::{Packed, TILE, Tile};
use crate::Element;
use crate::instructions::{Work, with_best};

/// Inputs summed at once: a block of weights that a core's first cache holds while every row adds its share of it.
const BLOCK: usize = 128;

impl<E: Element> Packed<E> {
    /// Write the weighted sums of every row of `events`, with the bias if `is_biased`, to `currents` of shape (rows, out).
    pub(super) fn weigh(&self, events: &Events<E>, is_biased: bool, sums: &mut Sums<E>, currents: &mut [E]) {
        let blocks = self.n_in().div_ceil(BLOCK);
        events.split(BLOCK, blocks, &mut sums.splits);
        let tiles = self.n_tiles();
        let paired = if size_of::<E>() <= 4 { tiles / 2 * 2 } else { 0 };
        for first in (0..paired).step_by(2) {
            with_best(Weighing::<E, 2> { packed: self, first, is_biased, events, sums, blocks, currents });
        }
        for first in paired..tiles {
            with_best(Weighing::<E, 1> { packed: self, first, is_biased, events, sums, blocks, currents });
        }
    }
}

/// The sums of every row for `N` tiles from `first` on. An addition takes as long as several that do not wait for it:
/// two tiles of 4-byte numbers give a processor eight vectors to add to, which are as many as it can.
struct Weighing<'a, E, const N: usize> {
    packed: &'a Packed<E>,
    first: usize,
    is_biased: bool,
    events: &'a Events<E>,
    sums: &'a mut Sums<E>,
    blocks: usize,
    currents: &'a mut [E],
}

impl<E: Element, const N: usize> Work for Weighing<'_, E, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { packed, first, is_biased, events, sums, blocks, currents } = self;
        let Sums { splits, totals } = sums;
        let weights: [&[Tile<E>]; N] = std::array::from_fn(|k| packed.tile(first + k));
        totals.clear();
        totals.resize(events.rows() * N, Tile::default());
        for block in 0..blocks {
            for (total, splits) in
                totals.as_chunks_mut::<N>().0.iter_mut().zip(splits.chunks_exact(blocks + 1))
            {
                let events_of_block = splits[block]..splits[block + 1];
                let indices = events.indices(events_of_block.clone());
                match events.values(events_of_block) {
                    None => add_ones(total, &weights, indices),
                    Some(values) => add(total, &weights, indices, values),
                }
            }
        }
        let outputs = packed.n_out();
        for (total, currents) in totals.as_chunks::<N>().0.iter().zip(currents.chunks_exact_mut(outputs)) {
            for (k, tile) in total.iter().enumerate() {
                let places = (first + k) * TILE..outputs.min((first + k + 1) * TILE);
                tile.write(packed.bias(first + k, is_biased), &mut currents[places]);
            }
        }
    }
}

/// Room for the sums of some rows, kept from one block of steps to the next so that a run allocates once.
#[derive(Default)]
pub(super) struct Sums<E> {
    splits: Vec<usize>,
    totals: Vec<Tile<E>>,
}

/// Add some events to the sums of some tiles, in the order of the inputs.
#[inline(always)]
fn add<E: Element, const N: usize>(
    sums: &mut [Tile<E>; N],
    weights: &[&[Tile<E>]; N],
    indices: &[u32],
    values: &[E],
) {
    let mut totals = *sums;
    for (&k, &value) in indices.iter().zip(values) {
        for (total, weights) in totals.iter_mut().zip(weights) {
            total.add(&weights[k as usize], value);
        }
    }
    *sums = totals;
}

/// [`add`] for values of 1, which change no bit of a weight.
#[inline(always)]
fn add_ones<E: Element, const N: usize>(sums: &mut [Tile<E>; N], weights: &[&[Tile<E>]; N], indices: &[u32]) {
    let mut totals = *sums;
    for &k in indices {
        for (total, weights) in totals.iter_mut().zip(weights) {
            total.add_one(&weights[k as usize]);
        }
    }
    *sums = totals;
}
