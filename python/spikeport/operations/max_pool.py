"""Max pooling of spikes: the difference of running maxima.

    X[t] = X[t-1] + x[t];    Y[t, c, p] = max_q X[t, c, at(p, q)];    I[t] = Y[t] - Y[t-1];    X[-1] = Y[-1] = 0

The sum of what it gives over any number of steps is the largest sum in the window. Spikes of 0 and 1 give spikes of 0
and 1: of the counts in a window the largest grows by at most one in a step, and never shrinks.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeport.operations.operation import type_of
from spikeport.operations.pool import Pool

Array = npt.NDArray[Any]


class MaxPool(Pool):
    """``I[t] = Y[t] - Y[t-1]`` with ``Y[t]`` the largest running sum in each window; places in the padding are none."""

    kind: ClassVar[str] = "max_pool"
    remembers: ClassVar[bool] = True

    def bound(self, *largest: float) -> float:
        """Return ``m``: from step to step a maximum of running sums changes by no more than they do."""
        (m,) = largest
        return m

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Return what the maxima grow by, shape (T, batch, C, places…); the first step of the signal is the first."""
        (signal,) = signals
        shape, dtype = self.output_shape(signal.shape[2:]), type_of(signals, dtype)
        lowest = np.iinfo(dtype).min if dtype == np.int32 else -np.inf
        running = self.window.padded(np.add.accumulate(signal + dtype.type(0), axis=0, dtype=dtype), lowest)
        largest = np.zeros((len(signal) + 1, signal.shape[1], *shape), dtype)
        largest[1:] = lowest
        for tap in self.window.taps():
            np.maximum(largest[1:], self.window.read(running, tap), out=largest[1:])
        return largest[1:] - largest[:-1]
