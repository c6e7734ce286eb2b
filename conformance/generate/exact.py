"""The kernels once more, scalar by scalar, for any kind of number: the check that a vector is exact.

Called with `Fraction` nothing is ever rounded; a case whose float answer equals this one needed no rounding, and so any
order of summation gives its bits. Called with `float` these loops fix the order of the contract, for the cases that do
round. Written apart from the reference on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

Number = Any
Make = Callable[[float], Number]


def integrate_fire(
    currents: Sequence[Sequence[Number]], θ: Number, v0: Number, reset: Number | None, β: Number
) -> tuple[list[list[int]], Number]:
    """Return the spikes of one neuron over ``currents`` (one number per step) and its last membrane."""
    v = v0 * θ
    spikes = []
    for I in currents:
        v = β * v + I
        fired = v >= θ
        if fired:
            v = v - θ if reset is None else reset
        spikes.append(int(fired))
    return spikes, v


def st_bif(currents: Sequence[Number], θ: Number, v0: Number, low: int, high: int) -> tuple[list[int], Number, int]:
    """Return the spikes of one ST-BIF neuron, its last membrane and its tracer."""
    v, S, spikes = v0, 0, []
    for I in currents:
        v = v + I / θ
        s = 1 if v >= 1 and high > S else -1 if v < 0 and low < S else 0
        S, v = S + s, v - s
        spikes.append(s)
    return spikes, v, S


def weighted_sum(x: Sequence[Number], row: Sequence[Number], bias: Number | None, zero: Number) -> Number:
    """Return one neuron's current."""
    total = zero
    for w, value in zip(row, x, strict=True):
        total = total + w * value
    return total if bias is None else total + bias


def qcfs(x: Number, T: int, θ: Number, half: Number) -> Number:
    """Return QCFS of one number."""
    return min(max(math.floor(x * T / θ + half), 0), T) * θ / T


def momentum_step(w: Number, g: Number, u: Number, rate: Number, momentum: Number) -> tuple[Number, Number]:
    """Return weight and velocity after one step."""
    u = momentum * u + g
    return w - rate * u, u
