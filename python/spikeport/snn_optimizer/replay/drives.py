"""Drives: the inputs of a replay.

Drives are the data given, or drawn from the input range; to these come drives that are chosen to show a difference:
for neurons of the first layer the corners of the range that drive them most and least, and inputs scaled so that the
membrane meets its threshold exactly, one float below it, and one above.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.proofs.bounds import InputRange, input_bounds
from spikeport.snn_optimizer.proofs.scope import Scope, spread
from spikeport.snn_optimizer.surgery.weighted import per_unit

Array = npt.NDArray[Any]


def random_drives(graph: SNNGraph, count: int, input_range: InputRange | None = None, seed: int = 0) -> Array:
    """Draw (count, n_inputs) inputs, uniform in the range ([0, 1] where an end is infinite), a third of them sparse."""
    low, high = _finite(graph, input_range)
    rng = np.random.default_rng(seed)
    x = low + rng.random((count, graph.n_inputs)) * (high - low)
    sparse = rng.random(x.shape) < 0.8
    sparse[count // 3 :] = False
    x[sparse] = np.broadcast_to(np.clip(0.0, low, high), x.shape)[sparse]
    return np.asarray(np.clip(x, low, high))


def adversarial_drives(
    graph: SNNGraph, count: int, input_range: InputRange | None = None, *, timesteps: int = 16, seed: int = 0
) -> Array:
    """Return up to ``count`` inputs of shape (n_inputs,) each that bring first-layer neurons to a decision.

    In turns, for neurons spread over the layer: the corners that drive it most and least, and a random direction
    scaled so that the membrane meets the threshold at step 1, 2, …, exactly, one float below and one above.
    """
    low, high = _finite(graph, input_range)
    layer, rng = graph.layers[0], np.random.default_rng(seed)
    W = layer.weights.astype(np.float64)
    bias = np.zeros(layer.n_neurons) if layer.bias is None else layer.bias.astype(np.float64)
    θ, v_init = (per_unit(layer, value) for value in (layer.neuron.threshold, layer.neuron.v_init))
    drives: list[Array] = []
    for turn, j in enumerate(rng.permutation(layer.n_neurons)):
        if len(drives) >= count:
            break
        drives += [np.where(W[j] > 0, high, low), np.where(W[j] > 0, low, high)]
        direction = low + rng.random(graph.n_inputs) * (high - low)
        reached = W[j] @ direction
        wanted = (θ[j] - v_init[j] * θ[j]) / (1 + turn % max(timesteps, 1)) - bias[j]
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            exact = direction * (wanted / reached)
        if np.isfinite(exact).all():
            drives += [np.nextafter(exact, -np.inf), exact, np.nextafter(exact, np.inf)]
    found: Array = np.clip(np.array(drives).reshape(-1, graph.n_inputs), low, high)
    return found[:count]


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
        of seconds; a network so large that they do not suffice for ``most`` drives gets fewer, but never less than 4
    """
    count = int(np.clip(effort / (scope.timesteps * max(graph.n_params, 1)), 4, most))
    data = scope.data
    drive_range = (0.0, 1.0) if scope.input_range is None and scope.encoding == "poisson" else scope.input_range
    drives = random_drives(graph, count, drive_range, scope.seed) if data is None else spread(data, count)
    extra = max(1, count // 4)
    chosen = adversarial_drives(graph, extra, drive_range, timesteps=scope.timesteps, seed=scope.seed)
    return np.concatenate([drives.astype(np.float64), chosen]), len(chosen)
