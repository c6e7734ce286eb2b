"""What a whole number at the input stands for: ``x = step·p + offset``, the same for all values or channel by channel.

A picture whose channels were each normalised, ``(pixel/255 - mean)/deviation``, lies on such a grid in each of them.
`spikeport.integers.inputs.grids` finds it in data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers
from spikeport.errors import GraphError

Array = npt.NDArray[Any]
PerChannel = float | tuple[float, ...]
"""One number, or one for each entry of the input's first axis."""

NEAR: Final = 1e-4
"""Of a step: how far a multiple may lie from a whole number; float32 puts 254.99998 for 255."""


@dataclass(frozen=True)
class InputStep:
    """The step of the input.

    Attributes
    ----------
    step : what 1 stands for; or one for each entry of the input's first axis, such as each channel of an image
    largest : the largest whole number, without its sign, that the network is made for
    exact : whether the data that it was found on lie on whole numbers
    offset : what 0 stands for, one number or as many as ``step`` has

    Raises `GraphError` ``input_step`` for a step that is not above 0, an offset that is not finite, or more of one than
    of the other.
    """

    step: PerChannel
    largest: int
    exact: bool = False
    offset: PerChannel = 0.0

    def __post_init__(self) -> None:
        for name in ("step", "offset"):
            object.__setattr__(self, name, one_or_each(getattr(self, name)))
        steps, offsets = np.atleast_1d(self.step), np.atleast_1d(self.offset)
        right = np.isfinite(steps).all() and (steps > 0).all() and np.isfinite(offsets).all()
        if not right or min(len(steps), len(offsets)) not in (1, max(len(steps), len(offsets))):
            raise GraphError(
                "input_step",
                f"step {self.step!r} and offset {self.offset!r} are no grid: give steps above 0, finite offsets, one "
                "for all or one for each channel",
            )

    def whole(self, x: npt.ArrayLike) -> Array:
        """Return real inputs as whole numbers, int32: ``(x - offset)/step``, rounded to nearest.

        ``x`` is of any shape where one step is for all; else (samples, *input_shape), or flat. Raises `GraphError`
        ``shape`` where it is not, ``non_finite`` for NaN and infinity, ``overflow`` for what is no number of 32 bits
        then.
        """
        values = np.rint(self._in_steps(x))
        if not np.isfinite(values).all():
            raise GraphError("non_finite", "inputs hold NaN or infinity: take those samples out")
        if np.abs(values).max(initial=0) > 2**31 - 1:
            raise GraphError("overflow", f"inputs go beyond {2**31 - 1} steps of {self.said}: give them in its units")
        whole: Array = values.astype(np.int32)
        return whole

    def off(self, x: npt.ArrayLike) -> float:
        """Return how far inputs lie from whole numbers, at most, in steps: 0 to 1/2."""
        values = self._in_steps(x)
        return float(np.abs(values - np.rint(values)).max(initial=0))

    @property
    def said(self) -> str:
        """The step in words: "0.25", "0.25, from 0.1", "0.25 to 0.5, channel by channel"."""
        steps, offsets = np.atleast_1d(self.step), np.atleast_1d(self.offset)
        if max(len(steps), len(offsets)) == 1:
            return f"{steps[0]:g}" + (f", from {offsets[0]:g}" if offsets[0] else "")
        span = f"{steps.min():g}" + (f" to {steps.max():g}" if steps.max() > steps.min() else "")
        return f"{span}, channel by channel" + (", each from an offset of its own" if offsets.any() else "")

    def steps(self, channels: int) -> Array:
        """Return the step of each channel, float64."""
        return np.broadcast_to(np.asarray(self.step, np.float64), channels)

    def offsets(self, channels: int) -> Array:
        """Return the offset of each channel, float64."""
        return np.broadcast_to(np.asarray(self.offset, np.float64), channels)

    def _in_steps(self, x: npt.ArrayLike) -> Array:
        values = as_numbers("inputs", x, GraphError)
        channels = max(np.size(self.step), np.size(self.offset))
        if channels == 1:
            return np.asarray((values - np.float64(np.squeeze(self.offset))) / np.float64(np.squeeze(self.step)))
        if values.ndim < 2 or (values.size // max(1, len(values))) % channels or not values.size:
            raise GraphError(
                "shape", f"inputs have shape {values.shape}: give (samples, {channels}, …), or flat, a step for each"
            )
        each = values.reshape(len(values), channels, -1)
        found = (each - self.offsets(channels)[:, None]) / self.steps(channels)[:, None]
        return np.asarray(found.reshape(values.shape))


def one_or_each(values: float | Sequence[float]) -> PerChannel:
    """Return a number, or a tuple of them where there are several."""
    if isinstance(values, int | float):
        return float(values)
    listed = [float(value) for value in np.ravel(values)]
    return listed[0] if len(set(listed)) == 1 else tuple(listed)
