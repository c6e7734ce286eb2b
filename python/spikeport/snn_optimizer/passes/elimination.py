"""Exact elimination: neurons proven silent, neurons proven constant, neurons that no other reads.

Why each is exact: a silent neuron contributes terms ``w·0`` to sums that start at +0. The contract allows to leave such
terms out, so nothing changes, to the last bit. The same holds for a neuron whose outgoing weights are all 0. A neuron
that sends the constant c at every step contributes ``w·c`` at every step, which is a bias; only the place of the term
in the sum changes (see `spikeport.snn_optimizer.proofs.arithmetic`).

A layer always keeps one neuron, since a graph has no empty layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.proofs.arithmetic import grids_from_ends
from spikeport.snn_optimizer.proofs.bounds import input_ends, propagate
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import first_few, order_certificate
from spikeport.snn_optimizer.surgery.rewrite import CONSTANT, SILENT, Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import hidden_pairs, is_rewritable, keep_neurons, replace_layer
from spikeport.snn_optimizer.surgery.weighted import add_to_bias, constant_drive, rebuilt

Array = npt.NDArray[Any]


def eliminate_silent(graph: SNNGraph, scope: Scope) -> Rewrite:
    """Remove the neurons that no input in range can make fire, and values of ``identity`` layers that are always 0.

    Where a whole layer is silent, its first neuron stays; all weights into it and out of it become 0.
    """
    if len(graph) == 1:
        return unchanged(graph, "there is no hidden layer")
    bounds = propagate(SNNGraph(graph.layers[:-1]), scope.arriving, scope.horizon)
    keep: dict[int, Array] = {}
    emptied, speakers = [], {}
    for k, layer, after in hidden_pairs(graph):
        bound = bounds[k]
        silent = (bound.output_low == 0) & (bound.output_high == 0)
        if silent.all():
            if layer.n_neurons > 1:
                keep[k] = np.array([0])
            if layer.weights[0].any() or after.weights[:, 0].any():
                # any current between the proven bounds keeps it silent, so 0 clipped to them can be its bias
                emptied.append((k, np.clip(0.0, bound.drive_low[:1], bound.drive_high[:1])))
            speakers[layer.name] = np.full(layer.n_neurons, SILENT)
        elif silent.any():
            keep[k] = np.flatnonzero(~silent)
    if not keep and not emptied:
        return unchanged(graph, "no neuron is proven silent")
    removed = sum(graph.layers[k].n_neurons - len(rows) for k, rows in keep.items())
    result, survivors = keep_neurons(graph, keep)
    for k, drive in emptied:
        layer, after = result.layers[k : k + 2]
        row = rebuilt(layer, np.zeros_like(layer.weights), bias=drive if drive.any() else None)
        result = replace_layer(result, k, row)
        result = replace_layer(result, k + 1, rebuilt(after, np.zeros_like(after.weights)))
    what = f"{removed} neurons cannot fire on {scope.in_words}: bounds in the kernel's own arithmetic"
    if emptied:
        what += f"; in {len(emptied)} silent layers one neuron stays, cut off"
    return Rewrite(result, Certificate("exact", f"{what}; equal bit for bit"), survivors, speakers)


def fold_constants(graph: SNNGraph, scope: Scope) -> Rewrite:
    """Move what is proven constant into the next bias: neurons that fire at every step, inputs of a single value.

    Such neurons are removed. Such inputs of the network stay, as its width may not change; their weights become 0.
    """
    folded: dict[int, str] = {}
    zeros: list[str] = []
    survivors: dict[str, Array] = {}
    speakers: dict[str, Array] = {}
    bounds = propagate(graph, scope.arriving, scope.horizon)
    grids = grids_from_ends(graph, input_ends(bounds))
    result, keep = graph, {}
    for k, layer in enumerate(graph.layers):
        bound = bounds[k]
        fixed = (bound.input_low == bound.input_high) & np.isfinite(bound.input_low) & is_rewritable(layer)
        if k > 0:
            fixed &= is_rewritable(graph.layers[k - 1])
            fixed &= bound.input_low != 0  # `eliminate_silent` removes neurons that are always 0
        read = fixed & layer.weights.any(axis=0)
        removable = k > 0 and layer.n_inputs > 1 and bool(fixed.any())
        if not read.any() and not removable:
            continue
        values = np.where(read, bound.input_low, 0.0).astype(layer.weights.dtype)
        weights = layer.weights.copy()
        weights[:, read] = 0
        result = replace_layer(
            result, k, rebuilt(layer, weights, bias=add_to_bias(layer, constant_drive(layer, values)))
        )
        what = f"{int(fixed.sum())} inputs of {layer.name!r} are constant on {scope.in_words}"
        if values.any():
            folded[k] = f"{what} and folded into its bias"
        else:
            zeros.append(f"{what} and add 0")
        if removable:
            keep[k - 1] = np.flatnonzero(~fixed) if not fixed.all() else np.array([0])
        if k > 0:
            places = np.cumsum(~fixed) - 1
            speakers[graph.layers[k - 1].name] = np.where(fixed, CONSTANT, places)
    if not folded and not zeros:
        return unchanged(graph, "nothing is proven constant")
    if keep:
        result, survivors = keep_neurons(result, keep)
    certificate = Certificate("exact", f"{first_few(zeros)}; equal bit for bit")
    if folded:
        certificate = order_certificate(graph, folded, grids)
    return Rewrite(result, certificate, survivors, speakers)


def eliminate_unread(graph: SNNGraph, scope: Scope) -> Rewrite:
    """Remove the neurons whose outgoing weights are all 0."""
    keep: dict[int, Array] = {}
    for k, layer, after in hidden_pairs(graph):
        read = after.weights.any(axis=0)
        if not read.all() and layer.n_neurons > 1:
            keep[k] = np.flatnonzero(read) if read.any() else np.array([0])
    if not keep:
        return unchanged(graph, "every neuron is read")
    removed = sum(graph.layers[k].n_neurons - len(rows) for k, rows in keep.items())
    result, survivors = keep_neurons(graph, keep)
    reason = f"{removed} neurons have no outgoing weight but 0; equal bit for bit"
    return Rewrite(result, Certificate("exact", reason), survivors)
