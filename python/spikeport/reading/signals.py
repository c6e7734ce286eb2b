"""What stands for a tensor while a model is read: values of a node, perhaps in another order.

Views, slices, padding with zeros, transpositions and the like compute nothing: every value of the result is a value of
what went in, or a zero. So they are carried as an index, found by running the same call on the numbers 1, 2, 3, …
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeport.operations import Shape

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Signal:
    """Values of the node ``source``, of shape ``held`` there.

    Attributes
    ----------
    index : of the signal's shape: which value of the node, in C order, stands at each place; -1 for a zero. None where
        it is the node's signal as it is
    """

    source: str
    held: Shape
    index: Index | None = None

    @property
    def shape(self) -> Shape:
        """Of one sample."""
        return self.held if self.index is None else self.index.shape

    @property
    def size(self) -> int:
        """How many values a sample has."""
        return math.prod(self.shape)

    @property
    def places(self) -> Index:
        """The index, also where it is that of the node."""
        return np.arange(math.prod(self.held)).reshape(self.held) if self.index is None else self.index

    @property
    def is_flat(self) -> bool:
        """Whether it is the node's signal, whole and in its order, in whatever shape."""
        return self.index is None or (
            self.size == math.prod(self.held) and bool((self.index.ravel() == np.arange(self.size)).all())
        )

    def at(self, index: Index) -> Signal:
        """Return the signal with another index into the same node."""
        new = Signal(self.source, self.held, index)
        return Signal(self.source, self.held) if index.shape == self.held and new.is_flat else new

    def rearranged(self, batch: int, call: Callable[[Tensor], Any]) -> Signal | list[Signal] | None:
        """Return what ``call`` makes of the signal for ``batch`` samples, or None where it mixes samples or values.

        It is called on the numbers of the values and on their squares: what only puts them elsewhere gives the squares
        of what it gave, and no mean of different ones does.
        """
        places = self.places
        numbers = torch.arange(1, batch * self.size + 1, dtype=torch.float64).reshape(batch, *places.shape)
        result, squares = call(numbers), call(numbers**2)
        if isinstance(result, tuple | list):
            parts = [self._read(*pair, places) for pair in zip(result, squares, strict=True)]
            return None if any(part is None for part in parts) else [part for part in parts if part is not None]
        return self._read(result, squares, places)

    def _read(self, result: Tensor, squares: Tensor, places: Index) -> Signal | None:
        if result.dim() < 2 or not torch.equal(result**2, squares):
            return None
        numbers = result.numpy().astype(np.int64) - 1
        first = numbers[0]
        for k, sample in enumerate(numbers):
            if not np.array_equal(np.where(sample >= 0, sample - k * self.size, -1), first):
                return None
        if first.max(initial=-1) >= self.size:
            return None
        return self.at(np.where(first >= 0, places.ravel()[np.maximum(first, 0)], -1))


@dataclass(frozen=True)
class Arrangement:
    """An index over channels and pixels that factors: which channel, and on each axis ``place*stride + offset``.

    Attributes
    ----------
    channels : for each channel of the result the node's channel, -1 for zeros
    offset, stride : on each axis behind the first
    """

    channels: Index
    offset: tuple[int, ...]
    stride: tuple[int, ...]


def arrangement(signal: Signal) -> Arrangement | None:
    """Return how a signal of an image is picked and padded, or None where that is no such arrangement."""
    places, held = signal.places, signal.held
    if len(places.shape) != len(held) or len(held) < 2:
        return None
    coordinates = np.unravel_index(np.maximum(places, 0), held)
    live = places >= 0
    channels = np.full(len(places), -1)
    for c in range(len(places)):
        found = np.unique(coordinates[0][c][live[c]])
        if len(found) > 1:
            return None
        channels[c] = found[0] if len(found) else -1
    offsets, strides = [], []
    for axis in range(1, len(held)):
        fitted = _fitted(np.moveaxis(coordinates[axis], axis, -1), np.moveaxis(live, axis, -1))
        if fitted is None:
            return None
        offsets.append(fitted[0])
        strides.append(fitted[1])
    found_arrangement = Arrangement(channels, tuple(offsets), tuple(strides))
    return found_arrangement if np.array_equal(arranged(found_arrangement, held, places.shape), places) else None


def arranged(how: Arrangement, held: Shape, shape: Shape) -> Index:
    """Return the index of shape ``shape`` into a node of shape ``held`` that an arrangement stands for."""
    axes = [how.channels]
    axes += [np.arange(n) * s + o for n, s, o in zip(shape[1:], how.stride, how.offset, strict=True)]
    axes = [np.where((axis >= 0) & (axis < n), axis, -1) for axis, n in zip(axes, held, strict=True)]
    grid = np.meshgrid(*axes, indexing="ij")
    flat = np.ravel_multi_index([np.maximum(part, 0) for part in grid], held)
    return np.where(np.min(grid, axis=0) >= 0, flat, -1)


def live_box(signal: Signal) -> tuple[slice, ...] | None:
    """Return the part of an image outside which a signal is zero, or None where that is all of it, or nothing."""
    live = signal.places >= 0
    box = [slice(None)]
    for axis in range(1, live.ndim):
        (at,) = live.any(tuple(k for k in range(live.ndim) if k != axis)).nonzero()
        if not len(at):
            return None
        box.append(slice(int(at[0]), int(at[-1]) + 1))
    part = signal.places[tuple(box)]
    return tuple(box) if part.ndim > 1 and part.shape != signal.shape else None


def _fitted(coordinates: Index, live: npt.NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return offset and stride with which the last axis of a result walks along its node's."""
    rows = live.reshape(-1, live.shape[-1])
    full = rows.sum(1)
    if not full.any():
        return 0, 1
    row = int(full.argmax())
    (at,) = rows[row].nonzero()
    values = coordinates.reshape(-1, live.shape[-1])[row][at]
    stride = int(values[1] - values[0]) if len(at) > 1 else 1
    return (int(values[0]) - int(at[0]) * stride, stride) if stride > 0 else None


def spread(weight: npt.NDArray[Any], signal: Signal) -> npt.NDArray[Any]:
    """Return the columns of a matrix for the node itself, where they are given for a signal that rearranges it."""
    index = signal.places.ravel()
    if signal.is_flat:
        return weight
    columns = np.zeros((len(weight), math.prod(signal.held)), np.float64)
    for column, place in enumerate(index):
        if place >= 0:
            columns[:, place] += weight[:, column]
    return columns.astype(weight.dtype)
