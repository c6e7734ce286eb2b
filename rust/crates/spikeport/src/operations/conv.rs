//! The convolution, over one axis or two.
//!
//! ```text
//! I[c, p] = (Σ_{d, q} W[c, d, q]·x[g·(C/groups) + d, at(p, q)]) + b[c];   g = floor(c·groups/out)
//! ```
//!
//! with d, then q ascending from +0, which is the order of the flat index that a term reads, and the bias last: the bits
//! of the linear layer that does the same. Events come in that order, so each adds its share to the sums that read it, and
//! what is 0 costs nothing.

use super::field::Field;
use super::masses::Masses;
use super::packed::{Packed, TILE, Tile};
use super::{Currents, Events, Operation, Window};
use crate::view::Shape;
use crate::{Code, Element, Error, View, checks};

/// Channels of a group below which sums are added one by one: a tile would be mostly empty.
const NARROW: usize = 8;

/// Places whose sums a core's first cache holds, about: they are summed together, in whole rows.
const BAND: usize = 192;

/// Weights of shape (out, C/groups, K…), perhaps a bias of shape (out,), and a window.
pub struct Conv<E> {
    window: Window,
    groups: usize,
    /// Channels that a group reads, and channels that it gives.
    channels: usize,
    rows: usize,
    weights: Weights<E>,
    masses: Masses,
}

enum Weights<E> {
    /// In tiles, for each group.
    Tiles(Vec<Packed<E>>),
    /// As they were given, and the bias.
    Rows(Vec<E>, Option<Vec<E>>),
}

/// The shape of what a convolution to `out` channels gives. Errors: `shape`.
pub(super) fn output_shape(
    window: &Window,
    groups: usize,
    inputs: &[&[usize]],
    out: usize,
) -> Result<Vec<usize>, Error> {
    let &[&[channels, ref sizes @ ..]] = inputs else {
        let message = format!("{} signals feed a convolution: it reads one", inputs.len());
        return Err(Error::new(Code::Shape, message));
    };
    if groups == 0 || !channels.is_multiple_of(groups) || !out.is_multiple_of(groups) {
        let message = format!("groups {groups} does not divide {channels} channels and {out}");
        return Err(Error::new(Code::Shape, message));
    }
    Ok([&[out], &window.places(sizes)?[..]].concat())
}

impl<E: Element> Conv<E> {
    /// Lay out `weights` of shape (out, C/groups, K…) and `bias` of shape (out,).
    ///
    /// Errors: `shape`, `non_finite`, and `overflow` for integer weights of more than 16 bits.
    pub fn new(
        window: Window,
        groups: usize,
        weights: View<'_, E>,
        bias: Option<View<'_, E>>,
    ) -> Result<Self, Error> {
        let shape = weights.shape();
        let &[out, channels, ref kernel @ ..] = shape else {
            let message = format!("weights have shape {}: give (out, in/groups, kernel…)", Shape(shape));
            return Err(Error::new(Code::Shape, message));
        };
        if kernel != window.kernel() || shape.contains(&0) {
            let (kernel, shape) = (Shape(window.kernel()), Shape(shape));
            let message = format!(
                "weights have shape {shape}: give (out, in/groups, kernel…) with a kernel of {kernel}"
            );
            return Err(Error::new(Code::Shape, message));
        }
        if groups == 0 || !out.is_multiple_of(groups) {
            return Err(Error::new(Code::Shape, format!("groups {groups} does not divide {out} channels")));
        }
        checks::weights(weights, bias)?;
        let (rows, terms, bias) = (out / groups, weights.data().len() / out, bias.map(|bias| bias.data()));
        let masses = Masses::of(weights.data(), bias, out);
        let weights = if rows < NARROW {
            Weights::Rows(weights.data().to_vec(), bias.map(<[E]>::to_vec))
        } else {
            let group = |(g, weights): (usize, &[E])| {
                Packed::new(weights, bias.map(|bias| &bias[g * rows..][..rows]), rows, terms)
            };
            Weights::Tiles(
                weights.data().chunks(rows * terms).enumerate().map(group).collect::<Result<_, _>>()?,
            )
        };
        Ok(Self { window, groups, channels, rows, weights, masses })
    }
}

impl<E: Element> Operation<E> for Conv<E> {
    fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let shape = output_shape(&self.window, self.groups, inputs, self.groups * self.rows)?;
        let (given, taken) = (inputs[0][0], self.groups * self.channels);
        if given != taken {
            let message = format!("a signal of {given} channels feeds a convolution that takes {taken}");
            return Err(Error::new(Code::Shape, message));
        }
        Ok(shape)
    }

    fn bound(&self, most: &[u64]) -> u64 {
        self.masses.bound(most[0])
    }

    fn additions(&self, inputs: &[&[usize]]) -> usize {
        let terms = self.channels * self.window.taps();
        self.output_shape(inputs).map_or(0, |shape| shape.iter().product::<usize>().saturating_mul(terms))
    }

    fn start(&self, inputs: &[&[usize]], _batch: usize) -> Result<Box<dyn Currents<E> + '_>, Error> {
        let field = self.window.over(&inputs[0][1..])?;
        let totals = match self.weights {
            Weights::Tiles(_) => checks::zeros(&[field.places().min(BAND.max(field.place_rows()[1]))])?,
            Weights::Rows(..) => Vec::new(),
        };
        Ok(Box::new(ConvCurrents { conv: self, is_biased: true, field, totals, begins: Vec::new() }))
    }
}

/// A convolution at work. Between blocks of steps it keeps nothing but room for the sums of a tile.
struct ConvCurrents<'a, E> {
    conv: &'a Conv<E>,
    is_biased: bool,
    field: Field,
    /// Of the places of a band.
    totals: Vec<Tile<E>>,
    /// Where the events of each row begin.
    begins: Vec<usize>,
}

impl<E: Element> Currents<E> for ConvCurrents<'_, E> {
    fn receive(&mut self, signals: &[&Events<E>], rows: usize, currents: &mut [E]) {
        let size = self.conv.groups * self.conv.rows * self.field.places();
        for (row, currents) in currents.chunks_exact_mut(size).enumerate().take(rows) {
            let (indices, values) = signals[0].row(row);
            if indices.is_empty() && !self.is_biased {
                currents.fill(E::ZERO);
                continue;
            }
            match &self.conv.weights {
                Weights::Rows(weights, bias) => {
                    let bias = bias.as_deref().filter(|_| self.is_biased);
                    self.add_rows(weights, bias, indices, values, currents);
                }
                Weights::Tiles(groups) => self.add_tiles(groups, indices, values, currents),
            }
        }
    }

    fn drop_bias(&mut self) {
        self.is_biased = false;
    }
}

impl<E: Element> ConvCurrents<'_, E> {
    /// Add every term to its sum in `currents`.
    fn add_rows(
        &self,
        weights: &[E],
        bias: Option<&[E]>,
        indices: &[u32],
        values: Option<&[E]>,
        currents: &mut [E],
    ) {
        let Conv { channels, rows, window, .. } = self.conv;
        let (taps, places) = (window.taps(), self.field.places());
        let terms = channels * taps;
        currents.fill(E::ZERO);
        self.field.terms(indices, |channel, place, tap, event| {
            let (group, d) = (channel / channels, channel % channels);
            let value = values.map_or(E::ONE, |values| values[event]);
            for row in group * rows..(group + 1) * rows {
                currents[row * places + place] += weights[row * terms + d * taps + tap] * value;
            }
        });
        for (currents, &bias) in currents.chunks_exact_mut(places).zip(bias.into_iter().flatten()) {
            currents.iter_mut().for_each(|current| *current += bias);
        }
    }

    /// Add every term to its sums in tiles: a group, a tile and a band of rows of places at a time.
    fn add_tiles(&mut self, groups: &[Packed<E>], indices: &[u32], values: Option<&[E]>, currents: &mut [E]) {
        let Self { conv: Conv { channels, rows, window, .. }, is_biased, field, totals, begins } = self;
        let (taps, places, [height, width]) = (window.taps(), field.places(), field.place_rows());
        let (channels, at_once) = (*channels, (BAND / width).max(1));
        field.begins(indices, groups.len() * channels, begins);
        for ((group, packed), currents) in
            groups.iter().enumerate().zip(currents.chunks_exact_mut(rows * places))
        {
            for ((weights, bias), currents) in
                packed.tiles(*is_biased).zip(currents.chunks_mut(TILE * places))
            {
                for start in (0..height).step_by(at_once) {
                    let band = start..height.min(start + at_once);
                    let totals = &mut totals[..band.len() * width];
                    totals.fill(Tile::default());
                    for (channel, weights) in weights.chunks_exact(taps).enumerate() {
                        let channel = group * channels + channel;
                        match values {
                            None => field.terms_in_band(indices, begins, channel, &band, |place, tap, _| {
                                totals[place].add_one(&weights[tap]);
                            }),
                            Some(values) => {
                                field.terms_in_band(indices, begins, channel, &band, |place, tap, event| {
                                    totals[place].add(&weights[tap], values[event]);
                                });
                            }
                        }
                    }
                    Tile::write_columns(totals, bias, start * width, places, currents);
                }
            }
        }
    }
}
