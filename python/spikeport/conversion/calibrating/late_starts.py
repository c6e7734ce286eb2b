"""Late starts: neurons that begin lower and are pushed more, so that they do not fire before they know.

What comes to a layer behind others comes unevenly. A neuron that fired too early cannot take its spike back, and in a
deep network this outweighs rounding. A membrane that begins below half a threshold, with a bias that makes good for it
by the last step, ends where it would have ended, and has less to regret on the way. It costs the neurons that fire at
every step. So each channel gets that start of a few with which its rate comes closest to the trained activation.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeport.conversion.calibrating.biases import ROUNDS, channel_means
from spikeport.conversion.calibrating.simulation import fired, for_each_channel
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
    few = max(FEWEST, math.ceil(LOOKED_AT / math.prod(wanted.shape[2:])))
    currents, wanted = currents[:, :few], wanted[:few]
    means, threshold = channel_means(wanted), np.asarray(neuron.threshold)
    best, found = np.full(len(means), np.inf), np.full(len(means), STARTS[0])
    for start in STARTS:
        tried, shift = replace(neuron, v_init=start), np.zeros(len(means))
        for _ in range(ROUNDS + 1):
            rates = fired(tried, currents, timesteps, for_each_channel(shift, currents)).to(currents.dtype).mean(0)
            error = channel_means((rates - wanted).square())
            found, best = np.where(error < best, start, found), np.minimum(error, best)
            shift = shift + (means - channel_means(rates)) * threshold
    return float(found[0]) if (found == found[0]).all() else found
