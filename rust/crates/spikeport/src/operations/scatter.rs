//! A convolution's sums in tiles: every event adds its weights to the sums that read it.

use super::conv::{Conv, Terms};
use super::field::{EachTerm, Field};
use super::packed::{Packed, Tile};
use crate::instructions::{Work, with_best};
use crate::{Element, Error, checks};

/// Places whose sums a core's first cache holds, about: they are summed together, in whole rows.
const BAND: usize = 192;

/// Weights in tiles of `W` channels, for each group, and room for the sums of a band of places.
pub(super) struct Scatter<'a, E, const W: usize> {
    groups: &'a [Packed<E, W>],
    totals: Vec<Tile<E, W>>,
    /// Where the events of each row of values begin.
    begins: Vec<usize>,
}

impl<'a, E: Element, const W: usize> Scatter<'a, E, W> {
    /// Errors: `too_large`.
    pub(super) fn new(groups: &'a [Packed<E, W>], field: &Field) -> Result<Self, Error> {
        let band = field.places().min(BAND.max(field.place_rows()[1]));
        Ok(Self { groups, totals: checks::zeros(&[band])?, begins: Vec::new() })
    }

    /// Write every sum, and the bias, to `currents`.
    pub(super) fn add(&mut self, terms: &Terms<'_, E>, currents: &mut [E]) {
        terms.field.begins(terms.indices, self.groups.len() * terms.conv.channels, &mut self.begins);
        with_best(Adding { scatter: self, terms, currents });
    }
}

struct Adding<'a, 'b, E, const W: usize> {
    scatter: &'a mut Scatter<'b, E, W>,
    terms: &'a Terms<'a, E>,
    currents: &'a mut [E],
}

impl<E: Element, const W: usize> Work for Adding<'_, '_, E, W> {
    type Output = ();

    /// A group, a tile and a band of rows of places at a time.
    #[inline(always)]
    fn run(self) {
        let Self { scatter: Scatter { groups, totals, begins }, terms, currents } = self;
        let Terms { conv: Conv { channels, rows, window, .. }, field, is_biased, indices, values } = *terms;
        let (taps, places, [height, width]) = (window.taps(), field.places(), field.place_rows());
        let at_once = (BAND / width).max(1);
        for ((group, packed), currents) in
            groups.iter().enumerate().zip(currents.chunks_exact_mut(rows * places))
        {
            for (tile, currents) in currents.chunks_mut(W * places).enumerate() {
                let (weights, bias) = (packed.tile(tile), packed.bias(tile, is_biased));
                for start in (0..height).step_by(at_once) {
                    let band = start..height.min(start + at_once);
                    let totals = &mut totals[..band.len() * width];
                    totals.fill(Tile::default());
                    for (channel, weights) in weights.chunks_exact(taps).enumerate() {
                        let channel = group * channels + channel;
                        let totals = &mut *totals;
                        match values {
                            None => {
                                field.terms_in_band(indices, begins, channel, &band, Ones { totals, weights })
                            }
                            Some(values) => {
                                let each = Values { totals, weights, values };
                                field.terms_in_band(indices, begins, channel, &band, each);
                            }
                        }
                    }
                    Tile::write_columns(totals, bias, start * width, places, currents);
                }
            }
        }
    }
}

/// Events of value 1.
struct Ones<'a, E, const W: usize> {
    totals: &'a mut [Tile<E, W>],
    weights: &'a [Tile<E, W>],
}

impl<E: Element, const W: usize> EachTerm for Ones<'_, E, W> {
    #[inline(always)]
    fn add(&mut self, place: usize, tap: usize, _: usize) {
        self.totals[place].add_one(&self.weights[tap]);
    }
}

/// Events of any value.
struct Values<'a, E, const W: usize> {
    totals: &'a mut [Tile<E, W>],
    weights: &'a [Tile<E, W>],
    values: &'a [E],
}

impl<E: Element, const W: usize> EachTerm for Values<'_, E, W> {
    #[inline(always)]
    fn add(&mut self, place: usize, tap: usize, event: usize) {
        self.totals[place].add(&self.weights[tap], self.values[event]);
    }
}
