"""Folding of scales: the same neurons, written in fewer numbers.

A neuron, or a channel, whose row, bias, threshold and reset are divided by one power of two compares the same bits as
before (unless a number leaves the range of floats, which is checked), so a threshold that is a power of two becomes 1.
Parameters that are equal for all neurons become one number, and a bias of nothing but zeros goes: sums that start
at +0 are never -0.

The output layer keeps its scale: what it receives in all is the network's readout.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import PerNeuron
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import is_known, is_rewritable
from spikeport.snn_optimizer.surgery.weighted import per_unit, rebuilt, rows_of
from spikeport.snn_optimizer.surgery.wiring import replace as replace_node

Array = npt.NDArray[Any]


def fold_scales(graph: SNNGraph, scope: Scope) -> Rewrite:
    """Bring thresholds that are powers of two to 1, equal parameters to one number, and drop biases of zeros."""
    result, touched = graph, []
    for k, layer in enumerate(graph.layers):
        new = layer
        if is_rewritable(layer) and k < len(graph) - 1 and layer.neuron.is_spiking:
            new = _unit_threshold(new)
        if is_known(layer):
            new = _collapsed(new)
        if new is not layer:
            touched.append(layer.name)
            result = replace_node(result, layer.name, new)
    if not touched:
        return unchanged(graph, "scales are folded already")
    reason = (
        f"{', '.join(touched)}: thresholds scaled by powers of two, equal parameters written once, "
        "zero biases dropped; equal bit for bit while sums stay in the range of normal floats"
    )
    return Rewrite(result, Certificate("exact", reason))


def _unit_threshold(layer: LayerNode) -> LayerNode:
    """Return the layer with threshold 1 wherever it was a power of two and the scaling loses no bit."""
    neuron, matrix = layer.neuron, rows_of(layer)
    θ = per_unit(layer, neuron.threshold)
    mantissa, exponent = np.frexp(θ)
    power = np.where((mantissa == 0.5) & (θ != 1), exponent - 1, 0)
    if not power.any():
        return layer
    bias = np.zeros(len(θ), matrix.dtype) if layer.bias is None else layer.bias
    reset = per_unit(layer, 0.0 if neuron.v_reset is None else neuron.v_reset)
    weights = np.ldexp(matrix, -power[:, None])
    back = (np.ldexp(weights, power[:, None]) == matrix).all(axis=1) & np.isfinite(weights).all(axis=1)
    for value in (bias, reset):
        scaled = np.ldexp(value, -power)
        back &= (np.ldexp(scaled, power) == value) & np.isfinite(scaled)
    power = np.where(back & _scales_cleanly(layer, power), power, 0)
    if not power.any():
        return layer
    new_reset = None if neuron.v_reset is None else np.ldexp(reset, -power)
    changed = replace(neuron, threshold=np.ldexp(θ, -power), v_reset=new_reset)
    new_bias = None if layer.bias is None else np.ldexp(layer.bias, -power)
    weights = np.ldexp(matrix, -power[:, None])
    return rebuilt(layer, weights, bias=new_bias, neuron=changed, firing_rates=layer.firing_rates)


def _scales_cleanly(layer: LayerNode, power: Array) -> Array:
    """Whether sums and membranes stay far from the smallest and the largest floats, where scaling would round."""
    limit = np.finfo(layer.weights.dtype)
    # a quarter of the exponents leaves room on either side for products and for sums over many inputs and steps
    return np.asarray(np.abs(power) < (limit.maxexp - limit.nmant) // 4)


def _collapsed(layer: LayerNode) -> LayerNode:
    """Return the layer with parameters that are equal for all neurons as one number, and no bias of zeros."""
    neuron, bias = layer.neuron, layer.bias

    def once(value: PerNeuron | None) -> PerNeuron | None:
        return float(value[0]) if isinstance(value, np.ndarray) and (value == value[0]).all() else value

    parameters = {name: getattr(neuron, name) for name in ("threshold", "v_init", "beta", "v_reset")}
    changed: dict[str, Any] = {name: once(value) for name, value in parameters.items() if once(value) is not value}
    no_bias = bias is not None and is_rewritable(layer) and not bias.any()
    if not no_bias and not changed:
        return layer
    return rebuilt(layer, bias=None if no_bias else "keep", neuron=replace(neuron, **changed))
