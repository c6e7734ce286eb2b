"""What data say of a float network: the mean signal at every node, and second moments of what weights read.

Half of the samples is fitted to, the other half judges the fit; the output is measured on the second half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import SNNGraph
from spikeport.integers.signals import Carried
from spikeport.kernels import INPUT
from spikeport.operations import Shape, Weighted
from spikeport.projection import damped, window_products

Array = npt.NDArray[Any]

SAMPLES: Final = 256
"""Of each half, at most."""

VALUES: Final = 1 << 26
"""That are kept, at most: fewer samples of a large network."""

WINDOWS: Final = 1 << 16
"""Of a convolution that moments are a mean over, where samples are more than a few."""

FEWEST: Final = 32
"""Samples whose windows all count, and that can be fitted to at all."""

TERMS: Final = 1 << 13
"""Of a sum: the moments of more would not fit into a few gigabytes."""

AT_ONCE: Final = 32
"""Samples that are run at once."""


class Moments(NamedTuple):
    """Second moments of what the terms of each group read, a 1 behind them: of the fitted half, of the judging one."""

    fitted: list[Array]
    judging: list[Array]

    def error(self, change: Array) -> Array:
        """Return the mean square of what rows of weights change a current by, (units,), on the judging half."""
        parts = np.split(change, len(self.judging))
        return np.concatenate([((part @ H) * part).sum(axis=1) for part, H in zip(parts, self.judging, strict=True)])


@dataclass
class Evidence:
    """Mean signals of the float network, by name: the input too.

    Attributes
    ----------
    means : (samples, *shape) float32: the mean over the steps; of a pulse, the sum
    fitted : how many samples, the first ones, are fitted to
    """

    means: dict[str, Array]
    fitted: int

    @classmethod
    def of(cls, graph: SNNGraph, x: Array, fitted: int, **how: Any) -> Evidence:
        """Run the float ``graph`` on samples ``x``; ``how`` is T, encoding and backend of the run."""
        placed = graph.network(how["backend"]).placed
        read = {name for node in placed.nodes if isinstance(node.operation, Weighted) for name in node.inputs}
        means: dict[str, list[Array]] = {name: [] for name in read - {INPUT}}
        for start in range(0, len(x), AT_ONCE):
            run = graph.run(x[start : start + AT_ONCE], **how)
            for node, counts in zip(placed.nodes, run.counts, strict=True):
                if node.name in means:
                    steps = 1 if how["encoding"] == "pulse" else how["T"]
                    means[node.name].append((counts / steps).astype(np.float32))
        joined = {name: np.concatenate(parts) for name, parts in means.items()}
        return cls(joined | {INPUT: x.astype(np.float32)}, fitted)

    def moments(self, operation: Weighted, name: str, source: Carried, shape: Shape) -> Moments | None:
        """Return the moments of what an operation reads of the node ``name``; None where its sums are too long."""
        if operation.matrix.shape[2] > TERMS:
            return None
        places = math.prod(shape[1:])
        step = source.step.reshape(-1, *(1,) * (len(source.shape) - 1))
        halves = self.means[name][: self.fitted], self.means[name][self.fitted :]
        fitted, judging = ([*_moments(operation, half / step, places)] for half in halves)
        return Moments([damped(H) for H in fitted], judging)


def kept(graph: SNNGraph, samples: Array) -> tuple[Array, int]:
    """Return the samples that are kept, the fitted ones first, and how many these are: 0 where there are too few."""
    each = graph.n_inputs + sum(layer.n_neurons for layer in graph)
    most = min(2 * SAMPLES, max(2 * FEWEST, VALUES // each))
    if len(samples) > most:
        samples = samples[np.linspace(0, len(samples) - 1, most).round().astype(int)]
    if len(samples) < 2 * FEWEST:
        return samples, 0
    return np.concatenate([samples[::2], samples[1::2]]), len(samples[::2])


def _moments(operation: Weighted, half: Array, places: int) -> Array:
    if len(half) > (most := max(FEWEST, WINDOWS // places)):
        half = half[np.linspace(0, len(half) - 1, most).round().astype(int)]
    return np.asarray(window_products(operation, half.astype(np.float64), places) / (len(half) * places))
