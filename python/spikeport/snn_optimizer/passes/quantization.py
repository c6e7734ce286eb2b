"""Quantisation: weights on a grid of 8 or 4 bits, one scale for each neuron, or for each channel of a convolution.

    q = clip(round(w / s), -Q, Q)        s = max|w| / Q for each row,  Q = 127 for 8 bits, 7 for 4
    ŵ = s·q

The graph holds ŵ; `quantized_parts` returns q and s. With data, the rounding error of one term is made up for by
the terms after it (GPTQ). A current moves by at most ``Σ_k |w_k - ŵ_k|·|x_k|`` in one step, which is computed from
the weights as they came out.

With ``power_of_two=True`` scales are powers of two and biases are rounded to s/256: then every sum is exact in any
order, so that the quantised network spikes alike on any machine that adds up its currents.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.projection import project_groups
from spikeport.snn_optimizer.passes.compensation import second_moments
from spikeport.snn_optimizer.proofs.arithmetic import exponent_above
from spikeport.snn_optimizer.proofs.grids import input_grids
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import bounded_by, largest_shift, own_shift, shifts
from spikeport.snn_optimizer.replay.signals import Signals
from spikeport.snn_optimizer.surgery.rewrite import Rewrite
from spikeport.snn_optimizer.surgery.units import is_rewritable
from spikeport.snn_optimizer.surgery.weighted import rows_of, with_bias, without_bias
from spikeport.snn_optimizer.surgery.wiring import replace

Array = npt.NDArray[Any]


def quantize_weights(graph: SNNGraph, scope: Scope, *, bits: int = 8, power_of_two: bool = False) -> Rewrite:
    """Round the weights of every layer to ``bits`` (8 or 4) bits, one scale for each neuron; weights of 0 stay 0."""
    if bits not in (8, 4):
        raise GraphError("bits", f"bits must be 8 or 4, not {bits!r}")
    grids, inputs = input_grids(graph, scope.arriving)
    signals = None if scope.data is None else Signals(scope)
    result, own_shifts = graph, {}
    for layer in graph:
        if not is_rewritable(layer):
            continue
        new = _quantized(layer, bits, power_of_two, second_moments(result, layer.name, signals))
        own_shifts[layer.name] = own_shift(layer, new, grids[layer.name])
        result = replace(result, layer.name, new)
    bound = largest_shift(shifts(result, own_shifts, grids))
    reason = f"weights rounded to {bits} bits; on {inputs} a current moves by at most"
    return Rewrite(result, bounded_by(reason, bound), weight_bits=dict.fromkeys(own_shifts, bits))


def quantized_parts(layer: LayerNode, bits: int = 8) -> tuple[Array, Array]:
    """Return (q, s): int8 of the shape of the weights, and one scale for each neuron, or channel.

    ``s·q`` are the weights, to rounding.

    Raises `GraphError` with ``bits`` where the weights do not lie on such a grid.
    """
    q, s, on_grid = _nearest_grid(layer, bits)
    if not on_grid.all():
        raise GraphError("bits", f"{layer.name}: weights are not on a grid of {bits} bits: quantise them first")
    return q.reshape(layer.weights.shape), s


def packed(layer: LayerNode, bits: int = 8) -> tuple[Array, Array]:
    """Return what `quantized_parts` returns: this is its earlier name."""
    return quantized_parts(layer, bits)


def lies_on_grid(layer: LayerNode, bits: int) -> bool:
    """Whether the weights lie on a grid of ``bits`` bits, so that `quantized_parts` can take them apart."""
    return bool(_nearest_grid(layer, bits)[2].all())


def _nearest_grid(layer: LayerNode, bits: int) -> tuple[Array, Array, Array]:
    """Return (q, s) and which rows they say to rounding, shape (rows,) bool; the other rows of q are 0."""
    W, Q = rows_of(layer).astype(np.float64), 2 ** (bits - 1) - 1
    largest = np.abs(W).max(axis=1, initial=0.0)
    allowed = 4 * float(np.finfo(layer.weights.dtype).eps)
    q, s, open_rows = np.zeros(W.shape, np.int8), np.ones(len(W)), largest > 0
    for most in range(Q, 0, -1):  # q of the row's largest weight: less than Q where others made up for it
        rows = np.flatnonzero(open_rows)
        if not len(rows):
            break
        scale = largest[rows] / most
        whole = np.rint(W[rows] / scale[:, None])
        fits = (np.abs(whole * scale[:, None] - W[rows]) <= allowed * largest[rows, None]).all(axis=1)
        q[rows[fits]], s[rows[fits]] = whole[fits], scale[fits]
        open_rows[rows[fits]] = False
    return q, s, ~open_rows


def row_scales(weights: Array, bits: int, power_of_two: bool = False) -> Array:
    """Return the scale s of every row, in float64; 1 where a row is 0."""
    largest = np.abs(weights).astype(np.float64).max(axis=1, initial=0.0)
    tiny = float(np.finfo(np.float64).tiny)  # a scale below it could be 0
    s = np.where(largest > 0, np.maximum(largest / (2 ** (bits - 1) - 1), tiny), 1.0)
    return np.ldexp(1.0, exponent_above(s)) if power_of_two else s


def _quantized(layer: LayerNode, bits: int, power_of_two: bool, moments: list[Array] | None) -> LayerNode:
    Q, W = 2 ** (bits - 1) - 1, with_bias(layer)
    s = row_scales(rows_of(layer), bits, power_of_two)
    live = rows_of(layer) != 0

    def rounded(k: int, column: Array, rows: Array) -> Array:
        return np.asarray(s[rows] * np.clip(np.rint(column / s[rows]), -Q, Q) * live[rows, k])

    if moments is None:
        W[:, :-1] = s[:, None] * np.clip(np.rint(W[:, :-1] / s[:, None]), -Q, Q)
    else:
        W = project_groups(W, moments, rounded)
    if power_of_two:
        W[:, -1] = np.rint(W[:, -1] / (s / 256)) * (s / 256)
    return without_bias(layer, W)
