"""Exact elimination: units proven silent, units proven constant, units that nothing reads.

Why each is exact: a silent unit contributes terms ``w·0`` to sums that start at +0. The contract allows to leave such
terms out, so nothing changes, to the last bit. The same holds for a unit whose outgoing weights are all 0. A unit
that sends the constant c at every step contributes ``w·c`` at every step, which is a bias; only the place of the term
in the sum changes (see `spikeport.snn_optimizer.proofs.arithmetic`).

What counts is what the readers receive, behind pools that hand the unit through. *A constant channel is no bias of a
convolution with padding, nor behind a pool with padding*: at the border fewer of its values are read, so what it adds
differs from place to place. So a term folds only where it reads the same number at all places, padding among them; 0 is
the same everywhere.

A node always keeps one unit, since a graph has no empty nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.proofs.bounds import LayerBounds, propagate
from spikeport.snn_optimizer.proofs.grids import grids_from_ends
from spikeport.snn_optimizer.proofs.patches import patches_of
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import first_few, order_certificate
from spikeport.snn_optimizer.surgery.rewrite import CONSTANT, SILENT, Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import Reader, in_words, is_rewritable, keep_units, removable, speakers_along
from spikeport.snn_optimizer.surgery.weighted import (
    add_to_bias,
    constant_drive,
    places_of,
    rebuilt,
    rows_of,
    units_of,
    weighted_of,
)
from spikeport.snn_optimizer.surgery.wiring import replace, without_unread

Array = npt.NDArray[Any]


def eliminate_silent(graph: SNNGraph, scope: Scope) -> Rewrite:
    """Remove the units that no input in range can make fire, and values of ``identity`` nodes that are always 0.

    Where a whole node is silent, its first unit stays; all weights into it and out of it become 0.
    """
    if len(graph) == 1:
        return unchanged(graph, "there is no hidden layer")
    bounds = propagate(SNNGraph(graph.layers[:-1], graph.input_shape), scope.arriving, scope.horizon)
    keep: dict[str, Array] = {}
    emptied: dict[str, Array | None] = {}
    voices: dict[str, Array] = {}
    for node, readers in removable(graph):
        silent = silent_units(node, readers, bounds)
        if silent.all():
            if units_of(node) > 1:
                keep[node.name] = np.array([0])
            drive = _silent_bias(bounds[node.name])
            reads = drive is not None and rows_of(node)[0].any()
            if reads or any(rows_of(reader.node)[:, reader.terms[0]].any() for reader in readers):
                emptied[node.name] = drive
            voices[node.name] = np.full(units_of(node), SILENT)
        elif silent.any():
            keep[node.name] = np.flatnonzero(~silent)
            voices[node.name] = np.where(silent, SILENT, np.arange(units_of(node)))
    if not keep and not emptied:
        return unchanged(graph, "no neuron is proven silent")
    removed = sum(units_of(graph[name]) - len(rows) for name, rows in keep.items())
    result, survivors = keep_units(graph, keep)
    for node, readers in removable(result):
        if node.name in emptied:
            result = _cut_off(result, node.name, readers, emptied[node.name])
    what = f"{removed} {in_words(graph)} cannot fire on {scope.in_words}: bounds in the kernel's own arithmetic"
    if emptied:
        what += f"; in {len(emptied)} silent layers one neuron stays, cut off"
    speakers = speakers_along(graph, voices, survivors)
    return Rewrite(result, Certificate("exact", f"{what}; equal bit for bit"), survivors, speakers)


def silent_units(node: LayerNode, readers: Sequence[Reader], bounds: Mapping[str, LayerBounds]) -> Array:
    """Return the units of which every reader always reads 0, shape (units,) bool; none where nothing reads them."""
    silent = np.full(units_of(node), bool(readers))
    for reader in readers:
        sent = bounds[reader.source]
        fixed, values = constant_terms(reader.node, sent.output_low, sent.output_high)
        silent &= (fixed & (values == 0))[0][reader.terms].all(axis=1)
    return silent


def constant_terms(node: LayerNode, low: Array, high: Array) -> tuple[Array, Array]:
    """Return which terms read one number at all places, padding among them, and that number; (groups, terms) each.

    ``low`` and ``high`` are the ends of the signal that the node, which has weights, reads.
    """
    (lows, highs), _ = patches_of(weighted_of(node), low, high)
    fixed: Array = np.asarray(((lows == highs) & np.isfinite(lows) & (lows == lows[0])).all(axis=0))
    return fixed, np.where(fixed, lows[0], 0.0)


def _silent_bias(bound: LayerBounds) -> Array | None:
    """Return a bias, shape (1,), with which the first unit is silent without weights; None where none is known."""
    if bound.output_low[0].any() or bound.output_high[0].any():
        return None  # it is not the unit that is silent, but what it is handed to
    # any current between the proven bounds keeps it silent, so 0 clipped to them can be its bias
    low, high = bound.drive_low[0].max(), bound.drive_high[0].min()
    return np.clip(0.0, np.array([low]), np.array([high])) if low <= high else None


def _cut_off(graph: SNNGraph, name: str, readers: Sequence[Reader], drive: Array | None) -> SNNGraph:
    """Return the graph with the weights into and out of a node's only unit, which is silent, set to 0."""
    if drive is not None:
        node = graph[name]
        bare = rebuilt(node, np.zeros_like(node.weights), bias=drive if drive.any() else None)
        graph = replace(graph, name, bare)
    for reader in readers:
        node = graph[reader.node.name]
        weights = rows_of(node).copy()
        weights[:, reader.terms] = 0
        graph = replace(graph, node.name, rebuilt(node, weights))
    return graph


def fold_constants(graph: SNNGraph, scope: Scope) -> Rewrite:
    """Move what is proven constant into the next bias: units that send the same at every step, inputs of one value.

    Such units are removed. Such inputs of the network stay, as its shape may not change; their weights become 0.
    """
    bounds = propagate(graph, scope.arriving, scope.horizon)
    fixed, values = {}, {}
    for node in graph:
        if is_rewritable(node):
            ends = bounds[node.name].reads[0]
            fixed[node.name], values[node.name] = constant_terms(node, *ends)
    gone: dict[str, Array] = {}
    loses: set[str] = set()  # nodes that lose terms
    for node, readers in removable(graph):
        constant = _constant_units(node, readers, bounds, fixed)
        for reader in readers:  # of a unit that may go, all is folded or nothing
            fixed[reader.node.name][0][reader.terms[~constant]] = False
        if constant.any():
            gone[node.name] = constant
            loses.update(reader.node.name for reader in readers if units_of(node) > 1)

    folded: dict[str, str] = {}
    zeros: list[str] = []
    result = graph
    for name, one in fixed.items():
        node = graph[name]
        read = one & weighted_of(node).matrix.any(axis=1)
        if not read.any() and name not in loses:
            continue
        drives = np.where(read, values[name], 0.0).astype(node.weights.dtype)
        weights = node.weights.copy()
        matrix = weights.reshape(weighted_of(node).matrix.shape)
        matrix[np.broadcast_to(read[:, None], matrix.shape)] = 0
        result = replace(result, name, rebuilt(node, weights, bias=add_to_bias(node, constant_drive(node, drives))))
        what = f"{int(one.sum())} inputs of {name!r} are constant on {scope.in_words}"
        if drives.any():
            folded[name] = f"{what} and folded into its bias"
        else:
            zeros.append(f"{what} and add 0")
    if not folded and not zeros:
        return unchanged(graph, "nothing is proven constant")
    keep = {
        name: np.flatnonzero(~constant) if not constant.all() else np.array([0])
        for name, constant in gone.items()
        if len(constant) > 1
    }
    result, survivors = keep_units(result, keep)
    voices = {name: np.where(constant, CONSTANT, np.arange(len(constant))) for name, constant in gone.items()}
    certificate = Certificate("exact", f"{first_few(zeros)}; equal bit for bit")
    if folded:
        grids = grids_from_ends(graph, {name: bound.reads for name, bound in bounds.items()})
        certificate = order_certificate(graph, folded, grids)
    return Rewrite(result, certificate, survivors, speakers_along(graph, voices, survivors))


def _constant_units(
    node: LayerNode, readers: Sequence[Reader], bounds: Mapping[str, LayerBounds], fixed: Mapping[str, Array]
) -> Array:
    """Return the units that always send the same, and whose every term in every reader folds, shape (units,) bool.

    What is always 0 is left to `eliminate_silent`.
    """
    own, units = bounds[node.name], units_of(node)
    constant = (own.output_low == own.output_high).reshape(units, places_of(node)).all(axis=1)
    constant &= ~silent_units(node, readers, bounds)
    for reader in readers:
        constant &= fixed[reader.node.name][0][reader.terms].all(axis=1)
    return np.asarray(constant & bool(readers))


def eliminate_unread(graph: SNNGraph, scope: Scope) -> Rewrite:
    """Remove the units whose outgoing weights are all 0, and nodes from which no path leads to the output."""
    result = without_unread(graph)
    keep: dict[str, Array] = {}
    for node, readers in removable(result):
        read = np.zeros(units_of(node), bool)
        for reader in readers:
            weighs = np.asarray(rows_of(reader.node).any(axis=0))
            read |= weighs[reader.terms].any(axis=1)
        if not read.all() and len(read) > 1:
            keep[node.name] = np.flatnonzero(read) if read.any() else np.array([0])
    if not keep and result is graph:
        return unchanged(graph, "every neuron is read")
    removed = sum(units_of(graph[name]) - len(rows) for name, rows in keep.items())
    dropped = len(graph) - len(result)
    result, survivors = keep_units(result, keep)
    reasons = [f"{removed} {in_words(graph)} have no outgoing weight but 0"] if removed else []
    reasons += [f"{dropped} layers lead nowhere"] if dropped else []
    return Rewrite(result, Certificate("exact", f"{'; '.join(reasons)}; equal bit for bit"), survivors)
