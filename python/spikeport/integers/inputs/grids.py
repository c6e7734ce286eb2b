"""The grid that data lie on, if any: a step for all values, a step and an offset for all, or for each channel.

Where data lie on whole numbers of at most 8 bits, as pixels do, normalised or not, the input is exact. Else the step is
such that the largest value fits the bits, and what rounding does to the input is measured with the rest.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.integers.inputs.step import NEAR, InputStep, PerChannel

Array = npt.NDArray[Any]

LEVELS: Final = 255
"""Of an 8-bit image, beside 0: multiples are looked for up to so many."""

HEADROOM: Final = 1.25
"""How far beyond the largest value on the data an input may go that is no image."""


class Grid(NamedTuple):
    """Where values lie: ``step·p + offset`` with the whole numbers ``p`` from ``low`` to ``high``."""

    step: float
    offset: float
    low: int
    high: int

    @property
    def largest(self) -> int:
        """The largest number, with room for as many levels as so many bits have, on either side."""
        levels = self.high - self.low
        spare = int(2 ** levels.bit_length()) - 1 - levels
        return max(abs(self.low - spare), abs(self.high + spare))


def exact_step(data: Array) -> InputStep | None:
    """Return the step that all data are multiples of, in at most `LEVELS` levels; None where there is none."""
    sizes = np.unique(np.abs(data).astype(np.float64))
    if len(sizes) > LEVELS + 1:
        return None
    if not (most := sizes[-1]):
        return InputStep(1.0, 1, exact=True)
    count = _levels(sizes / most)
    return None if count is None else InputStep(float(most) / count, 2 ** count.bit_length() - 1, exact=True)


def moved_step(data: Array) -> InputStep | None:
    """Return the step and offset that all data (samples, *input_shape) lie on; None where there are none.

    They are the same for all values; or those of each channel, where the input is an image, or a row of vectors: a
    single feature would have too few values to say so.
    """
    grids = [_grid(data)]
    if grids[0] is None and data.ndim > 2:
        grids = [_grid(data[:, channel]) for channel in range(data.shape[1])]
    found = [grid for grid in grids if grid is not None]
    if len(found) < len(grids):
        return None
    steps, offsets = tuple(grid.step for grid in found), tuple(grid.offset for grid in found)
    return InputStep(steps, max(grid.largest for grid in found), exact=True, offset=offsets)


def measured_step(data: Array, largest: float) -> InputStep:
    """Return the step with which the data come to ``largest`` at most, with room for values beyond them."""
    most = float(np.abs(data).max())
    return InputStep(most / largest, math.ceil(HEADROOM * largest))


def with_room(step: PerChannel, offset: PerChannel, data: Array | None, largest: int | None) -> InputStep:
    """Return a step that is given, with the largest number that is given, or that the data have, and room beyond it."""
    if data is None:
        assert largest is not None  # asked for by the caller
        return InputStep(step, int(largest), offset=offset)
    given = InputStep(step, 1, offset=offset)
    exact = given.off(data) <= NEAR
    most = int(np.abs(given.whole(data)).max()) or 1
    room = 2 ** most.bit_length() - 1 if exact else math.ceil(HEADROOM * most)
    return InputStep(step, room if largest is None else int(largest), exact, offset)


def _grid(data: Array) -> Grid | None:
    """Return the grid of at most `LEVELS` levels whose numbers are as small as its step allows."""
    values = np.unique(data.astype(np.float64))
    if not 2 <= len(values) <= LEVELS + 1:
        return None
    span = values[-1] - values[0]
    if (count := _levels((values - values[0]) / span)) is None:
        return None
    step = float(span) / count
    low = round(values[0] / step)
    offset = float(values[0]) - low * step
    return Grid(step, 0.0 if abs(offset) <= NEAR * step else offset, low, low + count)


def _levels(shares: Array) -> int | None:
    """Return the fewest levels, up to `LEVELS`, with which shares of the largest value are whole; None for none."""
    levels = np.arange(1, LEVELS + 1)
    multiples = shares[:, None] * levels
    (fits,) = np.nonzero((np.abs(multiples - np.rint(multiples)) <= NEAR).all(axis=0))
    return int(levels[fits[0]]) if len(fits) else None
