"""What numbers may become: the bits of a weight, and what no membrane and no current may pass (SPEC.md, 2.1 and 2.3).

start and threshold + T·P <= 2^31 - 1,      P the largest current of a node, for what it reads at most
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MOST: Final = 2**31 - 1

LARGEST_THRESHOLD: Final = 2**24
"""A threshold needs no more: single precision still tells such numbers apart."""


@dataclass(frozen=True)
class Budget:
    """What a network is made for.

    Attributes
    ----------
    bits : of a weight, 8 or 16
    timesteps : the longest run that is sure not to overflow
    """

    bits: int
    timesteps: int

    @property
    def largest_weight(self) -> int:
        """The largest weight, without its sign: the range is the same on both sides."""
        return int(2 ** (self.bits - 1) - 1)

    @property
    def weight_type(self) -> Any:
        """int8 or int16."""
        return np.int8 if self.bits == 8 else np.int16

    @property
    def largest_current(self) -> int:
        """What a node may pass on in one step, at most: the sum of a run holds it so many times."""
        return MOST // max(1, self.timesteps)


def within(budget: Budget, reach: Array, height: Array, scale: Array) -> Array:
    """Return the scales, (rows,), or smaller ones, with which currents and thresholds stay inside the bounds.

    Parameters
    ----------
    reach : the largest current of each row, real, for what it reads at most
    height : the largest of its thresholds, starts and resets, real; 0 without neurons
    scale : whole numbers for 1, as the weights allow; may be infinite
    """
    scale = np.minimum.reduce([scale, _share(LARGEST_THRESHOLD, height), _share(budget.largest_current, reach)])
    scale = np.where(np.isfinite(scale), scale, 1.0)
    currents, heights = (budget.timesteps * reach * scale).max(initial=0), (height * scale).max(initial=0)
    if currents + heights <= MOST:
        return scale
    for_heights = min(heights, MOST / 2)
    return np.asarray(
        np.minimum.reduce([scale, _share(MOST - for_heights, budget.timesteps * reach), _share(for_heights, height)])
    )


def _share(most: float, each: Array) -> Array:
    return np.asarray(np.divide(most, each, out=np.full(len(each), np.inf), where=each > 0))
