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

use crate::running::{Interruption, OPERATIONS};
use crate::view::Shape;
use crate::{Code, Element, Error, View, checks};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

/// Return SplitMix64's finaliser of `z`.
#[inline]
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
    let mut spikes: Vec<i8> = checks::zeros(&[timesteps, batch, n])?;
    let (interruption, between) = (Interruption::new(), (OPERATIONS / (batch * n).max(1)).max(1));
    for t in 0..timesteps {
        if t % between == 0 {
            interruption.check()?;
        }
        for (row, &key) in keys.iter().enumerate() {
            let rates = &rates.data()[row * n..][..n];
            let draws = draws(stream(seed, key), t as u64, rates);
            for (spike, drawn) in spikes[(t * batch + row) * n..][..n].iter_mut().zip(draws) {
                *spike = i8::from(drawn);
            }
        }
    }
    Ok(spikes)
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
