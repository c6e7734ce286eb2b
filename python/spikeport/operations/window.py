"""The window of a convolution and of a pool: on each axis, where tap q of output place p reads.

at(p, q) = p·stride + q·dilation - padding
o        = floor((n + 2·padding - dilation·(kernel - 1) - 1)/stride) + 1
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.errors import GraphError
from spikeport.operations.operation import Shape

Array = npt.NDArray[Any]
PerAxis = int | tuple[int, ...]
LARGEST = 65535


@dataclass(frozen=True)
class Window:
    """The geometry of a window over one or two axes; each part has one whole number for each axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @classmethod
    def of(cls, kernel: tuple[int, ...], *, stride: PerAxis, padding: PerAxis, dilation: PerAxis = 1) -> Window:
        """Check the parts, one number for all axes or one for each, or raise `GraphError` ``shape``."""
        if len(kernel) not in (1, 2):
            raise GraphError("shape", f"a window has one or two axes, not {len(kernel)}")
        given = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
        return cls(**{name: _per_axis(name, value, len(kernel)) for name, value in given.items()})

    def places(self, sizes: Shape) -> Shape:
        """Return how many places the window has along axes of these sizes; raise `GraphError` where there is none."""
        if len(sizes) != len(self.kernel):
            raise GraphError("shape", f"a window over {len(self.kernel)} axes does not fit a signal over {len(sizes)}")
        axes = zip(sizes, self.padding, self.dilation, self.kernel, strict=True)
        free = [n + 2 * p - d * (k - 1) - 1 for n, p, d, k in axes]
        if min(free) < 0:
            raise GraphError("shape", f"a window of {self.kernel} is larger than its input of {sizes} with padding")
        return tuple(room // stride + 1 for room, stride in zip(free, self.stride, strict=True))

    def taps(self) -> Iterator[tuple[int, ...]]:
        """Yield the places of the window, in ascending order of the flat index that they read."""
        return itertools.product(*map(range, self.kernel))

    def padded(self, signal: Array, outside: float = 0) -> Array:
        """Return a signal (…, channels, n…) with its padding, filled with ``outside``."""
        if not any(self.padding):
            return signal
        still = [(0, 0)] * (signal.ndim - len(self.padding))
        return np.pad(signal, [*still, *((p, p) for p in self.padding)], constant_values=outside)

    def read(self, padded: Array, tap: tuple[int, ...]) -> Array:
        """Return what one tap reads at every place: a view of a padded signal, shape (…, channels, o…)."""
        sizes = padded.shape[padded.ndim - len(tap) :]
        cuts: list[Any] = [...]
        for n, q, d, k, stride in zip(sizes, tap, self.dilation, self.kernel, self.stride, strict=True):
            last = n - d * (k - 1) + q * d  # the window's own last place, whichever tap this is
            cuts.append(slice(q * d, last, stride))
        view: Array = padded[tuple(cuts)]
        return view


def _per_axis(name: str, value: Any, axes: int) -> tuple[int, ...]:
    numbers = tuple(value) if isinstance(value, tuple | list | np.ndarray) else (value,) * axes
    least = 0 if name == "padding" else 1
    if len(numbers) != axes or not all(is_whole(n) and least <= n <= LARGEST for n in numbers):
        raise GraphError(
            "shape", f"{name} {value!r}: give a whole number from {least} on, or one for each of {axes} axes"
        )
    return tuple(int(n) for n in numbers)
