"""Drives: the inputs of a replay.

Drives are the data given, or drawn from the input range; to these come drives that are chosen to show a difference:
for neurons that read the input the corners of the range that drive them most and least, and inputs scaled so that the
membrane meets its threshold exactly, one float below it, and one above.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.cost import additions_of
from spikeport.snn_optimizer.proofs.bounds import InputRange, input_bounds
from spikeport.snn_optimizer.proofs.scope import Scope, as_samples, spread
from spikeport.snn_optimizer.replay.receptive import neurons_that_read

Array = npt.NDArray[Any]


def random_drives(graph: SNNGraph, count: int, input_range: InputRange | None = None, seed: int = 0) -> Array:
    """Draw (count, *input_shape) inputs, uniform in the range ([0, 1] where an end is infinite), a third of them
    sparse."""
    low, high = _finite(graph, input_range)
    rng = np.random.default_rng(seed)
    x = low + rng.random((count, graph.n_inputs)) * (high - low)
    sparse = rng.random(x.shape) < 0.8
    sparse[count // 3 :] = False
    x[sparse] = np.broadcast_to(np.clip(0.0, low, high), x.shape)[sparse]
    return np.asarray(np.clip(x, low, high)).reshape(count, *graph.input_shape)


def adversarial_drives(
    graph: SNNGraph, count: int, input_range: InputRange | None = None, *, timesteps: int = 16, seed: int = 0
) -> Array:
    """Return up to ``count`` inputs of the graph's input shape that bring neurons that read the input to a decision.

    In turns, for neurons spread over the nodes with weights that read the input: the corners that drive it most and
    least, and a random direction scaled so that the membrane meets the threshold at step 1, 2, …, exactly, one float
    below and one above. None where no node with weights reads the input.
    """
    low, high = _finite(graph, input_range)
    rng = np.random.default_rng(seed)
    first = [graph.layers[k] for k in range(len(graph)) if graph.sources(graph.layers[k].name)[0] is None]
    drives: list[Array] = []
    for turn, neuron in enumerate(neurons_that_read(first, graph.input_shape, (count + 1) // 2, rng)):
        if len(drives) >= count:
            break
        row, θ = neuron.row, neuron.threshold
        drives += [np.where(row > 0, high, low), np.where(row > 0, low, high)]
        direction = low + rng.random(graph.n_inputs) * (high - low)
        reached = row @ direction
        wanted = (θ - neuron.v_init * θ) / (1 + turn % max(timesteps, 1)) - neuron.bias
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            exact = direction * (wanted / reached)
        if np.isfinite(exact).all():
            drives += [np.nextafter(exact, -np.inf), exact, np.nextafter(exact, np.inf)]
    found: Array = np.clip(np.array(drives).reshape(-1, graph.n_inputs), low, high)
    return found[:count].reshape(-1, *graph.input_shape)


def _finite(graph: SNNGraph, input_range: InputRange | None) -> tuple[Array, Array]:
    low, high = input_bounds(graph.n_inputs, input_range)
    low = np.where(np.isfinite(low), low, np.minimum(0.0, np.where(np.isfinite(high), high - 1, 0.0)))
    return low, np.where(np.isfinite(high), high, np.maximum(1.0, low + 1))


def drives_for(graph: SNNGraph, scope: Scope, *, most: int = 256, effort: float = 2e9) -> tuple[Array, int]:
    """Return the drives of a verification and how many of them are adversarial.

    The data (or random drives where there are none), and a quarter as many adversarial ones. Those find more, but
    agreement is reported on the others, and of few it would say little.

    Parameters
    ----------
    most : drives that are not adversarial, at most
    effort : synaptic operations of one replay, were every input a spike at every step. Compiled, so many are a matter
        of seconds; a network so large that they do not suffice for ``most`` drives gets fewer, but never less than 4,
        and of data never less than 16: to see how often answers agree is worth more than seconds
    """
    data = scope.data
    count = int(np.clip(effort / (scope.timesteps * max(additions_of(graph), 1)), 4 if data is None else 16, most))
    drive_range = (0.0, 1.0) if scope.input_range is None and scope.encoding == "poisson" else scope.input_range
    if data is None:
        drives = random_drives(graph, count, drive_range, scope.seed)
    else:
        drives = as_samples(graph, spread(data, count))
    extra = max(1, count // 4)
    chosen = adversarial_drives(graph, extra, drive_range, timesteps=scope.timesteps, seed=scope.seed)
    return np.concatenate([drives.astype(np.float64), chosen]), len(chosen)
