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
from spikeport.snn_optimizer.passes.compensation import second_moments
from spikeport.snn_optimizer.proofs.arithmetic import Grid, row_mass, weighted, weighted_mass
from spikeport.snn_optimizer.proofs.grids import input_grids
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import bounded_by, largest_shift, shifts, sum_error
from spikeport.snn_optimizer.replay.signals import Signals
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.weighted import rebuilt
from spikeport.snn_optimizer.surgery.wiring import replace

Array = npt.NDArray[Any]


def factorize_layers(graph: SNNGraph, scope: Scope, *, energy: float = 0.999) -> Rewrite:
    """Split every linear layer into two of the smallest rank that keeps ``energy`` (in (0, 1]) of its squared response.

    The first of the two, ``NAME.low_rank``, reads what the layer read; who read the layer still does.
    """
    if not 0 < energy <= 1:
        raise GraphError("energy", f"energy must be a share in (0, 1], not {energy!r}")
    grids, inputs = input_grids(graph, scope.arriving)
    signals = None if scope.data is None else Signals(scope)
    result, names = graph, {layer.name for layer in graph}
    own_shifts: dict[str, Array] = {}
    split: dict[str, int] = {}  # the rank of every layer that was split
    for layer in graph:
        name = f"{layer.name}.low_rank"
        factors = None if not layer.is_linear or name in names else _factors(graph, layer, signals, energy)
        if factors is None:
            continue
        U, V = factors
        first, second = LayerNode(name, layer.n_inputs, len(V), V, "identity"), rebuilt(layer, U)
        grids[name] = given = grids[layer.name]
        error = sum_error(first, given)
        grids[layer.name] = between = Grid(None, row_mass(first, given.bound) + error)
        off = np.abs(layer.weights.astype(np.float64) - U.astype(np.float64) @ V)
        own_shifts[layer.name] = (
            weighted_mass(layer, given.bound, off)
            + sum_error(layer, given)
            + sum_error(second, between)
            + weighted(U, error)
        )
        split[layer.name] = len(V)
        result = replace(result, layer.name, first, second)
    if not split:
        return unchanged(graph, f"no layer is smaller as two at {energy:g} of its energy")
    bound = largest_shift(shifts(result, own_shifts, grids))
    ranks = ", ".join(f"{name} (rank {rank})" for name, rank in split.items())
    reason = f"{ranks} factorised; on {inputs} a current moves by at most"
    return Rewrite(result, bounded_by(reason, bound), recomputed=split)


def _factors(graph: SNNGraph, layer: LayerNode, signals: Signals | None, energy: float) -> tuple[Array, Array] | None:
    """Return (n_neurons, r) and (r, n_inputs), or None where they hold no fewer numbers than the weights."""
    W = layer.weights.astype(np.float64)
    moments = second_moments(graph, layer.name, signals)
    root = W if moments is None else W @ np.linalg.cholesky(moments[0][:-1, :-1])
    U, singular, _ = np.linalg.svd(root, full_matrices=False)
    kept = np.cumsum(singular**2) / max(float((singular**2).sum()), 1e-300)
    rank = min(int(np.searchsorted(kept, energy)) + 1, len(singular))
    if rank * (layer.n_inputs + layer.n_neurons) >= layer.weights.size:
        return None
    U = U[:, :rank]
    return U.astype(layer.weights.dtype), (U.T @ W).astype(layer.weights.dtype)
