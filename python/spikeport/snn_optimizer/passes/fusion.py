"""Fusion: two weight matrices with no neuron between them are one.

    W₂·(W₁·x + b₁) + b₂  =  (W₂·W₁)·x + (W₂·b₁ + b₂)

Layers are fused where the first has no spiking neuron (``identity``) and where the product holds no more numbers than
its factors. A spiking layer is never linear; the documented condition ("effectively linear behaviour")
is an opt-in, ``assume_linear``, for layers whose neurons are known to fire in proportion to their current: rate =
I/θ.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.proofs.arithmetic import (
    Grid,
    grids_from_ends,
    output_grid,
    rounding,
    row_mass,
    sums_are_exact,
)
from spikeport.snn_optimizer.proofs.bounds import ends_without_proofs
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import first_few, in_real_arithmetic, largest_shift, shifts
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import hidden_pairs
from spikeport.snn_optimizer.surgery.weighted import rebuilt

Array = npt.NDArray[Any]


def fuse_layers(graph: SNNGraph, scope: Scope, *, assume_linear: Collection[str] = ()) -> Rewrite:
    """Multiply layers that no neuron separates.

    Parameters
    ----------
    assume_linear : names of spiking layers to treat as linear, rate = I/θ: the result is not the same network

    Raises `GraphError` with ``name`` for a name in ``assume_linear`` that is no hidden layer.
    """
    hidden = {layer.name for _, layer, _ in hidden_pairs(graph)}
    if not set(assume_linear) <= hidden:
        unknown = ", ".join(sorted(set(assume_linear) - hidden))
        raise GraphError(
            "name", f"assume_linear names no hidden layer: {unknown}; there are {', '.join(sorted(hidden))}"
        )
    ends = ends_without_proofs(graph, scope.arriving) if _any_linear(graph, assume_linear) else []
    grids = grids_from_ends(graph, ends) if ends else []

    layers = list(graph.layers)
    parts = [[k] for k in range(len(graph))]  # for each of ``layers``, the layers of ``graph`` that were multiplied
    exact, assumed, k = True, [], 0
    while k < len(layers) - 1:
        first, second = layers[k], layers[k + 1]
        linear = not first.neuron.is_spiking or first.name in assume_linear
        if first.name not in hidden or not linear or not _is_smaller(first, second):
            k += 1
            continue
        merged = _product(first, second)
        if first.neuron.is_spiking:
            assumed.append(f"{first.name!r} was taken for linear, as asked: rate = I/θ")
        exact = exact and _is_exact(first, second, merged, grids[parts[k][0]])
        layers[k : k + 2] = [merged]
        parts[k : k + 2] = [parts[k] + parts[k + 1]]
        k = max(k - 1, 0)
    if len(layers) == len(graph):
        return unchanged(graph, "there are no two layers without a neuron between them that are smaller as one")
    if assumed:
        certificate = Certificate("unchecked", first_few(assumed))
    else:
        certificate = _certificate(graph, layers, parts, grids, exact)
    products = [layer.name for layer, part in zip(layers, parts, strict=True) if len(part) > 1]
    return Rewrite(SNNGraph(layers), certificate, layers_fused=len(graph) - len(layers), recomputed=products)


def _any_linear(graph: SNNGraph, assume_linear: Collection[str]) -> bool:
    return any(not layer.neuron.is_spiking or layer.name in assume_linear for _, layer, _ in hidden_pairs(graph))


def _is_smaller(first: LayerNode, second: LayerNode) -> bool:
    bias = second.n_neurons if first.bias is not None or second.bias is not None else 0
    return second.n_neurons * first.n_inputs + bias <= first.n_params + second.n_params


def _product(first: LayerNode, second: LayerNode) -> LayerNode:
    """Return ``second`` after ``first`` as one layer, with the name and the neuron of ``second``."""
    W2 = second.weights
    if first.neuron.is_spiking:
        W2 = W2 / np.asarray(first.neuron.threshold)
    dtype = first.weights.dtype
    weights = (W2 @ first.weights).astype(dtype, copy=False)
    bias = second.bias
    if first.bias is not None:
        folded = W2 @ first.bias
        bias = (folded if bias is None else folded + bias).astype(dtype, copy=False)
    return rebuilt(second, weights, bias=bias, firing_rates=second.firing_rates)


def _is_exact(first: LayerNode, second: LayerNode, merged: LayerNode, outer: Grid) -> bool:
    """Whether the sums of both layers and of their product are exact.

    The product's entries are sums of the second layer, so the grid ``inner`` holds for them.
    """
    inner = output_grid(first, outer, row_mass(first, outer.bound))
    return all(sums_are_exact(a, b) for a, b in ((first, outer), (second, inner), (merged, outer)))


def _certificate(
    graph: SNNGraph, layers: list[LayerNode], parts: list[list[int]], grids: list[Grid], exact: bool
) -> Certificate:
    """Return the certificate of ``layers``, each the product of those of ``graph`` that ``parts`` names."""
    gone = [repr(graph.layers[k].name) for part in parts for k in part[:-1]]
    what = f"no neuron stands behind {', '.join(gone)}, which are one product with what follows"
    if exact:
        return Certificate("exact", f"{what}; every sum is exact on inputs of whole numbers, so equal bit for bit")
    own_shifts: dict[int, Array] = {}
    grids = [grids[part[0]] for part in parts]
    for index, part in enumerate(parts):
        if len(part) == 1:
            continue
        mass, additions = grids[index].bound, 0
        if index and not layers[index - 1].neuron.is_spiking:
            mass = mass + shifts(layers[:index], own_shifts, grids)[-1]
        for k in part:
            mass, additions = row_mass(graph.layers[k], mass), additions + 2 * (graph.layers[k].n_inputs + 2)
        own_shifts[index] = rounding(additions, graph.layers[part[0]].weights.dtype, mass)
    return in_real_arithmetic(what, largest_shift(shifts(layers, own_shifts, grids)))
