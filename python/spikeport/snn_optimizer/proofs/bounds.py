"""Interval bounds: what a neuron can receive in one step, and what it can send, over every input in range.

Rounding to nearest is monotone, so a float sum is monotone in each of its terms. The largest current that the kernel
can compute over a box of inputs is therefore the one at the corner that is best for every weight, summed in the
contract's order (`spikeport.operations.weighted`). This bound is attained to the last bit and needs no allowance for
rounding: each place of an output has a corner of its own. Sums and averages of a pool, `add` and `concat` have no
weights, so all of them take their corners from the ends of what they read; several signals are taken as independent.

What a max pool gives grows with the running counts of its window. Of spikes it gives spikes, and nothing where all
are silent; of graded values nothing is known, as the rounding of the running sums grows with the run.

Nodes are gone through by name, each given the bounds of what it reads. What its neurons make of that is in
`spikeport.snn_optimizer.proofs.firing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.kernels import INPUT
from spikeport.operations import MaxPool
from spikeport.snn_optimizer.proofs.firing import always_fires, never_fires, output_bounds
from spikeport.snn_optimizer.proofs.patches import patches_of
from spikeport.snn_optimizer.surgery.units import is_rewritable
from spikeport.snn_optimizer.surgery.weighted import at_each_place, weighted_of

__all__ = [
    "InputRange",
    "LayerBounds",
    "always_fires",
    "drive_bounds",
    "ends_without_proofs",
    "input_bounds",
    "never_fires",
    "output_bounds",
    "propagate",
]

Array = npt.NDArray[Any]
InputRange = tuple[npt.ArrayLike, npt.ArrayLike]
Ends = tuple[Array, Array]
ROWS_AT_ONCE: Final = 64  # bounds the memory of the products of a block of rows
MONOTONE: Final = ("add", "concat", "sum_pool", "avg_pool")


class LayerBounds(NamedTuple):
    """Bounds of one node over every input in range.

    Attributes
    ----------
    reads : (low, high) of what arrives in one step, for each signal that is read, of its shape
    drive_low, drive_high : the current of one step, of the node's shape
    output_low, output_high : what the neuron passes on in one step: equal where it is proven constant, 0 where it
        is proven silent
    """

    reads: tuple[Ends, ...]
    drive_low: Array
    drive_high: Array
    output_low: Array
    output_high: Array


def propagate(
    graph: SNNGraph, input_range: InputRange | None = None, timesteps: int | None = None
) -> dict[str, LayerBounds]:
    """Return the bounds of every node, by its name, in the order of the graph.

    Parameters
    ----------
    input_range : (low, high), numbers or arrays of ``n_inputs`` values, for every value at every step; None for any
    timesteps : the longest run the bounds must hold for; None for any length
    """
    found = {}

    def passed_on(node: LayerNode, reads: Sequence[Ends], of_spikes: bool) -> Ends:
        drive = _drive(graph, node, reads, of_spikes, timesteps)
        output = output_bounds(node, *drive, timesteps)
        found[node.name] = LayerBounds(
            reads=tuple(reads),
            drive_low=drive[0],
            drive_high=drive[1],
            output_low=output[0],
            output_high=output[1],
        )
        return output

    _walk(graph, input_range, passed_on)
    return found


def ends_without_proofs(graph: SNNGraph, input_range: InputRange | None = None) -> dict[str, Sequence[Ends]]:
    """Return (low, high) of every signal that a node reads, by the node's name, as far as they are known without
    proofs: any neuron may fire at any step."""
    found = {}

    def passed_on(node: LayerNode, reads: Sequence[Ends], of_spikes: bool) -> Ends:
        found[node.name] = reads
        if node.neuron.is_spiking:
            least, most = (at_each_place(node, np.array(float(end))) for end in node.neuron.spike_range)
            return least, most
        return _drive(graph, node, reads, of_spikes, None)

    _walk(graph, input_range, passed_on)
    return found


def _walk(
    graph: SNNGraph, input_range: InputRange | None, passed_on: Callable[[LayerNode, Sequence[Ends], bool], Ends]
) -> None:
    """Go through the nodes in order; ``passed_on`` is given a node, the ends of what it reads, and whether all of that
    is spikes, and returns the ends of what it passes on."""
    low, high = (end.reshape(graph.input_shape) for end in input_bounds(graph.n_inputs, input_range))
    signals, spikes = {INPUT: (low, high)}, {INPUT: False}
    for k, node in enumerate(graph.layers):
        sources = graph.reads(k)
        of_spikes = all(spikes[source] for source in sources)
        signals[node.name] = passed_on(node, [signals[source] for source in sources], of_spikes)
        spikes[node.name] = node.neuron.is_spiking or (of_spikes and node.operation.kind in ("max_pool", "concat"))


def input_bounds(n_inputs: int, input_range: InputRange | None) -> Ends:
    """Return low and high of shape (n_inputs,), or raise `GraphError` with ``input_range``."""
    if input_range is None:
        return np.full(n_inputs, -np.inf), np.full(n_inputs, np.inf)
    try:
        ends = [np.asarray(end) for end in input_range]
        if any(end.dtype.kind not in "fiu" for end in ends):
            raise TypeError("not real numbers")
        flat = [end.ravel() if end.size == n_inputs else end for end in ends]
        low, high = (np.broadcast_to(end, (n_inputs,)).astype(np.float64) for end in flat)
    except (ValueError, TypeError):
        raise GraphError(
            "input_range",
            f"input_range {input_range!r} is not (low, high): give two numbers, or two arrays ({n_inputs},)",
        ) from None
    if np.isnan(low).any() or np.isnan(high).any() or (low > high).any():
        raise GraphError("input_range", "input_range has a low end above its high end, or NaN: give (low, high)")
    if np.isposinf(low).any() or np.isneginf(high).any():
        raise GraphError("input_range", "input_range holds no number between its ends: give (low, high)")
    return low, high


def _drive(graph: SNNGraph, node: LayerNode, reads: Sequence[Ends], of_spikes: bool, timesteps: int | None) -> Ends:
    """Return the smallest and the largest current of one step, of the node's shape."""
    dtype = dtype_of(graph)
    if is_rewritable(node):
        return drive_bounds(node, *reads[0])
    if node.operation.kind in MONOTONE:
        with np.errstate(invalid="ignore", over="ignore"):
            ends = (
                node.operation.currents(*(end[None, None].astype(dtype) for end in side), dtype=dtype)[0, 0]
                for side in zip(*reads, strict=True)
            )
            low, high = ends
        return low, high
    if isinstance(node.operation, MaxPool) and node.operation.kind == "max_pool":
        return _largest(node.operation, reads[0][0].astype(dtype), reads[0][1].astype(dtype), of_spikes, timesteps)
    infinity = at_each_place(node, np.array(np.inf, dtype))
    return -infinity, infinity


def _largest(pool: MaxPool, low: Array, high: Array, of_spikes: bool, timesteps: int | None) -> Ends:
    """Return the ends of what a max pool gives."""
    window = pool.window
    least = np.min([window.read(window.padded(low, np.inf), tap) for tap in window.taps()], axis=0)
    most = np.max([window.read(window.padded(high, -np.inf), tap) for tap in window.taps()], axis=0)
    silent, infinity = (least == 0) & (most == 0), low.dtype.type(np.inf)
    if not of_spikes:
        return np.where(silent, 0, -infinity), np.where(silent, 0, infinity)
    largest = max(float(np.abs(least).max()), float(np.abs(most).max()), 1.0)
    if timesteps is not None and timesteps * largest < 2.0 ** np.finfo(low.dtype).nmant:
        return least, most
    if largest > 1:  # counts that no longer fit grow by other numbers than these
        return np.where(silent, 0, -infinity), np.where(silent, 0, infinity)
    return np.minimum(least, 0), np.maximum(most, 0)  # a count that no longer fits does not grow any more


def drive_bounds(layer: LayerNode, low: Array, high: Array) -> Ends:
    """Return the smallest and the largest current of one step, as the kernel computes them, of the node's shape.

    ``low`` and ``high`` have the shape of the signal that the node, which has weights, reads.
    """
    operation = weighted_of(layer)
    dtype, matrix = layer.weights.dtype, operation.matrix
    with np.errstate(over="ignore"):
        low, high = low.astype(dtype), high.astype(dtype)
    patches = patches_of(operation, low, high)
    rows = math.prod(matrix.shape[:2])
    smallest, largest = np.empty((2, rows, len(patches.values[0])), dtype)
    for kind, ends in enumerate(zip(*patches.values, strict=True)):
        pairs = [_row_ends(W, *of_group) for W, *of_group in zip(matrix, *ends, strict=True)]
        smallest[:, kind], largest[:, kind] = (np.concatenate(side) for side in zip(*pairs, strict=True))
    low, high = (side[:, patches.kind].reshape(layer.shape or ()) for side in (smallest, largest))
    if layer.bias is None:
        return low, high
    with np.errstate(over="ignore"):
        return low + at_each_place(layer, layer.bias), high + at_each_place(layer, layer.bias)


def _row_ends(weights: Array, low: Array, high: Array) -> Ends:
    """Return the ends of ``Σ_k W[r, k]·x[k]`` of every row r, for x from ``low`` to ``high``, each (terms,)."""
    if np.isneginf(low).all() and np.isposinf(high).all():
        least, most = np.where(weights.any(axis=1), [[-np.inf], [np.inf]], 0.0).astype(weights.dtype)
        return least, most
    finite = np.isfinite(low).all() and np.isfinite(high).all()
    smallest, largest = np.empty(len(weights), weights.dtype), np.empty(len(weights), weights.dtype)
    for start in range(0, len(weights), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        W = weights[block]
        with np.errstate(invalid="ignore", over="ignore"):
            ends = W * low, W * high
            if not finite:
                for end in ends:
                    end[W == 0] = 0  # 0·∞ is no current
            # cumsum adds from left to right, as the contract does
            smallest[block] = np.cumsum(np.minimum(*ends), axis=1)[:, -1]
            largest[block] = np.cumsum(np.maximum(*ends), axis=1)[:, -1]
    return smallest, largest
