"""Calls without weights: activations, pooling, joins and arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeport.operations import Add, AvgPool, Concat, MaxPool, Pool
from spikeport.reading.builder import Builder, Place
from spikeport.reading.network import Activation
from spikeport.reading.refusals import CURVED, DROPS, GATE
from spikeport.reading.signals import Signal
from spikeport.reading.weights import per_channel

RELU = Activation("relu")


def clamped(top: float) -> Activation:
    """Return the activation that clips to [0, ``top``]."""
    return Activation("clamp", theta=float(top), apply=lambda x: x.clamp(0, top))


def relu(build: Builder, place: Place, x: Signal, inplace: bool = False) -> Signal:
    """Read a ReLU."""
    return build.activated(place, x, RELU)


def hardtanh(
    build: Builder, place: Place, x: Signal, min_val: Any = -1.0, max_val: Any = 1.0, inplace: bool = False
) -> Signal:
    """Read what clips: to [0, c], or from 0 on."""
    if isinstance(min_val, Tensor) or isinstance(max_val, Tensor) or min_val is None or min_val != 0:
        raise place.refuse(f"it clips from {min_val} on, and only values from 0 on are spike rates: {CURVED}")
    if max_val is None or max_val == math.inf:
        return relu(build, place, x)
    if not 0 < max_val < math.inf:
        raise place.refuse(f"it clips to [0, {max_val}], which leaves nothing")
    return build.activated(place, x, clamped(max_val))


def relu6(build: Builder, place: Place, x: Signal, inplace: bool = False) -> Signal:
    """Read a ReLU that is clipped at 6."""
    return hardtanh(build, place, x, 0.0, 6.0)


def clamp(build: Builder, place: Place, x: Signal, min: Any = None, max: Any = None) -> Signal:
    """Read ``torch.clamp``."""
    return hardtanh(build, place, x, min, max)


def threshold(build: Builder, place: Place, x: Signal, threshold: float, value: float, inplace: bool = False) -> Signal:
    """Read a threshold at 0, which is a ReLU."""
    if (threshold, value) != (0, 0):
        raise place.refuse("it is ReLU only with the threshold and the value 0: use nn.ReLU() in its place")
    return relu(build, place, x)


def dropout(
    build: Builder, place: Place, x: Signal, p: float = 0.5, training: bool = True, *_: Any, **__: Any
) -> Signal:
    """Read dropout, which is nothing in eval mode."""
    if training and p > 0:
        raise place.refuse(DROPS)
    return x


def add(build: Builder, place: Place, a: Any, b: Any, *, alpha: float = 1) -> Signal:
    """Read ``a + alpha·b``: two signals, or a signal and a constant."""
    if isinstance(a, Signal) and isinstance(b, Signal):
        a, b = build.plain(place, a), build.affine(place, b, np.float64(alpha), np.float64(0))
        a, b = build.plain(place, a), build.plain(place, b)
        if a.shape != b.shape:
            raise place.refuse(f"it adds signals of shapes {a.shape} and {b.shape}: give both the same")
        return build.add(place, Add(), a, b, shape=a.shape)
    if not isinstance(a, Signal):
        scaled = build.affine(place, b, np.float64(alpha), np.float64(0))
        return build.affine(place, scaled, np.float64(1), per_channel(place, b, a))
    return build.affine(place, a, np.float64(1), alpha * per_channel(place, a, b))


def subtract(build: Builder, place: Place, a: Any, b: Any, *, alpha: float = 1) -> Signal:
    """Read ``a - alpha·b``."""
    return add(build, place, a, b, alpha=-alpha)


def multiply(build: Builder, place: Place, a: Any, b: Any) -> Signal:
    """Read a product with a constant."""
    if isinstance(a, Signal) and isinstance(b, Signal):
        raise place.refuse(GATE)
    x, constant = (a, b) if isinstance(a, Signal) else (b, a)
    return build.affine(place, x, per_channel(place, x, constant), np.float64(0))


def divide(build: Builder, place: Place, a: Any, b: Any, *, rounding_mode: str | None = None) -> Signal:
    """Read a division by a constant."""
    if rounding_mode is not None or isinstance(b, Signal):
        raise place.refuse("it divides by a signal, or rounds: only a division by a constant is one with weights")
    return build.affine(place, a, 1 / per_channel(place, a, b), np.float64(0))


def negative(build: Builder, place: Place, x: Signal) -> Signal:
    """Read ``-x``."""
    return build.affine(place, x, np.float64(-1), np.float64(0))


def cat(build: Builder, place: Place, tensors: Sequence[Any], dim: int = 0, axis: int | None = None) -> Signal:
    """Read ``torch.cat`` over channels."""
    dim = dim if axis is None else axis
    signals = [build.plain(place, s) if isinstance(s, Signal) else None for s in tensors]
    read = [s for s in signals if s is not None]
    if len(read) < len(signals):
        raise place.refuse("it puts a constant beside a signal: pad it with zeros instead, F.pad, or leave it off")
    if len(read) == 1:
        return read[0]
    if dim % (len(read[0].shape) + 1) != 1:
        raise place.refuse(f"it joins signals along axis {dim}: only channels, axis 1, are put one behind the other")
    concat = Concat()
    return build.add(place, concat, *read, shape=concat.output_shape(*(s.shape for s in read)))


def maximum(build: Builder, place: Place, x: Signal, dim: Any = None, keepdim: bool = False) -> Signal:
    """Read the largest of all pixels."""
    return _over_pixels(build, place, x, dim, keepdim, MaxPool)


def mean(build: Builder, place: Place, x: Signal, dim: Any = None, keepdim: bool = False, **_: Any) -> Signal:
    """Read the mean of all pixels."""
    return _over_pixels(build, place, x, dim, keepdim, AvgPool)


def total(build: Builder, place: Place, x: Signal, dim: Any = None, keepdim: bool = False, **_: Any) -> Signal:
    """Read the sum of all pixels."""
    average = _over_pixels(build, place, x, dim, keepdim, AvgPool)
    return build.affine(place, average, np.float64(math.prod(x.shape[1:])), np.float64(0))


def _over_pixels(build: Builder, place: Place, x: Signal, dim: Any, keepdim: bool, kind: type[Pool]) -> Signal:
    axes = len(x.shape) + 1
    dims = {d % axes for d in (dim if isinstance(dim, tuple | list) else [dim] if dim is not None else range(axes))}
    ones = {d for d in range(2, axes) if x.shape[d - 1] == 1}
    if not dims or dims | ones != set(range(2, axes)) or axes == 2:
        raise place.refuse(
            f"it takes the {'largest' if kind is MaxPool else 'mean'} over the axes {sorted(dims)} of a batch of shape "
            f"(batch, {', '.join(map(str, x.shape))}): only that over all pixels, axes 2 and up, is a pool"
        )
    x = build.plain(place, x)
    pooled = build.add(place, kind(x.shape[1:]), x, shape=(x.shape[0], *(1 for _ in x.shape[1:])))
    flat = pooled.rearranged(build.batch, lambda t: t.amax(tuple(dims), keepdim=keepdim))
    assert isinstance(flat, Signal)
    return flat


def qcfs(build: Builder, place: Place, x: Signal, activation: Activation) -> Signal:
    """Read an activation that is a module of its own."""
    return build.activated(place, x, activation)


def same(build: Builder, place: Place, x: Signal, *_: Any, **__: Any) -> Signal:
    """Read what changes no value: a copy, another type."""
    return x


def tuple_of(value: Any, axes: int) -> tuple[int, ...]:
    """Return one whole number for each axis."""
    values = tuple(value) if isinstance(value, tuple | list | torch.Size) else (value,)
    return tuple(int(v) for v in (values * axes if len(values) == 1 else values))
