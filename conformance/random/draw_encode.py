"""Calls of ``encode.poisson``."""

from __future__ import annotations

import numpy as np

from conformance.random.parameters import NOT_FINITE, Arguments
from conformance.random.values import Draw

SEEDS = (0, 1, 2**32, 2**53 + 1, 2**63, 2**64 - 1)


def encode_poisson(draw: Draw) -> Arguments:
    """Return the arguments of one call."""
    B, N = draw.size(4), draw.size(6)
    made: Arguments = {"shape": [B, N], "rates": rates(draw, B * N), "timesteps": draw.size(10)}
    if draw.chance(0.7):
        made["seed"] = seed(draw)
    if draw.chance(0.3):
        made["samples"] = [seed(draw) for _ in range(B)]
    if draw.chance(0.12):
        _spoil(draw, made)
    return made


def rates(draw: Draw, n: int) -> list[float]:
    """Return rates in [0, 1], the ends among them."""
    values = draw.rng.choice([0.0, -0.0, 1.0, 0.5, 5e-324, 1 - 2.0**-53, 2.0**-53, 2.0**-54, 0.1], n)
    return [float(v) for v in np.where(draw.rng.random(n) < 0.5, draw.rng.random(n), values)]


def seed(draw: Draw) -> int:
    """Return any number of 64 bits, the largest ones among them."""
    return draw.pick(SEEDS) if draw.chance(0.3) else int(draw.rng.integers(0, 2**64, dtype=np.uint64))


def _spoil(draw: Draw, made: Arguments) -> None:
    n = len(made["rates"])
    if n and draw.chance(0.6):
        bad = [*NOT_FINITE, 1.5, -0.25, 1 + 2.0**-52, -5e-324]
        made["rates"][draw.whole(0, n - 1)] = draw.pick(bad)
    elif draw.chance(0.4):
        made["timesteps"] = draw.pick([-1, -(2**31)])
    elif draw.chance(0.5):
        made["rates"] = [*made["rates"], 0.5]
    else:
        made["samples"] = [1] * (made["shape"][0] + 1)
