"""Sum and average of a window, channel by channel.

    sum:      I[c, p] = Σ_q x[c, at(p, q)]          q ascending from +0
    average:  I[c, p] = (Σ_q x[c, at(p, q)])/(number of places of the window)

Places in the padding count, as zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.operations.operation import Attributes, Operation, Shape, only, type_of
from spikeport.operations.window import PerAxis, Window

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pool(Operation):
    """A window over each channel by itself.

    Attributes
    ----------
    kernel : (n,) or (rows, columns); one number is a square window over two axes
    stride : one whole number, or one for each axis; None for the kernel's
    padding : the same, below the kernel, so that every window has a place inside

    Raises `GraphError` ``shape`` for a geometry that cannot be.
    """

    kernel: PerAxis
    stride: PerAxis | None = None
    padding: PerAxis = 0
    window: Window = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kernel = tuple(self.kernel) if isinstance(self.kernel, tuple | list) else (self.kernel, self.kernel)
        window = Window.of(kernel, stride=kernel if self.stride is None else self.stride, padding=self.padding)
        if any(p >= k for p, k in zip(window.padding, window.kernel, strict=True)):
            raise GraphError("shape", f"padding {window.padding} is not below the kernel {window.kernel} of a pool")
        for name in ("kernel", "stride", "padding"):
            object.__setattr__(self, name, getattr(window, name))
        object.__setattr__(self, "window", window)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return (C, places…), or raise `GraphError` where the window does not fit."""
        shape = only(self.kind, inputs)
        return (shape[0], *self.window.places(shape[1:]))

    def attributes(self) -> Attributes:
        """Return the geometry: kernel, stride, padding."""
        return {name: getattr(self.window, name) for name in ("kernel", "stride", "padding")}


class SumPool(Pool):
    """``I[c, p] = Σ_q x[c, p·stride + q - padding]``, q ascending from +0."""

    kind: ClassVar[str] = "sum_pool"

    def bound(self, *largest: float) -> float:
        """Return ``m`` times the number of places of the window."""
        (m,) = largest
        return math.prod(self.window.kernel) * m

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Return the sums, shape (T, batch, C, places…)."""
        (signal,) = signals
        shape, padded = self.output_shape(signal.shape[2:]), self.window.padded(signal)
        total = np.zeros((*signal.shape[:2], *shape), type_of(signals, dtype))
        for tap in self.window.taps():
            total += self.window.read(padded, tap)
        return total


class AvgPool(SumPool):
    """``I[c, p] = (Σ_q x[c, p·stride + q - padding])/(places of the window)``: the sum, then one division."""

    kind: ClassVar[str] = "avg_pool"

    def bound(self, *largest: float) -> float:
        """Raise `GraphError` ``operation``: an average of integers is none."""
        raise GraphError(
            "operation", "avg_pool divides, and integers are not divided: take sum_pool, and weights behind it / places"
        )

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Return the averages, shape (T, batch, C, places…); raises as `bound` for integers."""
        if type_of(signals, dtype) == np.int32:
            self.bound(0)
        total = super().currents(*signals, dtype=dtype)
        average: Array = total / total.dtype.type(math.prod(self.window.kernel))
        return average
