"""Pruning: weights and neurons that matter least, by magnitude or by what they do on data.

- `prune_weights` without a strength removes only what is too small to matter, with a bound: the removed weights of a
  neuron add up to at most ``tolerance`` thresholds in one step.
- With ``sparsity`` or a ``pattern`` (n:m, at most n of every m consecutive inputs) it removes so many.
- `prune_neurons` removes whole neurons, so the matrices get smaller.

With data, what is removed is what costs least once the weights that stay make up for it
(`spikeport.snn_optimizer.passes.compensation`); without, what is smallest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.passes.compensation import project_columns, removal_cost, remove_inputs, second_moment
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import bounded_by, input_grids, largest_shift, own_shift, shifts
from spikeport.snn_optimizer.replay.simulation import mean_inputs
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import hidden_pairs, is_rewritable, keep_neurons, replace_layer
from spikeport.snn_optimizer.surgery.weighted import rebuilt, thresholds, with_bias, without_bias

Array = npt.NDArray[Any]
SALIENCIES = ("auto", "activity", "magnitude")


def prune_weights(
    graph: SNNGraph,
    scope: Scope,
    *,
    tolerance: float = 1e-3,
    sparsity: float | None = None,
    pattern: tuple[int, int] | None = None,
    by: str = "auto",
) -> Rewrite:
    """Set weights to 0.

    Parameters
    ----------
    tolerance : without ``sparsity`` and ``pattern``: what the removed weights of a neuron may add up to, in thresholds
    sparsity : share of each layer's weights that are 0 afterwards, in [0, 1)
    pattern : (n, m): at most n weights that are not 0 among every m consecutive inputs
    by : "activity" (with data), "magnitude", or "auto": activity where there are data
    """
    by = _saliency(by, scope)
    if pattern is not None and (len(pattern) != 2 or not 0 < pattern[0] < pattern[1]):
        raise GraphError("pattern", f"pattern {pattern!r} is not (n, m) with 0 < n < m, as in (2, 4)")
    if sparsity is not None and not 0 <= sparsity < 1:
        raise GraphError("sparsity", f"sparsity must be a share in [0, 1), not {sparsity!r}")
    if sparsity is None and pattern is None:
        return _prune_to_tolerance(graph, scope, tolerance)

    result, before, recomputed = graph, _nonzero(graph), []
    for k, layer in enumerate(graph.layers):
        if not is_rewritable(layer):
            continue
        if by == "magnitude" or scope.data is None:
            keep = _mask(layer.weights.astype(np.float64) ** 2, sparsity, pattern)
            result = replace_layer(result, k, rebuilt(layer, layer.weights * keep))
            continue
        H = second_moment(_seen(result, layer.name, scope))
        W = with_bias(layer)
        keep = _mask(removal_cost(W[:, :-1] / _column_of_thresholds(layer), H), sparsity, pattern)
        changed = project_columns(W, H, lambda i, column, keep=keep: column * keep[:, i])  # type: ignore[misc]
        result = replace_layer(result, k, without_bias(layer, changed))
        recomputed.append(layer.name)
    removed = before - _nonzero(result)
    how = "the smallest" if by == "magnitude" else "the cheapest on the data, the others making up for them"
    asked = f"{pattern[0]}:{pattern[1]} pattern" if pattern else f"sparsity {sparsity:g}"
    certificate = Certificate("unchecked", f"{removed:,} weights set to 0 ({asked}): {how}")
    return Rewrite(result, certificate, recomputed=recomputed)


def prune_neurons(graph: SNNGraph, scope: Scope, *, keep: float = 0.5, by: str = "auto") -> Rewrite:
    """Remove hidden neurons.

    Parameters
    ----------
    keep : share of each hidden layer's neurons that stay, in (0, 1]
    by : "activity": what costs least on the data once the others make up for it; "magnitude": the smallest product of
        the norms of incoming and outgoing weights
    """
    by = _saliency(by, scope)
    if not 0 < keep <= 1:
        raise GraphError("keep", f"keep must be a share in (0, 1], not {keep!r}")
    survivors: dict[str, Array] = {}
    result, removed, recomputed = graph, 0, []
    for k, layer, _ in hidden_pairs(graph):
        after, stay = result.layers[k + 1], max(1, round(layer.n_neurons * keep))
        if stay == layer.n_neurons:
            continue
        if by == "magnitude" or scope.data is None:
            incoming = np.linalg.norm(layer.weights, axis=1)
            norms = incoming / thresholds(layer) * np.linalg.norm(after.weights, axis=0)
            rows = np.sort(np.argsort(-norms, kind="stable")[:stay])
        else:
            H = second_moment(_seen(result, after.name, scope))
            W, rows = remove_inputs(with_bias(after) / _column_of_thresholds(after), H, layer.n_neurons - stay)
            result = replace_layer(result, k + 1, without_bias(after, W * _column_of_thresholds(after)))
            recomputed.append(after.name)
        removed += layer.n_neurons - stay
        result, gone = keep_neurons(result, {k: rows})
        survivors |= gone
    if not removed:
        return unchanged(graph, f"keeping {keep:g} of every hidden layer keeps all")
    how = "the weakest" if by == "magnitude" else "the cheapest on the data, the others making up for them"
    certificate = Certificate("unchecked", f"{removed} neurons removed: {how}")
    return Rewrite(result, certificate, survivors, recomputed=recomputed)


def _prune_to_tolerance(graph: SNNGraph, scope: Scope, tolerance: float) -> Rewrite:
    """Remove the smallest weights of every neuron while what is removed adds up to at most ``tolerance`` thresholds."""
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise GraphError("tolerance", f"tolerance must be a finite number of at least 0, not {tolerance!r}")
    grids, inputs = input_grids(graph, scope.arriving)
    result, removed, own_shifts = graph, 0, {}
    for k, layer in enumerate(graph.layers):
        if not is_rewritable(layer):
            continue
        with np.errstate(invalid="ignore"):
            size = np.abs(layer.weights) * grids[k].bound / _column_of_thresholds(layer)
        order = np.argsort(size, axis=1, kind="stable")
        fits = np.cumsum(np.take_along_axis(size, order, axis=1), axis=1) <= tolerance
        small = np.zeros_like(fits)
        np.put_along_axis(small, order, fits, axis=1)
        small &= layer.weights != 0
        if small.any():
            removed += int(small.sum())
            pruned = rebuilt(layer, np.where(small, layer.weights.dtype.type(0), layer.weights))
            own_shifts[k] = own_shift(layer, pruned, grids[k])
            result = replace_layer(result, k, pruned)
    if not removed:
        return unchanged(graph, f"no weight is small enough for a tolerance of {tolerance:g} θ")
    bound = largest_shift(shifts(result.layers, own_shifts, grids), result.layers)
    reason = f"{removed:,} weights set to 0; on {inputs} a current moves by at most"
    return Rewrite(result, bounded_by(reason, bound, " θ"))


def _mask(cost: Array, sparsity: float | None, pattern: tuple[int, int] | None) -> Array:
    """Return which weights stay, shape of ``cost`` (rows, n_inputs) bool: the costliest."""
    keep = np.ones(cost.shape, bool)
    if pattern is not None:
        n, m = pattern
        groups = -(-cost.shape[1] // m)
        padded = np.full((len(cost), groups * m), -np.inf)
        padded[:, : cost.shape[1]] = cost
        ranks = np.argsort(np.argsort(-padded.reshape(len(cost), groups, m), axis=2, kind="stable"), axis=2)
        keep = (ranks < n).reshape(len(cost), -1)[:, : cost.shape[1]]
    if sparsity:
        wanted = round(sparsity * cost.size)
        cheapest = np.argsort(np.where(keep, cost, -1.0), axis=None, kind="stable")[:wanted]
        keep.ravel()[cheapest] = False
    return keep


def _column_of_thresholds(layer: LayerNode) -> Array:
    return thresholds(layer)[:, None]


def _nonzero(graph: SNNGraph) -> int:
    return sum(int(np.count_nonzero(layer.weights)) for layer in graph)


def _saliency(by: str, scope: Scope) -> str:
    if by not in SALIENCIES:
        raise GraphError("by", f"by={by!r} is not one of {', '.join(SALIENCIES)}")
    if by == "activity" and scope.data is None:
        raise GraphError("data", "by='activity' needs data to measure activity on: give data, or by='magnitude'")
    return ("activity" if scope.data is not None else "magnitude") if by == "auto" else by


def _seen(graph: SNNGraph, name: str, scope: Scope) -> Array:
    assert scope.data is not None
    return np.concatenate(list(mean_inputs(graph, name, scope.data, scope)))
