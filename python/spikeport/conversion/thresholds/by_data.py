"""θ by data: where rounding to the rates that a neuron can have, and clipping at θ, lose least.

    θ = argmin over θ' in {0.02, 0.04, … 1}·max a of E[(θ'/N·clip(floor(a·N/θ' + 1/2), 0, N) - a)²]

with N the largest count, the number of steps times the spikes of one step. With few levels it clips more to round more
finely. It knows the rounding of a single layer, not the unevenness of spikes in time, which grows with depth.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from spikeport.conversion.thresholds.distribution import PositiveValues, Theta

GRID: Final = np.arange(1, 51) / 50
"""Shares of the largest activation that θ is chosen among."""

LOOKED_AT: Final = 1024
"""Activations that the error is the mean of: all, or so many of them, evenly spread over their order."""


def error_of(theta: float, values: npt.NDArray[np.float64], levels: int) -> float:
    """Return the mean square of what rounding to ``levels`` parts of ``theta`` and clipping there change."""
    counts = np.clip(np.floor(values * (levels / theta) + 0.5), 0, levels)
    return float(np.square(counts * (theta / levels) - values).mean())


def theta_by_data(values: PositiveValues, levels: int) -> float | None:
    """Return the θ of the grid with the smallest error, the smallest one of equals; None where no value is positive."""
    if not values.count:
        return None
    some = values.spread(LOOKED_AT)
    thetas = GRID * values.largest
    return float(thetas[int(np.argmin([error_of(float(theta), some, levels) for theta in thetas]))])


def by_data(levels: int) -> Theta:
    """Return the rule for neurons whose largest count is ``levels``."""
    return partial(theta_by_data, levels=levels)
