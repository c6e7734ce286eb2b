"""Poisson encoding from a counter-based generator: the reference.

Every draw is a hash of where it stands, so four languages, any number of threads and any order draw the same spikes.
With SplitMix64's finaliser (Steele, Lea and Flood 2014), all arithmetic modulo 2^64 and G = 0x9E3779B97F4A7C15::

    mix(z):   z = (z ⊕ z>>30)·0xBF58476D1CE4E5B9;  z = (z ⊕ z>>27)·0x94D049BB133111EB;  z ⊕ z>>31
    h       = mix(mix(mix(mix(seed + G) ⊕ sample + G) ⊕ step + G) ⊕ index + G)      (⊕ binds before +)
    u       = (h >> 11)·2^-53
    spike   = u < rate

``sample`` is a key of the sample's own values (`sample_keys`), so a sample draws the same spikes at any place in
a batch: ``key = ⊕_k mix((bits(x[k]) ⊕ mix(k + G)) + G)``, with the bits of the value as float64, -0 taken as +0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.errors import KernelError
from spikeport.kernels.checks import as_float, check_timesteps

Array = npt.NDArray[Any]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(z: Array) -> Array:
    """Return SplitMix64's finaliser of every uint64 in ``z``."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)


def sample_keys(x: npt.ArrayLike) -> Array:
    """Return a uint64 key for every row of ``x`` (batch, n): equal rows, equal keys, at any place in a batch."""
    values = as_float("x", x).astype(np.float64) + 0.0
    if values.ndim != 2:
        raise KernelError("shape", f"x has shape {values.shape}: give (batch, n)")
    place = mix(np.arange(values.shape[1], dtype=np.uint64) + GOLDEN)
    keys = np.bitwise_xor.reduce(mix((values.view(np.uint64) ^ place) + GOLDEN), axis=1)
    return np.asarray(keys, np.uint64)


def encode_poisson(
    rates: npt.ArrayLike, *, timesteps: int, seed: int = 0, samples: npt.ArrayLike | None = None
) -> Array:
    """Draw spikes of shape (timesteps, batch, n), int8, from ``rates`` of shape (batch, n) in [0, 1].

    Parameters
    ----------
    seed : 0 … 2^64 - 1
    samples : one uint64 per row that names its stream of draws; by default `sample_keys` of the rates

    Raises
    ------
    KernelError
        ``timesteps``, ``seed``, ``shape``, ``non_finite``, ``rate_range``, ``dtype`` of samples.
    """
    check_timesteps(timesteps)
    check_seed(seed)
    p = as_rates(rates)
    keys = sample_keys(p) if samples is None else as_samples(samples, p.shape[:1])

    start = mix(np.array([seed], np.uint64) + GOLDEN)
    stream = mix((start ^ keys) + GOLDEN)
    index = np.arange(p.shape[1], dtype=np.uint64)
    spikes = np.zeros((timesteps, *p.shape), np.int8)
    for t in range(timesteps):
        h = mix((mix((stream ^ np.uint64(t)) + GOLDEN)[:, None] ^ index) + GOLDEN)
        u = (h >> np.uint64(11)) * 2.0**-53
        spikes[t] = u < p
    return spikes


def as_rates(rates: npt.ArrayLike) -> Array:
    """Return ``rates`` of shape (batch, n) as float64, or raise ``non_finite``, ``shape`` or ``rate_range``."""
    p = as_float("rates", rates).astype(np.float64, copy=False)
    if p.ndim != 2:
        raise KernelError("shape", f"rates have shape {p.shape}: give (batch, n)")
    outside = ~((p >= 0) & (p <= 1))
    if outside.any():
        raise KernelError(
            "rate_range",
            f"a rate is {p[outside][0]}: Poisson encoding wants [0, 1]; encoding='current' takes values of any size",
        )
    return p


def as_samples(samples: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return ``samples`` as uint64 of this shape, or raise `KernelError`: ``dtype``, ``shape``."""
    given = np.asarray(samples, object)  # as it is: 1 and 2^64 - 1 have no common type but float64
    if not all(isinstance(key, int | np.integer) and 0 <= int(key) < 2**64 for key in given.flat):
        raise KernelError("dtype", f"samples must be whole numbers in [0, 2^64), not {samples!r}")
    if given.shape != shape:
        raise KernelError("shape", f"samples have shape {given.shape}: give one per row of rates, {shape}")
    return np.asarray(given, np.uint64)


def check_seed(seed: int) -> None:
    """Raise unless ``seed`` is a whole number of 64 bits."""
    if not is_whole(seed) or not 0 <= seed < 2**64:
        raise KernelError("seed", f"seed must be a whole number in [0, 2^64), not {seed!r}")
