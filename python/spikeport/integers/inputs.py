"""What a whole number at the input stands for: ``x = step·p``.

Where all data are multiples of one step, with numbers of at most 8 bits, as pixels are, the input is exact. Else the
step is such that the largest value fits the bits, and what rounding does to the input is measured with the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers
from spikeport.errors import GraphError

Array = npt.NDArray[Any]

LEVELS: Final = 255
"""Of an 8-bit image, beside 0: multiples are looked for up to so many."""

NEAR: Final = 1e-4
"""Of a step: how far a multiple may lie from a whole number; float32 puts 254.99998 for 255."""

HEADROOM: Final = 1.25
"""How far beyond the largest value on the data an input may go that is no image."""


@dataclass(frozen=True)
class InputStep:
    """The step of the input.

    Attributes
    ----------
    step : what 1 stands for
    largest : the largest whole number, without its sign, that the network is made for
    exact : whether the data that it was found on are multiples of it
    """

    step: float
    largest: int
    exact: bool = False

    def whole(self, x: npt.ArrayLike) -> Array:
        """Return real inputs as whole numbers, int32: ``x/step``, rounded to nearest.

        Raises `GraphError` ``non_finite`` for NaN and infinity, ``overflow`` for what is no number of 32 bits then.
        """
        values = np.rint(as_numbers("inputs", x, GraphError) / np.float64(self.step))
        if not np.isfinite(values).all():
            raise GraphError("non_finite", "inputs hold NaN or infinity: take those samples out")
        if np.abs(values).max(initial=0) > 2**31 - 1:
            raise GraphError("overflow", f"inputs go beyond {2**31 - 1} steps of {self.step:g}: give them in its units")
        whole: Array = values.astype(np.int32)
        return whole

    def off(self, x: npt.ArrayLike) -> float:
        """Return how far inputs lie from whole numbers, at most, in steps: 0 to 1/2."""
        values = as_numbers("inputs", x, GraphError) / np.float64(self.step)
        return float(np.abs(values - np.rint(values)).max(initial=0))


def exact_step(data: Array) -> InputStep | None:
    """Return the step that all data are multiples of, in at most `LEVELS` levels; None where there is none."""
    sizes = np.unique(np.abs(data).astype(np.float64))
    if len(sizes) > LEVELS + 1:
        return None
    if not (most := sizes[-1]):
        return InputStep(1.0, 1, exact=True)
    levels = np.arange(1, LEVELS + 1)
    multiples = sizes[:, None] / most * levels
    (fits,) = np.nonzero((np.abs(multiples - np.rint(multiples)) <= NEAR).all(axis=0))
    if not len(fits):
        return None
    count = int(levels[fits[0]])
    return InputStep(float(most) / count, 2 ** count.bit_length() - 1, exact=True)


def measured_step(data: Array, largest: float) -> InputStep:
    """Return the step with which the data come to ``largest`` at most, with room for values beyond them."""
    most = float(np.abs(data).max())
    return InputStep(most / largest, math.ceil(HEADROOM * largest))


def with_room(step: float, data: Array | None, largest: int | None) -> InputStep:
    """Return a step that is given, with the largest number that is given, or that the data have, and room beyond it."""
    if data is None:
        assert largest is not None  # asked for by the caller
        return InputStep(step, int(largest))
    exact = InputStep(step, 1).off(data) <= NEAR
    most = int(np.abs(np.rint(data / step)).max()) or 1
    room = 2 ** most.bit_length() - 1 if exact else math.ceil(HEADROOM * most)
    return InputStep(step, room if largest is None else int(largest), exact)
