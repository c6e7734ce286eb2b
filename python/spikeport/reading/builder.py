"""The nodes of a network while it is read, and how a signal becomes one that a node can read."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeport.errors import ConversionError
from spikeport.kernels import INPUT
from spikeport.operations import Conv, Linear, Operation, Shape, SumPool
from spikeport.operations.operation import Attributes
from spikeport.reading.network import Activation, ReadNode
from spikeport.reading.signals import Signal, arrangement, live_box, spread

Array = npt.NDArray[Any]

LARGEST_PICK = 1 << 24
"""Weights of a matrix of 0 and 1 that puts values in another order."""


@dataclass(frozen=True, eq=False)
class Affine(Operation):
    """``I = scale·x + shift``, one of each for every entry of the first axis; becomes part of what stands beside it."""

    kind = "affine"
    scale: Array
    shift: Array

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape it reads."""
        return inputs[0]

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Never run: it is folded away before."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Through(Operation):
    """``I = x``, perhaps in another shape: a place for an activation, or a reshape of a whole signal."""

    kind = "through"
    shape: Shape

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return its shape."""
        return self.shape

    def attributes(self) -> Attributes:
        """Return nothing."""
        return {}

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Never run: it becomes an operation before."""
        raise NotImplementedError


@dataclass
class Place:
    """Where a call stands: the path of its module, and that with the line of code, for messages."""

    path: str
    text: str

    def refuse(self, what: str) -> ConversionError:
        """Return the error for what cannot be converted."""
        return ConversionError("unsupported_module", f"{self.text} cannot be converted: {what}")


@dataclass
class Builder:
    """Gathers nodes.

    Attributes
    ----------
    dtype : of the arrays of all nodes
    batch, input_shape : of the sample that the model was followed on
    """

    dtype: Any
    batch: int
    input_shape: Shape
    nodes: dict[str, ReadNode] = field(default_factory=dict)
    weighted: int = 0

    def add(self, place: Place, operation: Operation, *signals: Signal, shape: Shape, own_name: bool = False) -> Signal:
        """Add a node that reads ``signals``, and return what it passes on.

        One with a name of its own is called as its module, others as the operation in their module.
        """
        name = place.path if own_name and place.path else ".".join(filter(None, [place.path, operation.kind]))
        if own_name and name.rpartition(".")[2].isdecimal() and "." not in name:
            name = f"layer_{self.weighted}"
        self.weighted += own_name
        name = next(n for n in itertools.chain([name], (f"{name}_{k}" for k in itertools.count(1))) if self.is_free(n))
        self.nodes[name] = ReadNode(name, operation, tuple(s.source for s in signals), shape, place=place.text)
        return Signal(name, shape)

    def is_free(self, name: str) -> bool:
        """Whether no node is called so."""
        return name not in self.nodes and name != "input"

    def array(self, tensor: Tensor | Array | float) -> Array:
        """Return values in the type of all nodes, as an array of its own."""
        if isinstance(tensor, Tensor):
            tensor = tensor.detach().cpu().double().numpy()
        return np.array(tensor, self.dtype)

    def activated(self, place: Place, signal: Signal, activation: Activation) -> Signal:
        """Return ``signal`` behind an activation; one that works value by value does not mind their order."""
        node = self.add(place, Through(signal.held), Signal(signal.source, signal.held), shape=signal.held)
        self.nodes[node.source].activation = activation
        return Signal(node.source, signal.held, signal.index)

    def affine(self, place: Place, signal: Signal, scale: Array, shift: Array) -> Signal:
        """Return ``scale·signal + shift``, each with one entry, or one for each entry of the first axis."""
        signal = self.plain(place, signal)
        wide = [np.broadcast_to(np.asarray(part, np.float64), (signal.shape[0],)) for part in (scale, shift)]
        if (wide[0] == 1).all() and not wide[1].any():
            return signal
        return self.add(place, Affine(*wide), signal, shape=signal.shape)

    def plain(self, place: Place, signal: Signal) -> Signal:
        """Return a signal whose values a node holds as they are: rearranging it becomes a convolution of 0 and 1."""
        if signal.source == INPUT and signal.is_flat and signal.shape != self.input_shape:
            if not any(INPUT in node.inputs for node in self.nodes.values()):
                self.input_shape = signal.shape  # samples are taken in whatever shape
            signal = Signal(INPUT, self.input_shape, signal.places)
            signal = signal.at(signal.places)
        if signal.index is None:
            return signal
        if signal.is_flat and len(signal.shape) == 1:
            return self.add(place, Through(signal.shape), Signal(signal.source, signal.held), shape=signal.shape)
        how = arrangement(signal)
        if how is None and len(signal.shape) == 1 and signal.size * math.prod(signal.held) <= LARGEST_PICK:
            picked = Linear(spread(np.eye(signal.size, dtype=self.dtype), signal))
            return self.add(place, picked, Signal(signal.source, signal.held), shape=signal.shape)
        cut = live_box(signal) if how is None else None
        if cut is not None:  # what is cut off first, and has zeros in its place then
            inner = self.plain(place, signal.at(signal.places[cut]))
            index = np.full(signal.shape, -1)
            index[cut] = np.arange(inner.size).reshape(inner.shape)
            return self.plain(place, inner.at(index))
        if how is None:
            raise place.refuse(
                "its values come in an order, or from a shape, that no convolution reads: only channels and evenly "
                "spaced pixels can be picked, and what is repeated (an image enlarged by interpolate or nn.Upsample) "
                "or put in another order must feed a Linear layer"
            )
        axes = [
            _window(n, length, offset, stride)
            for n, length, offset, stride in zip(signal.held[1:], signal.shape[1:], how.offset, how.stride, strict=True)
        ]
        kernel, padding, tap = (tuple(axis[k] for axis in axes) for k in range(3))
        own = np.array_equal(how.channels, np.arange(signal.held[0]))
        weight = np.zeros((len(how.channels), 1 if own else signal.held[0], *kernel), self.dtype)
        for out, channel in enumerate(how.channels):
            if channel >= 0:
                at: tuple[int, ...] = (out, 0 if own else int(channel), *tap)
                weight[at] = 1
        groups = signal.held[0] if own else 1
        conv = Conv(weight, None, how.stride, padding, groups=groups)
        return self.add(place, conv, Signal(signal.source, signal.held), shape=signal.shape)

    def lowered(self, node: ReadNode, held: Shape) -> Operation:
        """Return the operation of a spiking network that stands for an `Affine` or a `Through`."""
        operation, ones = node.operation, (1,) * (len(held) - 1)
        if isinstance(operation, Affine):
            shift = self.array(operation.shift) if operation.shift.any() else None
            if not ones:
                return Linear(self.array(np.diag(operation.scale)), shift)
            return Conv(self.array(operation.scale.reshape(-1, 1, *ones)), shift, groups=held[0])
        if isinstance(operation, Through):
            if held == operation.shape and ones:
                return SumPool(ones)
            return Linear(np.eye(math.prod(held), dtype=self.dtype))
        return operation


def _window(n: int, length: int, offset: int, stride: int) -> tuple[int, int, int]:
    """Return kernel, padding and tap of a window with one 1 that reads ``place*stride + offset``, ``length`` times."""
    padding = max(0, -offset)
    while True:
        kernel = n + 2 * padding - (length - 1) * stride
        tap = offset + padding
        if tap < kernel and kernel >= 1:
            return kernel, padding, tap
        padding += 1
