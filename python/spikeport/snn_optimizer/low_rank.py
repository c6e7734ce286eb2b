"""Low-rank factorisation: one matrix as two thin ones with no neuron between, where that is smaller.

    W ≈ U·(Uᵀ·W)         U the leading r left singular vectors of W·S, E[x xᵀ] = S·Sᵀ on the data (S = I without)

which is the best rank-r map on the data. It pays in parameters where ``r·(n + m) < n·m``. It does not pay in synaptic
operations where spikes are sparse: what passes between the two is graded and dense.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.bounds import reach_of_inputs
from spikeport.snn_optimizer.compensation import second_moment
from spikeport.snn_optimizer.rewrite import Rewrite, is_rewritable, rebuilt, unchanged
from spikeport.snn_optimizer.scope import Scope
from spikeport.snn_optimizer.simulation import simulate

Array = npt.NDArray[Any]


def factorize_layers(graph: SNNGraph, scope: Scope, *, energy: float = 0.999) -> Rewrite:
    """Split every layer into two of the smallest rank that keeps ``energy`` (in (0, 1]) of its squared response."""
    if not 0 < energy <= 1:
        raise GraphError("energy", f"energy must be a share in (0, 1], not {energy!r}")
    ends = reach_of_inputs(graph, scope.input_range)
    inputs = None if scope.data is None else simulate(graph, scope.data, scope).inputs
    layers: list[LayerNode] = []
    names = {layer.name for layer in graph}
    bound, split, assumed = 0.0, [], False
    for k, layer in enumerate(graph.layers):
        factors = None if not is_rewritable(layer) else _factors(layer, None if inputs is None else inputs[k], energy)
        name = f"{layer.name}.low_rank"
        if factors is None or name in names:
            layers.append(layer)
            continue
        reach = np.maximum(np.abs(ends[k][0]), np.abs(ends[k][1]))
        assumed |= not np.isfinite(reach).all()
        moved = np.abs(layer.weights - factors[0] @ factors[1]) @ np.where(np.isfinite(reach), reach, 1.0)
        bound = max(bound, float(moved.max()))
        split.append(f"{layer.name} (rank {len(factors[1])})")
        layers += [LayerNode(name, layer.n_inputs, len(factors[1]), factors[1], "identity"), rebuilt(layer, factors[0])]
    if not split:
        return unchanged(graph, f"no layer is smaller as two at {energy:g} of its energy")
    on = "inputs of magnitude at most 1" if assumed else "inputs in range"
    reason = (
        f"{', '.join(split)} factorised; on {on} a current moves by at most {bound:.3g} a step "
        "(a bound on the current, not on the spikes)"
    )
    return Rewrite(SNNGraph(layers), Certificate("bounded", reason, bound=bound))


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
