"""Pruning: weights and neurons that matter least, by magnitude or by what they do on data.

- `prune_weights` without a strength removes only what is too small to matter, with a bound: the removed weights of a
  neuron add up to at most ``tolerance`` thresholds in one step.
- With ``sparsity`` or a ``pattern`` (n:m, at most n of every m consecutive terms of a sum) it removes so many.
- `prune_neurons` removes whole neurons of linear layers and whole channels of convolutions, so the arrays get smaller.

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
from spikeport.operations import Weighted
from spikeport.projection import project_groups
from spikeport.snn_optimizer.passes.compensation import (
    Reading,
    removal_cost,
    remove_units,
    second_moments,
)
from spikeport.snn_optimizer.proofs.grids import input_grids
from spikeport.snn_optimizer.proofs.patches import patches_of
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import bounded_by, largest_shift, own_shift, shifts
from spikeport.snn_optimizer.replay.signals import Signals
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import Reader, is_rewritable, keep_units, removable
from spikeport.snn_optimizer.surgery.weighted import (
    rebuilt,
    rows_of,
    thresholds,
    units_of,
    weighted_of,
    with_bias,
    without_bias,
)
from spikeport.snn_optimizer.surgery.wiring import replace

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

    signals = None if by == "magnitude" else Signals(scope)
    result, before, recomputed = graph, _nonzero(graph), []
    for layer in graph:
        if not is_rewritable(layer):
            continue
        moments = second_moments(result, layer.name, signals)
        if moments is None:
            keep = _mask(rows_of(layer).astype(np.float64) ** 2, sparsity, pattern)
            result = replace(result, layer.name, rebuilt(layer, rows_of(layer) * keep))
            continue
        W = with_bias(layer)
        cost = np.split(W[:, :-1] / _column_of_thresholds(layer), len(moments))
        keep = _mask(
            np.concatenate([removal_cost(*pair) for pair in zip(cost, moments, strict=True)]), sparsity, pattern
        )
        changed = project_groups(W, moments, lambda k, column, rows, keep=keep: column * keep[rows, k])  # type: ignore[misc]
        result = replace(result, layer.name, without_bias(layer, changed))
        recomputed.append(layer.name)
    removed = before - _nonzero(result)
    how = "the smallest" if by == "magnitude" else "the cheapest on the data, the others making up for them"
    asked = f"{pattern[0]}:{pattern[1]} pattern" if pattern else f"sparsity {sparsity:g}"
    certificate = Certificate("unchecked", f"{removed:,} weights set to 0 ({asked}): {how}")
    return Rewrite(result, certificate, recomputed=recomputed)


def prune_neurons(graph: SNNGraph, scope: Scope, *, keep: float = 0.5, by: str = "auto") -> Rewrite:
    """Remove hidden neurons, and channels of convolutions.

    Parameters
    ----------
    keep : share of each hidden layer's neurons, or channels, that stay, in (0, 1]
    by : "activity": what costs least on the data once the others make up for it; "magnitude": the smallest product of
        the norms of incoming and outgoing weights
    """
    by = _saliency(by, scope)
    if not 0 < keep <= 1:
        raise GraphError("keep", f"keep must be a share in (0, 1], not {keep!r}")
    signals = None if by == "magnitude" else Signals(scope)
    survivors: dict[str, Array] = {}
    result, removed, recomputed = graph, 0, []
    for name in [node.name for node, _ in removable(graph)]:
        node, readers = next(found for found in removable(result) if found[0].name == name)
        stay = max(1, round(units_of(node) * keep))
        if stay == units_of(node):
            continue
        readings = _readings(result, readers, signals, name)
        if not readings:  # nothing reads the node, or one that does has too many terms
            norms = np.linalg.norm(rows_of(node), axis=1) / thresholds(node) * _outgoing(readers)
            rows = np.sort(np.argsort(-norms, kind="stable")[:stay])
        else:
            rows = remove_units(readings, units_of(node) - stay)
            for (reader, *_), reading in zip(readers, readings, strict=True):
                W = reading.weights * _column_of_thresholds(reader)
                result = replace(result, reader.name, without_bias(reader, W))
                recomputed.append(reader.name)
        removed += node.n_neurons - node.n_neurons // units_of(node) * stay
        result, gone = keep_units(result, {name: rows})
        survivors |= {k: survivors[k][rows] if k in survivors else rows for k, rows in gone.items()}
    if not removed:
        return unchanged(graph, f"keeping {keep:g} of every hidden layer keeps all")
    how = "the weakest" if by == "magnitude" else "the cheapest on the data, the others making up for them"
    certificate = Certificate("unchecked", f"{removed:,} neurons removed: {how}")
    return Rewrite(result, certificate, survivors, recomputed=recomputed)


def _readings(graph: SNNGraph, readers: list[Reader], signals: Signals | None, name: str) -> list[Reading] | None:
    """Return what reads the units of the node ``name``, each row in thresholds; None without data, or where one has too
    many terms to make up for some."""
    found = []
    for node, _, terms in readers:
        moments = second_moments(graph, node.name, signals, first=name)
        if moments is None:
            return None
        found.append(Reading.of(with_bias(node) / _column_of_thresholds(node), moments[0], terms))
    return found


def _outgoing(readers: list[Reader]) -> Array:
    """Return the norm of all weights that read each unit, shape (units,)."""
    squares = sum((rows_of(node) ** 2).sum(axis=0)[terms].sum(axis=1) for node, _, terms in readers)
    return np.asarray(np.sqrt(squares))


def _prune_to_tolerance(graph: SNNGraph, scope: Scope, tolerance: float) -> Rewrite:
    """Remove the smallest weights of every neuron while what is removed adds up to at most ``tolerance`` thresholds."""
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise GraphError("tolerance", f"tolerance must be a finite number of at least 0, not {tolerance!r}")
    grids, inputs = input_grids(graph, scope.arriving)
    result, removed, own_shifts = graph, 0, {}
    for layer in graph:
        if not is_rewritable(layer):
            continue
        weights, read = rows_of(layer), _largest_read(weighted_of(layer), grids[layer.name].bound)
        with np.errstate(invalid="ignore"):
            size = np.abs(weights) * read / _column_of_thresholds(layer)
        order = np.argsort(size, axis=1, kind="stable")
        fits = np.cumsum(np.take_along_axis(size, order, axis=1), axis=1) <= tolerance
        small = np.zeros_like(fits)
        np.put_along_axis(small, order, fits, axis=1)
        small &= weights != 0
        if small.any():
            removed += int(small.sum())
            pruned = rebuilt(layer, np.where(small, weights.dtype.type(0), weights))
            own_shifts[layer.name] = own_shift(layer, pruned, grids[layer.name])
            result = replace(result, layer.name, pruned)
    if not removed:
        return unchanged(graph, f"no weight is small enough for a tolerance of {tolerance:g} θ")
    bound = largest_shift(shifts(result, own_shifts, grids), result)
    reason = f"{removed:,} weights set to 0; on {inputs} a current moves by at most"
    return Rewrite(result, bounded_by(reason, bound, " θ"))


def _largest_read(operation: Weighted, bound: Array) -> Array:
    """Return the largest magnitude that each term reads at any place, shape (units, terms)."""
    largest = patches_of(operation, bound).values[0].max(axis=0)
    return np.repeat(largest, operation.matrix.shape[1], axis=0)


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
    return sum(int(np.count_nonzero(layer.weights)) for layer in graph if is_rewritable(layer))


def _saliency(by: str, scope: Scope) -> str:
    if by not in SALIENCIES:
        raise GraphError("by", f"by={by!r} is not one of {', '.join(SALIENCIES)}")
    if by == "activity" and scope.data is None:
        raise GraphError("data", "by='activity' needs data to measure activity on: give data, or by='magnitude'")
    return ("activity" if scope.data is not None else "magnitude") if by == "auto" else by
