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

use crate::{Element, Error, checks};

/// Outputs summed at once.
pub(super) const TILE: usize = 32;
/// Inputs whose weights are laid out at once.
const INPUTS_AT_ONCE: usize = 16;

/// One value for each output of a tile, at the start of a cache line: what straddles two lines is read at half the speed.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Tile<E, const W: usize = TILE>([E; W]);

impl<E: Element, const W: usize> Default for Tile<E, W> {
    #[inline(always)]
    fn default() -> Self {
        Self([E::ZERO; W])
    }
}

/// The weights and bias of a layer, transposed in tiles of `W` outputs: `tiles[tile·in + k][j] = W[tile·W + j, k]`.
pub(super) struct Packed<E, const W: usize = TILE> {
    n_in: usize,
    n_out: usize,
    tiles: Vec<Tile<E, W>>,
    bias: Vec<E>,
    no_bias: [E; W],
}

impl<E: Element, const W: usize> Packed<E, W> {
    /// Transpose `weights` of shape (out, in).
    pub(super) fn new(weights: &[E], bias: Option<&[E]>, n_out: usize, n_in: usize) -> Result<Self, Error> {
        let mut tiles: Vec<Tile<E, W>> = checks::zeros(&[n_out.div_ceil(W), n_in])?;
        // Some inputs at a time, so that what is written stays in the first cache until it is whole.
        let rows_of_tiles = weights.chunks(W * n_in.max(1));
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
        let mut padded = vec![E::ZERO; n_out.next_multiple_of(W)];
        if let Some(bias) = bias {
            padded[..n_out].copy_from_slice(bias);
        }
        Ok(Self { n_in, n_out, tiles, bias: padded, no_bias: [E::ZERO; W] })
    }

    /// How many tiles there are.
    pub(super) fn n_tiles(&self) -> usize {
        self.bias.len() / W
    }

    /// The weights of a tile, those of an input in one piece.
    #[inline(always)]
    pub(super) fn tile(&self, tile: usize) -> &[Tile<E, W>] {
        &self.tiles[tile * self.n_in..][..self.n_in]
    }

    /// The bias of a tile: zeros where it is not `is_biased`. A sum is never -0, so a bias of +0 is none.
    #[inline(always)]
    pub(super) fn bias(&self, tile: usize, is_biased: bool) -> &[E] {
        if is_biased { &self.bias[tile * W..][..W] } else { &self.no_bias }
    }

    /// Number of inputs.
    pub(super) fn n_in(&self) -> usize {
        self.n_in
    }

    /// Number of outputs.
    pub(super) fn n_out(&self) -> usize {
        self.n_out
    }
}

impl<E: Element, const W: usize> Tile<E, W> {
    /// Add the share of one event to the sums of a tile.
    #[inline(always)]
    pub(super) fn add(&mut self, weights: &Self, value: E) {
        let (mut totals, weights) = (self.0, weights.0); // read before anything is written: in registers
        for j in 0..W {
            totals[j] += weights[j] * value;
        }
        self.0 = totals;
    }

    /// [`Tile::add`] for a value of 1, which changes no bit of a weight.
    #[inline(always)]
    pub(super) fn add_one(&mut self, weights: &Self) {
        let (mut totals, weights) = (self.0, weights.0);
        for j in 0..W {
            totals[j] += weights[j];
        }
        self.0 = totals;
    }

    /// Write the sums and the bias to as many outputs as there are.
    #[inline(always)]
    pub(super) fn write(&self, bias: &[E], outputs: &mut [E]) {
        for ((output, &total), &bias) in outputs.iter_mut().zip(&self.0).zip(bias) {
            *output = total + bias;
        }
    }

    /// Write sums, one tile for each place from `first` on, and the bias to `columns`: all `places` places of one output,
    /// then those of the next.
    #[inline(always)]
    pub(super) fn write_columns(totals: &[Self], bias: &[E], first: usize, places: usize, columns: &mut [E]) {
        for ((j, column), &bias) in columns.chunks_exact_mut(places).enumerate().zip(bias) {
            for (current, total) in column[first..].iter_mut().zip(totals) {
                *current = total.0[j] + bias;
            }
        }
    }
}
