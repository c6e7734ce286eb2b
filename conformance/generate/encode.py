"""Cases of ``encode.poisson``."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate.make import case, checked, decimals, dyadic

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def cases() -> list[Case]:
    """Return all of them, each drawn once more with Python's own integers."""
    return checked([*_edges(), _at_the_draw(), *_random(), *_errors()], _check)


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def _next(state: int, counter: int) -> int:
    return _mix(((state ^ counter) + GOLDEN) & MASK)


def _key(row: list[float]) -> int:
    key = 0
    for k, value in enumerate(row):
        (bits,) = struct.unpack("<Q", struct.pack("<d", value + 0.0))
        key ^= _next(bits, _mix((k + GOLDEN) & MASK))
    return key


def _check(one: Case) -> None:
    a = one.arguments
    B, N = a["shape"]
    rows = [[float(v) for v in a["rates"][b * N : (b + 1) * N]] for b in range(B)]
    keys = [_key(row) for row in rows]
    start = _mix((a.get("seed", 0) + GOLDEN) & MASK)
    spikes = []
    for t in range(a["timesteps"]):
        for b, row in enumerate(rows):
            step = _next(_next(start, a["samples"][b] if "samples" in a else keys[b]), t)
            spikes += [int((_next(step, k) >> 11) * 2.0**-53 < rate) for k, rate in enumerate(row)]
    if one.expected != {"spikes": spikes, "keys": keys}:
        raise AssertionError(f"{one.id}: the draws differ from those of Python's integers")


def _poisson(name: str, comment: str, flags: list[str], rates: Any, T: int, **params: Any) -> Case:
    table = np.asarray(rates, np.float64)
    samples = {"samples": params.pop("samples")} if "samples" in params else {}
    params = {"shape": list(table.shape), "timesteps": T, **params}
    return case(
        "encode.poisson", f"encode.poisson.{name}", comment, flags, params, {"rates": decimals(table), **samples}
    )


def _edges() -> list[Case]:
    row = [0.25, 0.5, 0.75]
    return [
        _poisson("never_and_always", "rate 0 never fires, rate 1 always", ["rate_edges"], [[0.0, 1.0]], 32, seed=1),
        _poisson("seed_0", "the seed 0", ["seed"], [row], 8, seed=0),
        _poisson("seed_1", "another seed, other spikes", ["seed"], [row], 8, seed=1),
        _poisson("seed_largest", "the largest seed", ["seed"], [row], 8, seed=2**64 - 1),
        _poisson("seed_absent", "the seed is 0 by default", ["default", "seed"], [row], 8),
        _poisson(
            "equal_rows",
            "equal samples draw equal spikes at any place",
            ["batch"],
            [row, [0.5, 0.5, 0.5], row],
            8,
            seed=3,
        ),
        _poisson(
            "samples",
            "named streams: equal rows, other spikes",
            ["seed", "batch"],
            [row, row],
            8,
            seed=3,
            samples=[0, 1],
        ),
        _poisson("samples_large", "a stream's name has 64 bits", ["seed"], [row], 8, samples=[2**64 - 1]),
        _poisson("minus_zero", "minus zero has the key of zero", ["rate_edges"], [[-0.0, 0.5], [0.0, 0.5]], 8),
        _poisson("no_steps", "no step", ["empty"], [row], 0),
        _poisson("no_samples", "no sample", ["empty"], np.zeros((0, 3)), 4),
        _poisson("no_inputs", "no input: the key is 0", ["empty"], np.zeros((2, 0)), 4),
        _poisson("smallest", "the smallest positive rate", ["subnormal"], [[5e-324]], 8),
        _poisson("tenths", "rates that are no dyadic numbers", ["ordinary_floats"], [np.arange(11) / 10], 16, seed=9),
        _poisson(
            "dtype_not_read",
            "rates are f64: a dtype is no argument of this kernel, and not read",
            ["ordinary_floats"],
            [np.arange(11) / 10],
            16,
            seed=9,
            dtype="f32",
        ),
    ]


def _at_the_draw() -> Case:
    """A rate equal to the draw does not fire (u < rate), the next float above its draw does."""
    step = _next(_next(_mix(GOLDEN), 0), 0)
    draws = [(_next(step, k) >> 11) * 2.0**-53 for k in range(2)]
    rates = [[draws[0], float(np.nextafter(draws[1], 1))]]
    comment = "a rate equal to the draw does not fire, one ulp above it does"
    return _poisson("at_the_draw", comment, ["at_threshold"], rates, 1, samples=[0])


def _random() -> list[Case]:
    rng = np.random.default_rng(88)
    made = []
    for k in range(16):
        B, N, T = (int(rng.integers(1, high)) for high in (4, 9, 13))
        made.append(
            _poisson(
                f"random_{k:02}",
                "random dyadic rates",
                ["random", "seed"],
                dyadic(rng, 0, 1, 6, (B, N)),
                T,
                seed=int(rng.integers(0, 2**63)),
            )
        )
    return made


def _errors() -> list[Case]:
    def refused(name: str, comment: str, rates: list[Any], **params: Any) -> Case:
        params = {"shape": [1, len(rates)], "timesteps": 4} | params
        return case("encode.poisson", f"encode.poisson.{name}", comment, ["error"], params, {"rates": rates})

    return [
        refused("above_one", "a rate above 1", [0.5, 1.5]),
        refused("negative", "a negative rate", [-0.1, 0.5]),
        refused("nan", "not a number", ["nan"]),
        refused("inf", "infinite", ["inf"]),
        refused("length", "two rates for a shape of three", [0.5, 0.5], shape=[1, 3]),
        refused("negative_steps", "a negative number of steps", [0.5], timesteps=-1),
    ]
