"""The kernels once more, scalar by scalar, for any kind of number: the check that a vector is exact.

Called with `Fraction` nothing is ever rounded; a case whose float answer equals this one needed no rounding, and so any
order of summation gives its bits. Called with `float` these loops fix the order of the contract, for the cases that do
round. Written apart from the reference on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Number = Any
Make = Callable[[float], Number]


def integrate_fire(
    currents: Sequence[Sequence[Number]], θ: Number, v0: Number, reset: Number | None, β: Number, max_spikes: int = 1
) -> tuple[list[list[int]], Number]:
    """Return the spikes of one neuron over ``currents`` (one number per step) and its last membrane."""
    v = v0 * θ
    spikes = []
    for I in currents:
        v = β * v + I
        s = sum(1 for m in range(1, max_spikes + 1) if v >= m * θ)
        if s:
            v = v - s * θ if reset is None else reset
        spikes.append(s)
    return spikes, v


def st_bif(
    currents: Sequence[Number], θ: Number, v0: Number, low: int, high: int, whole: bool = False
) -> tuple[list[int], Number, int]:
    """Return the spikes of one ST-BIF neuron, its last membrane (``whole``: times θ) and its tracer."""
    v, S, spikes = v0, 0, []
    for I in currents:
        v = v + I / θ
        s = 1 if v >= 1 and high > S else -1 if v < 0 and low < S else 0
        S, v = S + s, v - s
        spikes.append(s)
    return spikes, v * θ if whole else v, S


def weighted_sum(x: Sequence[Number], row: Sequence[Number], bias: Number | None, zero: Number) -> Number:
    """Return one neuron's current."""
    total = zero
    for w, value in zip(row, x, strict=True):
        total = total + w * value
    return total if bias is None else total + bias


def operation(word: str, signals: Sequence[Any], weight: Any, bias: Any, given: Mapping[str, Any], zero: Number) -> Any:
    """Return an operation's currents (T, B, shape), place by place; signals and weights are arrays of numbers."""
    if word == "add":
        total = signals[0] * 0 + zero
        for signal in signals:
            total = total + signal
        return total
    if word == "concat":
        return np.concatenate(signals, axis=2)
    (x,) = signals
    if word == "linear":
        rows = x.reshape(*x.shape[:2], weight.shape[1])
        out = np.empty((*x.shape[:2], len(weight)), object)
        for t, b, j in np.ndindex(out.shape):
            out[t, b, j] = weighted_sum(rows[t, b], weight[j], None if bias is None else bias[j], zero)
        return out
    return windowed(word, x, weight, bias, given, zero)


def windowed(word: str, x: Any, weight: Any, bias: Any, given: Mapping[str, Any], zero: Number) -> Any:
    """Return the currents of a convolution or a pool."""
    kernel = list(weight.shape[2:]) if word == "conv" else given["kernel"]
    axes = len(kernel)
    stride = given.get("stride", [1] * axes if word == "conv" else kernel)
    padding, dilation = given.get("padding", [0] * axes), given.get("dilation", [1] * axes)
    n = x.shape[3:]
    o = [(n[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(axes)]
    channels = x.shape[2] if weight is None else len(weight)
    out = np.empty((*x.shape[:2], channels, *o), object)
    running = np.cumsum(x + zero, axis=0) if len(x) and word == "max_pool" else x
    for t, b, c, *p in np.ndindex(out.shape):

        def terms(values: Any, b: int = b, p: list[int] = p) -> Any:
            for q in np.ndindex(*kernel):
                at = tuple(p[i] * stride[i] + q[i] * dilation[i] - padding[i] for i in range(axes))
                if all(0 <= at[i] < n[i] for i in range(axes)):
                    yield q, values[(b, slice(None), *at)]

        if word == "max_pool":
            before = max(column[c] for _, column in terms(running[t - 1])) if t else zero
            out[(t, b, c, *p)] = max(column[c] for _, column in terms(running[t])) - before
            continue
        if word == "conv":
            share = weight.shape[1]
            first = c * given.get("groups", 1) // len(weight) * share
            row = [(weight[(c, d, *q)], column[first + d]) for d in range(share) for q, column in terms(x[t])]
            total = weighted_sum([v for _, v in row], [w for w, _ in row], None if bias is None else bias[c], zero)
        else:
            total = zero
            for _, column in terms(x[t]):
                total = total + column[c]
            total = total / type(zero)(math.prod(kernel)) if word == "avg_pool" else total
        out[(t, b, c, *p)] = total
    return out


def qcfs(x: Number, T: int, θ: Number, half: Number) -> Number:
    """Return QCFS of one number."""
    return min(max(math.floor(x * T / θ + half), 0), T) * θ / T


def momentum_step(w: Number, g: Number, u: Number, rate: Number, momentum: Number) -> tuple[Number, Number]:
    """Return weight and velocity after one step."""
    u = momentum * u + g
    return w - rate * u, u
