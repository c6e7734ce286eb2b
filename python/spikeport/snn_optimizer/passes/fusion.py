"""Fusion: two weight matrices with no neuron between them are one.

    W₂·(W₁·x + b₁) + b₂  =  (W₂·W₁)·x + (W₂·b₁ + b₂)

Layers are fused where the first has no spiking neuron (``identity``) and where the product holds no more numbers than
its factors. A spiking layer is never linear; the documented condition ("effectively linear behaviour")
is an opt-in, ``assume_linear``, for layers whose neurons are known to fire in proportion to their current: rate =
I/θ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.operations import Conv
from spikeport.snn_optimizer.proofs.arithmetic import (
    Grid,
    additions_of,
    output_grid,
    rounding,
    row_mass,
    sums_are_exact,
)
from spikeport.snn_optimizer.proofs.bounds import ends_without_proofs
from spikeport.snn_optimizer.proofs.grids import grids_from_ends
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import first_few, in_real_arithmetic, largest_shift, shifts
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import removable
from spikeport.snn_optimizer.surgery.weighted import at_each_place, rebuilt, rows_of, units_of
from spikeport.snn_optimizer.surgery.wiring import drop

Array = npt.NDArray[Any]


def fuse_layers(graph: SNNGraph, scope: Scope, *, assume_linear: Collection[str] = ()) -> Rewrite:
    """Multiply layers that no neuron separates, where nothing else reads the first one.

    Parameters
    ----------
    assume_linear : names of spiking layers to treat as linear, rate = I/θ: the result is not the same network

    Raises `GraphError` with ``name`` for a name in ``assume_linear`` that is no hidden layer.
    """
    hidden = {node.name for node, _ in removable(graph)}
    if not set(assume_linear) <= hidden:
        unknown = ", ".join(sorted(set(assume_linear) - hidden))
        raise GraphError(
            "name", f"assume_linear names no hidden layer: {unknown}; there are {', '.join(sorted(hidden))}"
        )
    linear = {name for name in hidden if not graph[name].neuron.is_spiking or name in assume_linear}
    grids = grids_from_ends(graph, ends_without_proofs(graph, scope.arriving)) if linear else {}

    result, assumed, exact = graph, [], True
    parts: dict[str, list[str]] = {node.name: [node.name] for node in graph}  # what was multiplied into each node
    while (found := _next_product(result, linear, grids, parts)) is not None:
        first, second, merged, is_exact = found
        if first.neuron.is_spiking:
            assumed.append(f"{first.name!r} was taken for linear, as asked: rate = I/θ")
        exact = exact and is_exact
        result = drop(result, first.name, changed={second.name: merged})
        parts[second.name] = parts.pop(first.name) + parts[second.name]
    fused = {name: part for name, part in parts.items() if len(part) > 1}
    if not fused:
        return unchanged(graph, "there are no two layers without a neuron between them that are smaller as one")
    if assumed:
        certificate = Certificate("unchecked", first_few(assumed))
    else:
        certificate = _certificate(graph, result, fused, grids, exact)
    return Rewrite(result, certificate, layers_fused=len(graph) - len(result), recomputed=list(fused))


def _next_product(
    graph: SNNGraph, linear: Collection[str], grids: Mapping[str, Grid], parts: Mapping[str, Sequence[str]]
) -> tuple[LayerNode, LayerNode, LayerNode, bool] | None:
    """Return the first two nodes that are smaller as one: a linear one, the one that reads it, their product, and
    whether all their sums are exact. Convolutions are multiplied only where they are."""
    for first, readers in removable(graph):
        behind = graph.readers(first.name)
        if first.name not in linear or [reader.node for reader in readers] != behind or len(behind) != 1:
            continue
        second = behind[0]
        if _is_product(first, second) and _is_smaller(first, second):
            merged = _product(first, second)
            is_exact = _is_exact(first, second, merged, grids[parts[first.name][0]])
            if is_exact or not isinstance(first.operation, Conv):
                return first, second, merged, is_exact
    return None


def _is_product(first: LayerNode, second: LayerNode) -> bool:
    """Whether both sums are one sum: of convolutions, where one of them reads single places.

    The first one's bias reaches a padded border fewer times than the middle, so that the product would need a bias
    that differs from place to place.
    """
    if not isinstance(first.operation, Conv):
        return True
    if isinstance(second.operation, Conv) and _reads_single_places(second.operation):
        return True
    if not _reads_single_places(first.operation):
        return False
    padded = isinstance(second.operation, Conv) and any(second.operation.window.padding)
    return not padded or first.bias is None or not first.bias.any()


def _reads_single_places(operation: Conv) -> bool:
    window = operation.window
    return {*window.kernel, *window.stride} == {1} and not any(window.padding)


def _is_smaller(first: LayerNode, second: LayerNode) -> bool:
    size = len(rows_of(second)) * _terms_of_product(first, second)
    bias = units_of(second) if first.bias is not None or second.bias is not None else 0
    return size + bias <= first.n_params + second.n_params


def _terms_of_product(first: LayerNode, second: LayerNode) -> int:
    return int(rows_of(first).shape[1] * rows_of(second).shape[1] // units_of(first))


def _product(first: LayerNode, second: LayerNode) -> LayerNode:
    """Return ``second`` after ``first`` as one layer, with the name and the neuron of ``second``."""
    W2 = rows_of(second)
    if first.neuron.is_spiking:
        θ = np.asarray(first.neuron.threshold)
        W2 = W2 / (np.repeat(θ, W2.shape[1] // units_of(first)) if θ.ndim else θ)
    dtype = first.weights.dtype
    bias = second.bias
    if first.bias is not None:
        folded = W2 @ np.repeat(first.bias, W2.shape[1] // units_of(first))
        bias = (folded if bias is None else folded + bias).astype(dtype, copy=False)
    if isinstance(first.operation, Conv):
        return _product_of_places(first, second, W2, bias)
    weights = (W2 @ first.weights).astype(dtype, copy=False)
    return rebuilt(second, weights, bias=bias, firing_rates=second.firing_rates)


def _product_of_places(first: LayerNode, second: LayerNode, W2: Array, bias: Array | None) -> LayerNode:
    """Return the product where one of two convolutions, or the first before a linear layer, reads single places.

    The terms of each unit between the two are those of the one that reads more: W[o, c, q] = Σ_m W2[o, m, q]·W1[m, c],
    or W[o, c, q] = Σ_m W2[o, m]·W1[m, c, q].
    """
    assert isinstance(first.operation, Conv)
    between, dtype = units_of(first), first.weights.dtype
    each = W2.reshape(len(W2), between, W2.shape[1] // between)
    inner = rows_of(first).reshape(between, first.weights.shape[1], -1)
    if _reads_single_places(first.operation):
        weights = np.einsum("omq,mc->ocq", each, inner[:, :, 0]).reshape(len(W2), -1).astype(dtype, copy=False)
        return rebuilt(second, weights, bias=bias, firing_rates=second.firing_rates)
    weights = np.einsum("om,mcq->ocq", each[:, :, 0], inner).astype(dtype, copy=False)
    geometry = {name: getattr(first.operation.window, name) for name in ("stride", "padding", "dilation")}
    operation = Conv(weights.reshape(len(W2), *first.weights.shape[1:]), bias, **geometry)
    return LayerNode.of(second.name, operation, second.neuron, second.inputs, second.firing_rates)


def _is_exact(first: LayerNode, second: LayerNode, merged: LayerNode, outer: Grid) -> bool:
    """Whether the sums of both layers and of their product are exact.

    The product's entries are sums of the second layer, so the grid ``inner`` holds for them.
    """
    mass = row_mass(first, outer.bound)
    inner = output_grid(first, outer, at_each_place(first, mass))
    return all(sums_are_exact(a, b) for a, b in ((first, outer), (second, inner), (merged, outer)))


def _certificate(
    graph: SNNGraph, result: SNNGraph, fused: Mapping[str, Sequence[str]], grids: Mapping[str, Grid], exact: bool
) -> Certificate:
    """Return the certificate of ``result``, in which each node of ``fused`` is the product of those of ``graph``."""
    gone = [repr(node.name) for node in graph for part in fused.values() if node.name in part[:-1]]
    what = f"no neuron stands behind {', '.join(gone)}, which are one product with what follows"
    if exact:
        return Certificate("exact", f"{what}; every sum is exact on inputs of whole numbers, so equal bit for bit")
    own_shifts: dict[str, Array] = {}
    grids = {node.name: grids[fused.get(node.name, [node.name])[0]] for node in result}
    for node in result:
        if node.name not in fused:
            continue
        mass, additions = grids[node.name].bound, 0
        (source,) = result.sources(node.name)
        if source is not None and not source.neuron.is_spiking:
            mass = mass + at_each_place(source, shifts(result, own_shifts, grids)[source.name])
        for name in fused[node.name]:
            layer = graph[name]
            mass, additions = row_mass(layer, mass), additions + 2 * additions_of(layer)
            if name != node.name:
                mass = at_each_place(layer, mass)
        own_shifts[node.name] = rounding(additions, node.weights.dtype, mass)
    return in_real_arithmetic(what, largest_shift(shifts(result, own_shifts, grids)))
