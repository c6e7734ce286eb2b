"""How far a pass shifts currents: a bound over every input that can arrive, floating point included.

Two nodes, W and b before, W' and b' after, read signals of magnitude at most r; what the second reads differs from
what the first reads by at most δ::

    |I - I'| <= |W - W'|·r + |b - b'| + |W'|·δ + e + e'

e and e' are what floating point may add on either side, 0 where every sum is exact
(`spikeport.snn_optimizer.proofs.arithmetic`). Behind a neuron δ is 0, since both sides are held against each other on
the same spikes; behind a node without a neuron it is the shift of that node's own values. Sums, averages and joins
without weights add up the shifts of what they read; nothing is known of a max pool of values that are shifted.

A shift has one number for each unit, the largest over its places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.kernels import INPUT
from spikeport.operations import Pool
from spikeport.snn_optimizer.proofs.arithmetic import (
    Grid,
    additions_of,
    rounding,
    row_mass,
    sums_are_exact,
    weighted_mass,
)
from spikeport.snn_optimizer.surgery.units import is_rewritable
from spikeport.snn_optimizer.surgery.weighted import rows_of, thresholds, units_of
from spikeport.snn_optimizer.surgery.wiring import shape_of

Array = npt.NDArray[Any]

SAME_SPIKES: Final = (
    "in one step, if both networks receive the same spikes. This bounds the current: a neuron whose current comes that "
    "close to its threshold may still fire at another step"
)
REASONS_SHOWN: Final = 3


def sum_error(layer: LayerNode, input_grid: Grid) -> Array:
    """Return how far the kernel's current of every unit may be from the real sum, shape (units,)."""
    masses = row_mass(layer, input_grid.bound)
    if sums_are_exact(layer, input_grid, masses):
        return np.zeros(len(masses))
    # Counted twice: once for the kernel's own rounding, once for the rounding in the computation of this bound.
    return np.asarray(rounding(2 * additions_of(layer), layer.weights.dtype, masses) / 2)


def own_shift(before: LayerNode, after: LayerNode, input_grid: Grid) -> Array:
    """Return how far the currents of two nodes of equal shapes are apart on the same inputs, shape (units,)."""
    weights = np.abs(rows_of(before).astype(np.float64) - rows_of(after))
    none = np.zeros(units_of(before))
    bias = np.abs((none if before.bias is None else before.bias) - (none if after.bias is None else after.bias))
    shift = weighted_mass(before, input_grid.bound, weights) + bias
    return np.asarray(shift + sum_error(before, input_grid) + sum_error(after, input_grid))


def shifts(graph: SNNGraph, own_shifts: Mapping[str, Array], grids: Mapping[str, Grid]) -> dict[str, Array]:
    """Return how far the currents of every node are shifted, by name, shape (units,) each.

    Parameters
    ----------
    own_shifts : by name, how far the currents of a node are shifted on the same inputs; one that is not named did not
        change
    grids : by name, where the inputs of every node with weights lie
    """
    found: dict[str, Array] = {}
    sent: dict[str, Array] = {INPUT: np.zeros(graph.input_shape[0])}
    for k, node in enumerate(graph.layers):
        sources = graph.reads(k)
        read = [sent[source] for source in sources]
        shift = own_shifts.get(node.name, np.zeros(units_of(node)))
        if any(δ.any() for δ in read):
            shift = shift + _handed_on(graph, node, sources, read, grids[node.name])
        found[node.name] = shift
        sent[node.name] = np.zeros(len(shift)) if node.neuron.is_spiking else shift
    return found


def _handed_on(graph: SNNGraph, node: LayerNode, sources: Sequence[str], read: Sequence[Array], grid: Grid) -> Array:
    """Return how far a node's currents are shifted by what it reads, which is shifted by ``read``."""
    kind, operation = node.operation.kind, node.operation
    if kind == "concat":
        return np.concatenate(read)
    if is_rewritable(node):
        shape = shape_of(graph, sources[0])
        δ = np.broadcast_to(read[0].reshape(-1, *(1,) * (len(shape) - 1)), shape)
        return np.asarray(weighted_mass(node, δ) + 2 * sum_error(node, Grid(None, grid.bound + δ)))
    largest = float(grid.bound.max()) + float(sum(δ.max() for δ in read))
    if kind == "add":
        return np.asarray(np.sum(read, axis=0) + rounding(len(read), dtype_of(graph), largest))
    if kind in ("sum_pool", "avg_pool") and isinstance(operation, Pool):
        places = math.prod(operation.window.kernel)
        moved = read[0] * places + rounding(places + 1, dtype_of(graph), largest * places)
        return np.asarray(moved / places if kind == "avg_pool" else moved)
    return np.full(units_of(node), np.inf)


def largest_shift(found: Mapping[str, Array], graph: SNNGraph | None = None) -> float:
    """Return the largest shift; where ``graph`` is given, in units of its neurons' thresholds."""
    if graph is not None:
        found = {node.name: found[node.name] / thresholds(node) for node in graph}
    return max((float(shift.max(initial=0.0)) for shift in found.values()), default=0.0)


def order_certificate(graph: SNNGraph, what: Mapping[str, str], grids: Mapping[str, Grid]) -> Certificate:
    """Return the certificate of adding the terms of the currents of the nodes ``what`` in another order.

    Parameters
    ----------
    graph : before the pass
    what : by name, what was done
    grids : by name, where the inputs of every node with weights of ``graph`` lie
    """
    done = first_few(list(what.values()))
    own_shifts = {name: 2 * sum_error(graph[name], grids[name]) for name in what}
    if not any(shift.any() for shift in own_shifts.values()):
        return Certificate("exact", f"{done}; the sums are exact in any order, so equal bit for bit")
    return in_real_arithmetic(done, largest_shift(shifts(graph, own_shifts, grids)))


def in_real_arithmetic(done: str, bound: float) -> Certificate:
    """Return the certificate of what changes nothing but the rounding of currents, by at most ``bound``."""
    if np.isfinite(bound):
        return bounded_by(f"{done}; equal in real arithmetic, in floating point a current moves by at most", bound)
    return Certificate(
        "unchecked",
        f"{done}; equal in real arithmetic, but sums round differently and without an input range there is no bound: "
        "give input_range",
    )


def bounded_by(moved: str, bound: float, unit: str = "") -> Certificate:
    """Return the certificate of currents that move by at most ``bound``; ``moved`` ends in "at most"."""
    if np.isfinite(bound):
        return Certificate("bounded", f"{moved} {bound:.3g}{unit} {SAME_SPIKES}", bound=bound)
    return Certificate("unchecked", f"{moved} infinity: weights are near the largest floats")


def first_few(reasons: Sequence[str]) -> str:
    """Return the first few reasons as one text."""
    more = len(reasons) - REASONS_SHOWN
    return "; ".join(reasons[:REASONS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
