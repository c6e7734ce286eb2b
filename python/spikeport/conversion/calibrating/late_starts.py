"""Late starts: neurons that begin lower and are pushed more, so that they do not fire before they know.

What comes to a layer behind others comes unevenly. A neuron that fired too early cannot take its spike back, and in a
deep network this outweighs rounding. A membrane that begins below half a threshold, with a bias that makes good for it
by the last step, ends where it would have ended, and has less to regret on the way. It costs the neurons that fire at
every step. So each channel gets that start of a few with which its rate comes closest to the trained activation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeport.conversion.calibrating.biases import ROUNDS, channel_means
from spikeport.conversion.calibrating.simulation import fired, for_each_channel, late
from spikeport.neuron import Neuron, PerNeuron

Array = npt.NDArray[Any]

STARTS: Final = (0.5, 0.25, 0.0, -0.25)
"""In thresholds; where two are as good, the first one is kept."""

LOOKED_AT: Final = 8192
"""Values of a channel that the choice looks at, at least, where there are so many."""

FEWEST: Final = 24
"""Samples that it looks at, at least."""


def late_start(neuron: Neuron, currents: Tensor, timesteps: int, wanted: Tensor) -> PerNeuron:
    """Return the start of each channel, or one number where all have the same.

    Parameters
    ----------
    neuron : as it is so far
    currents : (steps or 1, batch, channels, …)
    wanted : the rate that the trained activation asks for, (batch, channels, …)
    """
    return best_of(neuron, currents, timesteps, wanted, STARTS, (1.0,))[0]


def best_of(
    neuron: Neuron,
    currents: Tensor,
    timesteps: int,
    wanted: Tensor,
    starts: Sequence[float],
    factors: Sequence[float],
    delay: int = 0,
) -> tuple[PerNeuron, PerNeuron]:
    """Return the start and the factor of θ of each channel with which its rate comes closest to what is wanted.

    A spike stands for θ, so that a factor counts as much more or less for each. The rate is that after ``delay`` steps.
    The others are those of `late_start`.
    """
    if len(starts) == len(factors) == 1:
        return starts[0], factors[0]
    few = max(FEWEST, math.ceil(LOOKED_AT / math.prod(wanted.shape[2:])))
    currents, wanted = currents[:, :few], wanted[:few]
    means, threshold = channel_means(wanted), np.asarray(neuron.threshold)
    best, start, factor = np.full(len(means), np.inf), np.full(len(means), starts[0]), np.full(len(means), factors[0])
    for tried_start, tried_factor in itertools.product(starts, factors):
        tried, shift = replace(neuron, v_init=tried_start, threshold=threshold * tried_factor), np.zeros(len(means))
        for _ in range(ROUNDS + 1):
            spikes = fired(tried, currents, timesteps, for_each_channel(shift, currents))
            rates = late(spikes, delay).to(currents.dtype).mean(0) * tried_factor
            error = channel_means((rates - wanted).square())
            start, factor = np.where(error < best, tried_start, start), np.where(error < best, tried_factor, factor)
            best = np.minimum(error, best)
            shift = shift + (means - channel_means(rates)) * threshold
    return _together(start), _together(factor)


def _together(values: Array) -> PerNeuron:
    return float(values[0]) if (values == values[0]).all() else values
