"""How far a pass shifts currents: a bound over every input that can arrive, floating point included.

Two layers, W and b before, W' and b' after, read inputs of magnitude at most r; what the second reads differs from
what the first reads by at most δ::

    |I - I'| <= |W - W'|·r + |b - b'| + |W'|·δ + e + e'

e and e' are what floating point may add on either side, 0 where every sum is exact
(`spikeport.snn_optimizer.proofs.arithmetic`). Behind a neuron δ is 0, since both sides are held against each other on
the same spikes; behind a layer without a neuron it is the shift of that layer's own values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.proofs.arithmetic import (
    Grid,
    grids_from_ends,
    rounding,
    row_mass,
    sums_are_exact,
    weighted,
)
from spikeport.snn_optimizer.proofs.bounds import InputRange, ends_without_proofs, input_bounds
from spikeport.snn_optimizer.surgery.weighted import thresholds

Array = npt.NDArray[Any]

SAME_SPIKES: Final = (
    "in one step, if both networks receive the same spikes. This bounds the current: a neuron whose current comes that "
    "close to its threshold may still fire at another step"
)
REASONS_SHOWN: Final = 3


def input_grids(graph: SNNGraph, input_range: InputRange | None) -> tuple[list[Grid], str]:
    """Return where every layer's inputs lie, and the words for it: a range that is open is taken to end at ±1."""
    low, high = input_bounds(graph.n_inputs, input_range)
    is_open = not (np.isfinite(low).all() and np.isfinite(high).all())
    low = np.where(np.isfinite(low), low, np.minimum(-1.0, np.where(np.isfinite(high), high, 0.0)))
    high = np.where(np.isfinite(high), high, np.maximum(1.0, low))
    return grids_from_ends(graph, ends_without_proofs(graph, (low, high))), (
        "inputs of magnitude at most 1" if is_open else "inputs in range"
    )


def sum_error(layer: LayerNode, input_grid: Grid) -> Array:
    """Return how far the kernel's current of every neuron may be from the real sum, shape (n_neurons,)."""
    masses = row_mass(layer, input_grid.bound)
    if sums_are_exact(layer, input_grid, masses):
        return np.zeros(layer.n_neurons)
    # Counted twice: once for the kernel's own rounding, once for the rounding in the computation of this bound.
    additions = 2 * (layer.n_inputs + 2)
    return np.asarray(rounding(additions, layer.weights.dtype, masses) / 2)


def own_shift(before: LayerNode, after: LayerNode, input_grid: Grid) -> Array:
    """Return how far the currents of two equally wide layers are apart on the same inputs, shape (n_neurons,)."""
    weights = np.abs(before.weights.astype(np.float64) - after.weights)
    none = np.zeros(before.n_neurons)
    bias = np.abs((none if before.bias is None else before.bias) - (none if after.bias is None else after.bias))
    shift = weighted(weights, input_grid.bound) + bias
    return np.asarray(shift + sum_error(before, input_grid) + sum_error(after, input_grid))


def shifts(layers: Sequence[LayerNode], own_shifts: Mapping[int, Array], grids: Sequence[Grid]) -> list[Array]:
    """Return how far the currents of every layer are shifted, shape (n_neurons,) each.

    Parameters
    ----------
    own_shifts : by index of a layer, how far its currents are shifted on the same inputs; a layer that is not named did
        not change
    grids : where the inputs of every layer lie
    """
    found: list[Array] = []
    for k, layer in enumerate(layers):
        shift = own_shifts.get(k, np.zeros(layer.n_neurons))
        if k and not layers[k - 1].neuron.is_spiking and found[-1].any():
            wider = Grid(None, grids[k].bound + found[-1])
            shift = shift + weighted(layer.weights, found[-1]) + 2 * sum_error(layer, wider)
        found.append(shift)
    return found


def largest_shift(found: Sequence[Array], layers: Sequence[LayerNode] = ()) -> float:
    """Return the largest shift; where ``layers`` are given, in units of their neurons' thresholds."""
    if layers:
        found = [shift / thresholds(layer) for shift, layer in zip(found, layers, strict=True)]
    return max((float(shift.max(initial=0.0)) for shift in found), default=0.0)


def order_certificate(graph: SNNGraph, what: Mapping[int, str], grids: Sequence[Grid]) -> Certificate:
    """Return the certificate of adding the terms of the currents of the layers ``what`` in another order.

    Parameters
    ----------
    graph : before the pass
    what : by index of a layer, what was done
    grids : where the inputs of every layer of ``graph`` lie
    """
    done = first_few(list(what.values()))
    own_shifts = {k: 2 * sum_error(graph.layers[k], grids[k]) for k in what}
    if not any(shift.any() for shift in own_shifts.values()):
        return Certificate("exact", f"{done}; the sums are exact in any order, so equal bit for bit")
    return in_real_arithmetic(done, largest_shift(shifts(graph.layers, own_shifts, grids)))


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
