"""Activations that a rate can be, and dropout, which is none."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from spikeport.reading.builder import Builder, Place
from spikeport.reading.network import Activation
from spikeport.reading.refusals import CURVED, DROPS, SHIFTED
from spikeport.reading.signals import Signal

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
        raise place.refuse(SHIFTED)
    return relu(build, place, x)


def dropout(
    build: Builder, place: Place, x: Signal, p: float = 0.5, training: bool = True, *_: Any, **__: Any
) -> Signal:
    """Read dropout, which is nothing in eval mode."""
    if training and p > 0:
        raise place.refuse(DROPS)
    return x


def qcfs(build: Builder, place: Place, x: Signal, activation: Activation) -> Signal:
    """Read an activation that is a module of its own."""
    return build.activated(place, x, activation)
