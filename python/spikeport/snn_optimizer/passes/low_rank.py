"""Low-rank factorisation: one matrix as two thin ones with no neuron between, where that is smaller.

    W ≈ U·(Uᵀ·W)         U the leading r left singular vectors of W·S, E[x xᵀ] = S·Sᵀ on the data (S = I without)

which is the best rank-r map on the data. It pays in parameters where ``r·(n + m) < n·m``. It does not pay in synaptic
operations where spikes are sparse: what passes between the two is graded and dense.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.passes.compensation import second_moment
from spikeport.snn_optimizer.proofs.arithmetic import Grid, row_mass, weighted
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import bounded_by, input_grids, largest_shift, shifts, sum_error
from spikeport.snn_optimizer.replay.simulation import mean_inputs
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import is_rewritable
from spikeport.snn_optimizer.surgery.weighted import rebuilt

Array = npt.NDArray[Any]


def factorize_layers(graph: SNNGraph, scope: Scope, *, energy: float = 0.999) -> Rewrite:
    """Split every layer into two of the smallest rank that keeps ``energy`` (in (0, 1]) of its squared response."""
    if not 0 < energy <= 1:
        raise GraphError("energy", f"energy must be a share in (0, 1], not {energy!r}")
    given, inputs = input_grids(graph, scope.arriving)
    seen = (
        None
        if scope.data is None
        else [np.concatenate(list(mean_inputs(graph, layer.name, scope.data, scope))) for layer in graph]
    )
    layers: list[LayerNode] = []
    grids: list[Grid] = []  # of the layers after
    own_shifts: dict[int, Array] = {}
    names = {layer.name for layer in graph}
    split: dict[str, int] = {}  # the rank of every layer that was split
    for k, layer in enumerate(graph.layers):
        factors = None if not is_rewritable(layer) else _factors(layer, None if seen is None else seen[k], energy)
        name = f"{layer.name}.low_rank"
        if factors is not None and name not in names:
            U, V = factors
            layers.append(LayerNode(name, layer.n_inputs, len(V), V, "identity"))
            grids.append(given[k])
            error = sum_error(layers[-1], given[k])
            between = Grid(None, row_mass(layers[-1], given[k].bound) + error)
            layer = rebuilt(layer, U)
            own_shifts[len(layers)] = (
                weighted(graph.layers[k].weights.astype(np.float64) - U.astype(np.float64) @ V, given[k].bound)
                + sum_error(graph.layers[k], given[k])
                + sum_error(layer, between)
                + weighted(U, error)
            )
            split[layer.name] = len(V)
        layers.append(layer)
        grids.append(given[k] if layer is graph.layers[k] else between)
    if not split:
        return unchanged(graph, f"no layer is smaller as two at {energy:g} of its energy")
    bound = largest_shift(shifts(layers, own_shifts, grids))
    ranks = ", ".join(f"{name} (rank {rank})" for name, rank in split.items())
    reason = f"{ranks} factorised; on {inputs} a current moves by at most"
    return Rewrite(SNNGraph(layers), bounded_by(reason, bound), recomputed=split)


def _factors(layer: LayerNode, inputs: Array | None, energy: float) -> tuple[Array, Array] | None:
    """Return (n_neurons, r) and (r, n_inputs), or None where they hold no fewer numbers than the weights."""
    W = layer.weights.astype(np.float64)
    root = W if inputs is None else W @ np.linalg.cholesky(second_moment(inputs)[:-1, :-1])
    U, singular, _ = np.linalg.svd(root, full_matrices=False)
    kept = np.cumsum(singular**2) / max(float((singular**2).sum()), 1e-300)
    rank = min(int(np.searchsorted(kept, energy)) + 1, len(singular))
    if rank * (layer.n_inputs + layer.n_neurons) >= layer.weights.size:
        return None
    U = U[:, :rank]
    return U.astype(layer.weights.dtype), (U.T @ W).astype(layer.weights.dtype)
