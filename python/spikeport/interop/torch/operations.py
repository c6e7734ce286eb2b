"""The operations on tensors (T, batch, …), with gradients: see `spikeport.operations` for their equations.

``linear`` and ``conv`` are torch's products; the rest adds in the order of the contract.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from spikeport.backends.torch_device.operations import pad, views
from spikeport.operations.window import Window

Geometry = dict[str, Any]
Currents = Callable[[list[Tensor], Tensor, Geometry], Tensor]


def linear(signals: list[Tensor], weight: Tensor, geometry: Geometry) -> Tensor:
    """Return ``W·x`` of a signal that is read flat."""
    return functional.linear(signals[0].flatten(2), weight)


def conv(signals: list[Tensor], weight: Tensor, geometry: Geometry) -> Tensor:
    """Return the convolution over one axis or two."""
    (signal,) = signals
    convolve: Any = functional.conv1d if weight.ndim == 3 else functional.conv2d
    found: Tensor = convolve(signal.flatten(0, 1), weight, **geometry)
    return found.reshape(*signal.shape[:2], *found.shape[1:])


def sum_pool(signals: list[Tensor], weight: Any, geometry: Geometry) -> Tensor:
    """Return the sum of each window."""
    window: Window = geometry["window"]
    first, *others = views(window, pad(signals[0], window, 0))
    total: Tensor = sum(others, first)
    return total


def avg_pool(signals: list[Tensor], weight: Any, geometry: Geometry) -> Tensor:
    """Return the sum of each window, divided by its places."""
    places: int = math.prod(geometry["window"].kernel)
    return sum_pool(signals, weight, geometry) / places


def max_pool(signals: list[Tensor], weight: Any, geometry: Geometry) -> Tensor:
    """Return by how much the largest of the running sums in each window grows from step to step."""
    (signal,) = signals
    window: Window = geometry["window"]
    running, total = [], torch.zeros_like(signal[0])
    for values in signal:
        total = total + values
        running.append(total)
    X = pad(torch.stack(running).flatten(0, 1), window, -math.inf)
    largest: Any = functional.max_pool1d if len(window.kernel) == 1 else functional.max_pool2d
    Y: Tensor = largest(X, window.kernel, window.stride)
    Y = Y.reshape(*signal.shape[:2], *Y.shape[1:])
    return torch.cat([Y[:1], Y[1:] - Y[:-1]])


def add(signals: list[Tensor], weight: Any, geometry: Geometry) -> Tensor:
    """Return the sum of the signals, in their order."""
    total: Tensor = sum(signals[1:], signals[0])
    return total


def concat(signals: list[Tensor], weight: Any, geometry: Geometry) -> Tensor:
    """Return the signals one behind the other, along the first axis of each."""
    return torch.cat(signals, dim=2)


CURRENTS: Final[dict[str, Currents]] = {
    "linear": linear,
    "conv": conv,
    "sum_pool": sum_pool,
    "avg_pool": avg_pool,
    "max_pool": max_pool,
    "add": add,
    "concat": concat,
}
