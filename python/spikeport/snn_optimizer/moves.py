"""How far a pass moves currents: a bound over every input in reach, floating point included.

Two layers, W and b before, W' and b' after, read inputs of magnitude at most r; what the second reads differs from
what the first reads by at most δ::

    |I - I'| <= |W - W'|·r + |b - b'| + |W'|·δ + e + e'

e and e' are what floating point may add on either side, 0 where every sum is exact
(`spikeport.snn_optimizer.arithmetic`). Behind a neuron δ is 0, since both sides are held against each other on the
same spikes; behind a layer without a neuron it is what that layer's own values moved by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.arithmetic import Grid, grids, rounding, row_mass, sums_are_exact, weighted
from spikeport.snn_optimizer.bounds import InputRange, input_bounds, reach_of_inputs

Array = npt.NDArray[Any]

UNDER: Final = (
    "a step under the same spikes (a bound on the current, not on the spikes: one that comes so near to a threshold "
    "may flip)"
)
REASONS_SHOWN: Final = 3


def reach(graph: SNNGraph, input_range: InputRange | None) -> tuple[list[Grid], str]:
    """Return where every layer's inputs lie, and the words for it: a range that is open is taken to end at ±1."""
    low, high = input_bounds(graph.n_inputs, input_range)
    is_open = not (np.isfinite(low).all() and np.isfinite(high).all())
    low = np.where(np.isfinite(low), low, np.minimum(-1.0, np.where(np.isfinite(high), high, 0.0)))
    high = np.where(np.isfinite(high), high, np.maximum(1.0, low))
    return grids(graph, reach_of_inputs(graph, (low, high))), (
        "inputs of magnitude at most 1" if is_open else "inputs in range"
    )


def sum_error(layer: LayerNode, lies_on: Grid) -> Array:
    """Return how far the kernel's current of every neuron may be from the real sum, shape (n_neurons,)."""
    masses = row_mass(layer, lies_on.bound)
    if sums_are_exact(layer, lies_on, masses):
        return np.zeros(layer.n_neurons)
    additions = 2 * (layer.n_inputs + 2)  # those of the kernel, and those that worked out the bound itself
    return np.asarray(rounding(additions, layer.weights.dtype, masses) / 2)


def own_move(before: LayerNode, after: LayerNode, lies_on: Grid) -> Array:
    """Return how far the currents of two equally wide layers are apart on the same inputs, shape (n_neurons,)."""
    weights = np.abs(before.weights.astype(np.float64) - after.weights)
    none = np.zeros(before.n_neurons)
    bias = np.abs((none if before.bias is None else before.bias) - (none if after.bias is None else after.bias))
    return np.asarray(weighted(weights, lies_on.bound) + bias + sum_error(before, lies_on) + sum_error(after, lies_on))


def moves(layers: Sequence[LayerNode], own: Mapping[int, Array], lies_on: Sequence[Grid]) -> list[Array]:
    """Return how far the currents of every layer move, shape (n_neurons,) each.

    Parameters
    ----------
    own : by index of a layer, how far its currents move on the same inputs; a layer that is not named did not change
    lies_on : where the inputs of every layer lie
    """
    found: list[Array] = []
    for k, layer in enumerate(layers):
        move = own.get(k, np.zeros(layer.n_neurons))
        if k and not layers[k - 1].neuron.is_spiking and found[-1].any():
            wider = Grid(None, lies_on[k].bound + found[-1])
            move = move + weighted(layer.weights, found[-1]) + 2 * sum_error(layer, wider)
        found.append(move)
    return found


def largest(found: Sequence[Array], layers: Sequence[LayerNode] = ()) -> float:
    """Return the largest move; where ``layers`` are given, in units of their neurons' thresholds."""
    if layers:
        θ = [np.asarray(layer.neuron.threshold) if layer.neuron.is_spiking else 1.0 for layer in layers]
        found = [move / unit for move, unit in zip(found, θ, strict=True)]
    return max((float(move.max(initial=0.0)) for move in found), default=0.0)


def order_certificate(graph: SNNGraph, what: Mapping[int, str], lies_on: Sequence[Grid]) -> Certificate:
    """Return the certificate of adding the terms of the currents of the layers ``what`` in another order.

    Parameters
    ----------
    graph : before the pass
    what : by index of a layer, what was done
    lies_on : where the inputs of every layer of ``graph`` lie
    """
    done = in_words(list(what.values()))
    own = {k: 2 * sum_error(graph.layers[k], lies_on[k]) for k in what}
    if not any(move.any() for move in own.values()):
        return Certificate("exact", f"{done}; the sums are exact in any order, so equal bit for bit")
    return in_real_arithmetic(done, largest(moves(graph.layers, own, lies_on)))


def in_real_arithmetic(done: str, bound: float) -> Certificate:
    """Return the certificate of what changes nothing but the rounding of currents, by at most ``bound``."""
    if np.isfinite(bound):
        return within(f"{done}; equal in real arithmetic, in floating point a current moves by at most", bound)
    return Certificate(
        "unchecked",
        f"{done}; equal in real arithmetic, but sums round differently and without an input range there is no bound: "
        "give input_range",
    )


def within(moved: str, bound: float, unit: str = "") -> Certificate:
    """Return the certificate of currents that move by at most ``bound``; ``moved`` ends in "at most"."""
    if np.isfinite(bound):
        return Certificate("bounded", f"{moved} {bound:.3g}{unit} {UNDER}", bound=bound)
    return Certificate("unchecked", f"{moved} infinity: weights are near the largest floats")


def in_words(reasons: Sequence[str]) -> str:
    """Return the first few reasons as one text."""
    more = len(reasons) - REASONS_SHOWN
    return "; ".join(reasons[:REASONS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
