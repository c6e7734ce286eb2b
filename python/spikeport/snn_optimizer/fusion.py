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
from spikeport.snn_optimizer.arithmetic import Grid, chain, grids, output_grid, rounding, row_mass, sums_are_exact
from spikeport.snn_optimizer.bounds import reach_of_inputs
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
    ends = reach_of_inputs(graph, scope.input_range) if _any_linear(graph, assume_linear) else []
    lies_on = grids(graph, ends) if ends else []

    layers, enters = list(graph.layers), list(range(len(graph)))  # enters: the layer whose inputs a layer reads
    certificates, fused, k = [], 0, 0
    while k < len(layers) - 1:
        first, second = layers[k], layers[k + 1]
        linear = not first.neuron.is_spiking or first.name in assume_linear
        if first.name not in hidden or not linear or not _is_smaller(first, second):
            k += 1
            continue
        merged = _product(first, second)
        if first.neuron.is_spiking:
            certificates.append(Certificate("unchecked", f"{first.name!r} was taken for linear, as asked: rate = I/θ"))
        else:
            certificates.append(_certificate(first, second, merged, lies_on[enters[k]]))
        layers[k : k + 2] = [merged]
        del enters[k + 1]
        fused += 1
        k = max(k - 1, 0)
    if not fused:
        return unchanged(graph, "no two layers are without a neuron between them and smaller as one")
    return Rewrite(SNNGraph(layers), chain(certificates, ""), layers_fused=fused)


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
    dtype = np.result_type(first.weights, second.weights)
    weights = (W2 @ first.weights).astype(dtype, copy=False)
    bias = second.bias
    if first.bias is not None:
        folded = W2 @ first.bias
        bias = (folded if bias is None else folded + bias).astype(dtype, copy=False)
    return rebuilt(second, weights, bias=bias, firing_rates=second.firing_rates)


def _certificate(first: LayerNode, second: LayerNode, merged: LayerNode, outer: Grid) -> Certificate:
    what = f"no neuron stands between {first.name!r} and {second.name!r}, so they are one product"
    unbounded = Certificate(
        "unchecked",
        f"{what}; equal in real arithmetic (bit for bit where the sums are exact), with no bound without input_range",
    )
    if outer.step is None and np.isinf(outer.bound).all():
        return unbounded
    mass = row_mass(first, outer.bound)
    inner = output_grid(first, outer, mass)  # holds W₁'s own entries too, so the product's sums are covered
    same_dtype = first.weights.dtype == second.weights.dtype
    if same_dtype and all(sums_are_exact(a, b) for a, b in ((first, outer), (second, inner), (merged, outer))):
        return Certificate("exact", f"{what}; every sum is exact on inputs of whole numbers, so equal bit for bit")
    coarsest = min((first.weights.dtype, second.weights.dtype), key=lambda dtype: dtype.itemsize)
    additions = first.n_inputs + second.n_inputs + 4
    bound = rounding(additions, coarsest, float(row_mass(second, mass).max(initial=0.0)))
    if np.isfinite(bound):
        reason = f"{what}; equal in real arithmetic, in floating point a current moves by at most {bound:.3g} a step"
        return Certificate("bounded", f"{reason} (a bound on the current, not on the spikes)", bound=bound)
    return unbounded
