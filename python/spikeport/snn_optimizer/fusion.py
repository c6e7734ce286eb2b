"""Fusion: two weight matrices with no neuron between them are one.

    W₂·(W₁·x + b₁) + b₂  =  (W₂·W₁)·x + (W₂·b₁ + b₂)

Layers are fused where the one between has no spiking neuron (``identity``) and where the product holds no more
numbers than its factors. A spiking layer is never linear; the documented condition ("effectively linear behaviour")
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
from spikeport.snn_optimizer.arithmetic import Grid, grids, output_grid, rounding, row_mass, sums_are_exact
from spikeport.snn_optimizer.bounds import reach_of_inputs
from spikeport.snn_optimizer.moves import in_real_arithmetic, in_words, largest, moves
from spikeport.snn_optimizer.rewrite import Rewrite, hidden_pairs, rebuilt, unchanged
from spikeport.snn_optimizer.scope import Scope

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
    ends = reach_of_inputs(graph, scope.arriving) if _any_linear(graph, assume_linear) else []
    lies_on = grids(graph, ends) if ends else []

    layers, parts = list(graph.layers), [[k] for k in range(len(graph))]  # parts: the layers that a layer is made of
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
        exact = exact and _is_exact(first, second, merged, lies_on[parts[k][0]])
        layers[k : k + 2] = [merged]
        parts[k : k + 2] = [parts[k] + parts[k + 1]]
        k = max(k - 1, 0)
    if len(layers) == len(graph):
        return unchanged(graph, "no two layers are without a neuron between them and smaller as one")
    if assumed:
        certificate = Certificate("unchecked", in_words(assumed))
    else:
        certificate = _certificate(graph, layers, parts, lies_on, exact)
    return Rewrite(SNNGraph(layers), certificate, layers_fused=len(graph) - len(layers))


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
    """Whether every sum is exact: of the factors, and so of the product, whose entries ``inner`` holds too."""
    inner = output_grid(first, outer, row_mass(first, outer.bound))
    return all(sums_are_exact(a, b) for a, b in ((first, outer), (second, inner), (merged, outer)))


def _certificate(
    graph: SNNGraph, layers: list[LayerNode], parts: list[list[int]], lies_on: list[Grid], exact: bool
) -> Certificate:
    """Return the certificate of ``layers``, each the product of those of ``graph`` that ``parts`` names."""
    gone = [repr(graph.layers[k].name) for part in parts for k in part[:-1]]
    what = f"no neuron stands behind {', '.join(gone)}, which are one product with what follows"
    if exact:
        return Certificate("exact", f"{what}; every sum is exact on inputs of whole numbers, so equal bit for bit")
    own: dict[int, Array] = {}
    on = [lies_on[part[0]] for part in parts]
    for index, part in enumerate(parts):
        if len(part) == 1:
            continue
        mass, additions = on[index].bound, 0
        if index and not layers[index - 1].neuron.is_spiking:
            mass = mass + moves(layers[:index], own, on)[-1]
        for k in part:
            mass, additions = row_mass(graph.layers[k], mass), additions + 2 * (graph.layers[k].n_inputs + 2)
        own[index] = rounding(additions, graph.layers[part[0]].weights.dtype, mass)
    return in_real_arithmetic(what, largest(moves(layers, own, on)))
