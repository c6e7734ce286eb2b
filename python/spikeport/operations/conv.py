"""The convolution, over one axis or two.

    I[c, p] = (Σ_{d, q} W[c, d, q]·x[g·(C/groups) + d, at(p, q)]) + b[c];    g = floor(c·groups/out)

with d, then q ascending from +0, which is the order of the flat index that a term reads, and the bias last. So it has
the bits of the linear layer that does the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.errors import GraphError
from spikeport.operations.operation import Attributes, Operation, Shape, only
from spikeport.operations.weighted import Weighted, summed
from spikeport.operations.window import PerAxis, Window

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Conv(Weighted):
    """``I[c, p] = (Σ_{d, q} W[c, d, q]·x[d, p·stride + q·dilation - padding]) + b[c]``, d within the group of c.

    Attributes
    ----------
    weight : W, shape (out, C/groups, kernel) or (out, C/groups, rows, columns), float32, float64, int8 or int16; held,
        not copied
    bias : b, shape (out,), of the weight's type, int32 beside weights of integers, or None
    stride, padding, dilation : one whole number, or one for each axis; the padding is zeros on both sides
    groups : into how many parts, which do not see each other, the channels are split

    Raises `GraphError` ``shape`` for a geometry that cannot be.
    """

    kind: ClassVar[str] = "conv"

    weight: Array
    bias: Array | None = None
    stride: PerAxis = 1
    padding: PerAxis = 0
    dilation: PerAxis = 1
    groups: int = 1
    window: Window = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shape = np.shape(self.weight)
        if len(shape) not in (3, 4) or min(shape) < 1:
            raise GraphError("shape", f"a convolution's weights have shape {shape}: give (out, in/groups, kernel…)")
        if not is_whole(self.groups) or not 1 <= self.groups <= shape[0] or shape[0] % self.groups:
            raise GraphError("shape", f"groups {self.groups!r} does not divide {shape[0]} channels")
        window = Window.of(shape[2:], stride=self.stride, padding=self.padding, dilation=self.dilation)
        object.__setattr__(self, "groups", int(self.groups))
        for name in ("stride", "padding", "dilation"):
            object.__setattr__(self, name, getattr(window, name))
        object.__setattr__(self, "window", window)

    @property
    def matrix(self) -> Array:
        """Shape (groups, out/groups, C/groups·kernel): each row is a channel's sum."""
        out = len(self.weight)
        return self.weight.reshape(self.groups, out // self.groups, self.weight.size // out)

    def patches(self, signal: Array) -> Iterator[Array]:
        """Yield what each channel of a group, each tap of the window reads, at all places."""
        T, B, C, *sizes = signal.shape
        padded = self.window.padded(signal).reshape(T, B, self.groups, C // self.groups, *self._padded(sizes))
        for d in range(C // self.groups):
            for tap in self.window.taps():
                yield self.window.read(padded[:, :, :, d], tap).reshape(T, B, self.groups, -1)

    def fan_out(self, shape: Shape) -> Array:
        """Return how many weights that are not 0 read each value of a signal of this shape."""
        share, (channels, *sizes) = self.weight.shape[1], shape
        readers = np.zeros((1, 1, self.groups, share, *self._padded(list(sizes))), np.int64)
        set_ = np.count_nonzero(self.weight.reshape(self.groups, -1, *self.weight.shape[1:]), axis=1)
        for d in range(share):
            for tap in self.window.taps():
                view = self.window.read(readers[:, :, :, d], tap)
                place = (slice(None), d, *tap)
                view += set_[place].reshape(1, 1, self.groups, *(1,) * len(sizes))
        inside = (slice(None), *(slice(p, p + n) for p, n in zip(self.window.padding, sizes, strict=True)))
        return readers.reshape(channels, *readers.shape[4:])[inside]

    def _padded(self, sizes: list[int]) -> list[int]:
        return [n + 2 * p for n, p in zip(sizes, self.window.padding, strict=True)]

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return (out, places…), or raise `GraphError` where the channels or the window do not fit."""
        shape = only(self.kind, inputs)
        places = self.window.places(shape[1:])
        if shape[0] != self.groups * self.weight.shape[1]:
            taken = self.groups * self.weight.shape[1]
            raise GraphError("shape", f"a signal of {shape[0]} channels feeds a convolution that takes {taken}")
        return (self.n_outputs, *places)

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Return the currents of shape (T, batch, out, places…)."""
        (signal,) = signals
        shape = self.output_shape(signal.shape[2:])
        if not math.prod(signal.shape[:2]):
            return np.zeros((*signal.shape[:2], *shape), self.element)
        return summed(self, signal).reshape(*signal.shape[:2], *shape)

    def with_arrays(self, arrays: dict[str, Array]) -> Operation:
        """Return the operation with this weight and bias."""
        geometry = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        return Conv(arrays["weight"], arrays.get("bias"), **geometry, groups=self.groups)

    def attributes(self) -> Attributes:
        """Return the geometry: kernel, stride, padding, dilation, groups."""
        window = self.window
        per_axis = {"kernel": window.kernel, "stride": window.stride, "padding": window.padding}
        return {**per_axis, "dilation": window.dilation, "groups": self.groups}

    def check(self, name: str) -> None:
        """Raise `GraphError` unless shapes and types of weight and bias fit."""
        self._check_arrays(name)
