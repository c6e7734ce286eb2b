"""Additions and concatenations of signals, and arithmetic with constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spikeport.operations import Add, Concat
from spikeport.reading.builder import Builder, Place
from spikeport.reading.calls.weights import per_channel
from spikeport.reading.refusals import GATE
from spikeport.reading.signals import Signal


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


def same(build: Builder, place: Place, x: Signal, *_: Any, **__: Any) -> Signal:
    """Read what changes no value: a copy, another type."""
    return x
