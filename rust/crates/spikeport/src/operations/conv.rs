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
use super::packed::{Packed, TILE};
use super::scatter::Scatter;
use super::{Currents, Events, Operation, Window};
use crate::view::Shape;
use crate::{Code, Element, Error, View, checks};

/// Channels of a group below which sums are added one by one: a tile would be mostly empty.
const NARROW: usize = 8;

/// Half a tile: so many channels are common, and a whole one would add as many zeros.
const HALF: usize = TILE / 2;

/// Weights of shape (out, C/groups, K…), perhaps a bias of shape (out,), and a window.
pub struct Conv<E> {
    pub(super) window: Window,
    groups: usize,
    /// Channels that a group reads, and channels that it gives.
    pub(super) channels: usize,
    pub(super) rows: usize,
    weights: Weights<E>,
    masses: Masses,
}

enum Weights<E> {
    /// In tiles, for each group.
    Tiles(Vec<Packed<E>>),
    /// In tiles of half the width, which fewer channels fill.
    Halves(Vec<Packed<E, HALF>>),
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
        } else if (1..=HALF).contains(&(rows % TILE)) {
            Weights::Halves(tiles(weights.data(), bias, rows, terms)?)
        } else {
            Weights::Tiles(tiles(weights.data(), bias, rows, terms)?)
        };
        Ok(Self { window, groups, channels, rows, weights, masses })
    }
}

/// The weights of every group, of `rows` channels and so many terms, in tiles. Errors: `too_large`.
fn tiles<E: Element, const W: usize>(
    weights: &[E],
    bias: Option<&[E]>,
    rows: usize,
    terms: usize,
) -> Result<Vec<Packed<E, W>>, Error> {
    let groups = weights.chunks(rows * terms).enumerate();
    groups
        .map(|(g, weights)| Packed::new(weights, bias.map(|bias| &bias[g * rows..][..rows]), rows, terms))
        .collect()
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
        let sums = match &self.weights {
            Weights::Tiles(groups) => Sums::Tiles(Scatter::new(groups, &field)?),
            Weights::Halves(groups) => Sums::Halves(Scatter::new(groups, &field)?),
            Weights::Rows(weights, bias) => Sums::Rows(weights, bias.as_deref()),
        };
        Ok(Box::new(ConvCurrents { conv: self, is_biased: true, field, sums }))
    }
}

/// A convolution at work. Between blocks of steps it keeps nothing but room for sums.
struct ConvCurrents<'a, E> {
    conv: &'a Conv<E>,
    is_biased: bool,
    field: Field,
    sums: Sums<'a, E>,
}

/// Weights, and room for their sums where these are not the currents themselves.
enum Sums<'a, E> {
    Tiles(Scatter<'a, E, TILE>),
    Halves(Scatter<'a, E, HALF>),
    Rows(&'a [E], Option<&'a [E]>),
}

/// What a row of events adds to the sums of a convolution.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a, E> {
    pub(super) conv: &'a Conv<E>,
    pub(super) field: &'a Field,
    pub(super) is_biased: bool,
    pub(super) indices: &'a [u32],
    pub(super) values: Option<&'a [E]>,
}

impl<E: Element> Currents<E> for ConvCurrents<'_, E> {
    fn receive(&mut self, signals: &[&Events<E>], rows: usize, currents: &mut [E]) {
        let &mut Self { conv, is_biased, ref field, ref mut sums } = self;
        let size = conv.groups * conv.rows * field.places();
        for (row, currents) in currents.chunks_exact_mut(size).enumerate().take(rows) {
            let (indices, values) = signals[0].row(row);
            if indices.is_empty() && !is_biased {
                currents.fill(E::ZERO);
                continue;
            }
            let terms = Terms { conv, field, is_biased, indices, values };
            match sums {
                Sums::Tiles(scatter) => scatter.add(&terms, currents),
                Sums::Halves(scatter) => scatter.add(&terms, currents),
                Sums::Rows(weights, bias) => terms.add(weights, bias.filter(|_| is_biased), currents),
            }
        }
    }

    fn drop_bias(&mut self) {
        self.is_biased = false;
    }
}

impl<E: Element> Terms<'_, E> {
    /// Add every term to its sum in `currents`.
    fn add(self, weights: &[E], bias: Option<&[E]>, currents: &mut [E]) {
        let Conv { channels, rows, window, .. } = self.conv;
        let (taps, places) = (window.taps(), self.field.places());
        let terms = channels * taps;
        currents.fill(E::ZERO);
        self.field.terms(self.indices, |channel, place, tap, event| {
            let (group, d) = (channel / channels, channel % channels);
            let value = self.values.map_or(E::ONE, |values| values[event]);
            for row in group * rows..(group + 1) * rows {
                currents[row * places + place] += weights[row * terms + d * taps + tap] * value;
            }
        });
        for (currents, &bias) in currents.chunks_exact_mut(places).zip(bias.into_iter().flatten()) {
            currents.iter_mut().for_each(|current| *current += bias);
        }
    }
}
