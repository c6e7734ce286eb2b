//! Poisson encoding from a counter-based generator.
//!
//! Every draw is a hash of where it stands, so any number of threads and any order draw the same spikes. With
//! SplitMix64's finaliser (Steele, Lea and Flood 2014), all arithmetic modulo 2^64 and G = 0x9E3779B97F4A7C15:
//!
//! ```text
//! mix(z):   z = (z ⊕ z>>30)·0xBF58476D1CE4E5B9;  z = (z ⊕ z>>27)·0x94D049BB133111EB;  z ⊕ z>>31
//! h       = mix(mix(mix(mix(seed + G) ⊕ sample + G) ⊕ step + G) ⊕ index + G)      (⊕ binds before +)
//! u       = (h >> 11)·2^-53
//! spike   = u < rate
//! ```
//!
//! `sample` is a key of the sample's own values ([`sample_keys`]), so a sample draws the same spikes wherever it stands
//! in a batch: `key = ⊕_k mix((bits(x[k]) ⊕ mix(k + G)) + G)`, bits being those of the value as `f64`, with -0 as +0.

use crate::instructions::{Work, with_best};
use crate::multistep::{Bytes, Packed, Sink, SpikeBuffer};
use crate::running::{Interruption, OPERATIONS};
use crate::view::Shape;
use crate::{Code, Element, Error, View, checks};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

/// Return SplitMix64's finaliser of `z`.
#[inline(always)]
pub fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Return a key for every row of `x` (batch, n): equal rows, equal keys, at any place in a batch.
///
/// Errors: `non_finite`, `shape`.
pub fn sample_keys<F: Element>(x: View<'_, F>) -> Result<Vec<u64>, Error> {
    checks::finite("x", x)?;
    let &[batch, n] = x.shape() else {
        return Err(Error::new(Code::Shape, format!("x has shape {}: give (batch, n)", Shape(x.shape()))));
    };
    Ok((0..batch).map(|row| sample_key(&x.data()[row * n..][..n])).collect())
}

/// Draw spikes of shape (timesteps, batch, n) from `rates` of shape (batch, n) in [0, 1].
///
/// `samples` has one number for each row, which names its stream of draws; by default [`sample_keys`] of the rates.
///
/// Errors: `non_finite`, `shape`, `rate_range`, `too_large`.
pub fn encode_poisson<F: Element>(
    rates: View<'_, F>,
    timesteps: usize,
    seed: u64,
    samples: Option<&[u64]>,
) -> Result<Vec<i8>, Error> {
    let mut spikes: Vec<i8> = checks::zeros(&[timesteps, rates.data().len()])?;
    encode_poisson_into(rates, timesteps, seed, samples, SpikeBuffer::Bytes(&mut spikes))?;
    Ok(spikes)
}

/// As [`encode_poisson`], into a buffer of the caller's.
///
/// Errors: those of [`encode_poisson`]; `shape` of the buffer.
pub fn encode_poisson_into<F: Element>(
    rates: View<'_, F>,
    timesteps: usize,
    seed: u64,
    samples: Option<&[u64]>,
    to: SpikeBuffer<'_>,
) -> Result<(), Error> {
    checks::finite("rates", rates)?;
    let &[batch, n] = rates.shape() else {
        return Err(Error::new(
            Code::Shape,
            format!("rates have shape {}: give (batch, n)", Shape(rates.shape())),
        ));
    };
    check_rates(rates.data())?;
    let keys = samples.map_or_else(|| sample_keys(rates), |samples| Ok(samples.to_vec()))?;
    if keys.len() != batch {
        let message =
            format!("samples have shape ({},): give one for each row of rates, ({batch},)", keys.len());
        return Err(Error::new(Code::Shape, message));
    }
    to.check(timesteps, batch, n)?;
    let (streams, rates) = (keys.into_iter().map(|key| stream(seed, key)).collect(), rates.data());
    match to {
        SpikeBuffer::None => Ok(()),
        SpikeBuffer::Bytes(cells) => with_best(Draws::<F, Bytes> { rates, n, timesteps, streams, cells }),
        SpikeBuffer::Packed(cells) => with_best(Draws::<F, Packed> { rates, n, timesteps, streams, cells }),
    }
}

/// Draws of some samples, all steps of a run of inputs before the next.
struct Draws<'a, F, S: Sink> {
    rates: &'a [F],
    n: usize,
    timesteps: usize,
    streams: Vec<u64>,
    cells: &'a mut [S::Cell],
}

/// Inputs in one run: the first cache holds what their draws are compared with.
const RUN: usize = 1024;

impl<F: Element, S: Sink<Spike = i8>> Work for Draws<'_, F, S> {
    type Output = Result<(), Error>;

    #[inline(always)]
    fn run(self) -> Result<(), Error> {
        let Self { rates, n, timesteps, streams, cells } = self;
        let (interruption, row) = (Interruption::new(), S::cells(n));
        let between = (OPERATIONS / RUN.min(n.max(1))).max(1);
        for (sample, &stream) in streams.iter().enumerate() {
            for start in (0..n).step_by(RUN) {
                let length = RUN.min(n - start);
                // u < rate, in whole numbers: both sides times 2^53 are exact, and the left one has no fraction.
                let bounds: Vec<i64> = rates[sample * n + start..][..length]
                    .iter()
                    .map(|rate| (rate.to_f64() / UNIT).ceil() as i64)
                    .collect();
                for t in 0..timesteps {
                    if t % between == 0 {
                        interruption.check()?;
                    }
                    let to = (t * streams.len() + sample) * row + S::cells(start);
                    let to = &mut cells[to..][..S::cells(length)];
                    let step = mix((stream ^ t as u64).wrapping_add(GOLDEN));
                    let eights = length - length % 8;
                    for at in (0..eights).step_by(8) {
                        S::put(to, at, &draw::<8>(step, start + at, &bounds, at));
                    }
                    for at in eights..length {
                        S::put(to, at, &draw::<1>(step, start + at, &bounds, at));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether each of `W` inputs from `index` on spikes; its bounds begin at `at`.
#[inline(always)]
fn draw<const W: usize>(step: u64, index: usize, bounds: &[i64], at: usize) -> [i8; W] {
    let (mut spikes, bounds) = ([0; W], &bounds[at..at + W]);
    for k in 0..W {
        let h = mix((step ^ (index + k) as u64).wrapping_add(GOLDEN));
        spikes[k] = i8::from(((h >> 11) as i64) < bounds[k]);
    }
    spikes
}

/// Refuse rates outside [0, 1].
pub(crate) fn check_rates<F: Element>(rates: &[F]) -> Result<(), Error> {
    match rates.iter().find(|&&rate| !(rate >= F::ZERO && rate <= F::ONE)) {
        None => Ok(()),
        Some(rate) => Err(Error::new(
            Code::RateRange,
            format!(
                "a rate is {rate}: Poisson encoding wants [0, 1]; encoding='current' takes values of any size"
            ),
        )),
    }
}

/// The key of one sample.
pub(crate) fn sample_key<F: Element>(row: &[F]) -> u64 {
    row.iter().enumerate().fold(0, |key, (k, value)| {
        let place = mix((k as u64).wrapping_add(GOLDEN));
        key ^ mix(((value.to_f64() + 0.0).to_bits() ^ place).wrapping_add(GOLDEN))
    })
}

/// The stream of a sample's draws.
pub(crate) fn stream(seed: u64, key: u64) -> u64 {
    mix((mix(seed.wrapping_add(GOLDEN)) ^ key).wrapping_add(GOLDEN))
}

/// Whether each input spikes at `step`.
pub(crate) fn draws<F: Element>(stream: u64, step: u64, rates: &[F]) -> impl Iterator<Item = bool> {
    let step = mix((stream ^ step).wrapping_add(GOLDEN));
    rates.iter().enumerate().map(move |(index, rate)| {
        let h = mix((step ^ index as u64).wrapping_add(GOLDEN));
        ((h >> 11) as f64 * UNIT) < rate.to_f64()
    })
}
