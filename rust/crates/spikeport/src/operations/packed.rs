//! Weights laid out for sums over events.
//!
//! ```text
//! I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + … ) + b[j]
//! ```
//!
//! in this order and with no fused multiply-add; terms with `x[k] = 0` may be left out, as the sum starts at +0 and so can
//! never be -0. `TILE` outputs are summed at once, each in its own accumulator: their weights for one input lie side by
//! side, and those of the next input follow, so an event adds one short row that the compiler turns into vector
//! instructions, and the order of every sum stays that of the inputs.

use super::Events;
use crate::{Element, Error, checks};

/// Outputs summed at once.
pub(super) const TILE: usize = 32;
/// Inputs summed at once: a block of weights that a core's first cache holds while every row adds its share of it.
const BLOCK: usize = 128;

/// Inputs whose weights are laid out at once.
const INPUTS_AT_ONCE: usize = 16;

/// One value for each output of a tile, at the start of a cache line: what straddles two lines is read at half the speed.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(super) struct Tile<E>([E; TILE]);

/// The weights and bias of a layer, transposed in tiles of outputs: `tiles[tile·in + k][j] = W[tile·TILE + j, k]`.
pub(super) struct Packed<E> {
    n_in: usize,
    n_out: usize,
    tiles: Vec<Tile<E>>,
    bias: Vec<E>,
    no_bias: [E; TILE],
}

impl<E: Element> Packed<E> {
    /// Transpose `weights` of shape (out, in).
    pub(super) fn new(weights: &[E], bias: Option<&[E]>, n_out: usize, n_in: usize) -> Result<Self, Error> {
        let mut tiles: Vec<Tile<E>> = checks::zeros(&[n_out.div_ceil(TILE), n_in])?;
        // Some inputs at a time, so that what is written stays in the first cache until it is whole.
        let rows_of_tiles = weights.chunks(TILE * n_in.max(1));
        for (tile, rows) in tiles.chunks_exact_mut(n_in.max(1)).zip(rows_of_tiles) {
            for first in (0..n_in).step_by(INPUTS_AT_ONCE) {
                let inputs = first..n_in.min(first + INPUTS_AT_ONCE);
                for (j, row) in rows.chunks_exact(n_in).enumerate() {
                    for (packed, &weight) in tile[inputs.clone()].iter_mut().zip(&row[inputs.clone()]) {
                        packed.0[j] = weight;
                    }
                }
            }
        }
        let mut padded = vec![E::ZERO; n_out.next_multiple_of(TILE)];
        if let Some(bias) = bias {
            padded[..n_out].copy_from_slice(bias);
        }
        Ok(Self { n_in, n_out, tiles, bias: padded, no_bias: [E::ZERO; TILE] })
    }

    /// The weights of every tile, those of an input in one piece, and its bias: zeros where it is not `is_biased`.
    pub(super) fn tiles(&self, is_biased: bool) -> impl Iterator<Item = (&[Tile<E>], &[E])> {
        self.tiles.chunks_exact(self.n_in.max(1)).zip(self.biases(is_biased))
    }

    /// The bias of every tile. A sum is never -0, so a bias of +0 is none.
    fn biases(&self, is_biased: bool) -> impl Iterator<Item = &[E]> {
        let tiles = self.bias.chunks_exact(TILE);
        tiles.map(move |bias| if is_biased { bias } else { &self.no_bias })
    }

    /// Number of inputs.
    pub(super) fn n_in(&self) -> usize {
        self.n_in
    }

    /// Number of outputs.
    pub(super) fn n_out(&self) -> usize {
        self.n_out
    }

    /// Write the weighted sums of every row of `events`, with the bias if `is_biased`, to `currents` of shape (rows, out).
    pub(super) fn weigh(&self, events: &Events<E>, is_biased: bool, sums: &mut Sums<E>, currents: &mut [E]) {
        let blocks = self.n_in.div_ceil(BLOCK);
        let Sums { splits, totals } = sums;
        events.split(BLOCK, blocks, splits);
        totals.resize(events.rows(), Tile::default());
        for (tile, bias) in self.biases(is_biased).enumerate() {
            let weights = &self.tiles[tile * self.n_in..][..self.n_in];
            totals.fill(Tile::default());
            for block in 0..blocks {
                for (total, splits) in totals.iter_mut().zip(splits.chunks_exact(blocks + 1)) {
                    let events_of_block = splits[block]..splits[block + 1];
                    let indices = events.indices(events_of_block.clone());
                    match events.values(events_of_block) {
                        None => add_ones(total, weights, indices),
                        Some(values) => add(total, weights, indices, values),
                    }
                }
            }
            let first = tile * TILE;
            let width = TILE.min(self.n_out - first);
            for (row, total) in totals.iter().enumerate() {
                let current = &mut currents[row * self.n_out + first..][..width];
                for ((current, &total), &bias) in current.iter_mut().zip(&total.0).zip(bias) {
                    *current = total + bias;
                }
            }
        }
    }
}

impl<E: Element> Tile<E> {
    /// Add the share of one event to the sums of a tile.
    #[inline]
    pub(super) fn add(&mut self, weights: &Self, value: E) {
        for (total, &weight) in self.0.iter_mut().zip(&weights.0) {
            *total += weight * value;
        }
    }

    /// [`Tile::add`] for a value of 1, which changes no bit of a weight.
    #[inline]
    pub(super) fn add_one(&mut self, weights: &Self) {
        for (total, &weight) in self.0.iter_mut().zip(&weights.0) {
            *total += weight;
        }
    }

    /// Write sums, one tile for each place from `first` on, and the bias to `columns`: all `places` places of one output,
    /// then those of the next.
    pub(super) fn write_columns(totals: &[Self], bias: &[E], first: usize, places: usize, columns: &mut [E]) {
        for ((j, column), &bias) in columns.chunks_exact_mut(places).enumerate().zip(bias) {
            for (current, total) in column[first..].iter_mut().zip(totals) {
                *current = total.0[j] + bias;
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

/// Add some events to the sums of one tile, in the order of the inputs.
#[inline]
fn add<E: Element>(sums: &mut Tile<E>, weights: &[Tile<E>], indices: &[u32], values: &[E]) {
    let mut total = *sums;
    for (&k, &value) in indices.iter().zip(values) {
        total.add(&weights[k as usize], value);
    }
    *sums = total;
}

/// [`add`] for values of 1, which change no bit of a weight.
#[inline]
fn add_ones<E: Element>(sums: &mut Tile<E>, weights: &[Tile<E>], indices: &[u32]) {
    let mut total = *sums;
    for &k in indices {
        total.add_one(&weights[k as usize]);
    }
    *sums = total;
}
