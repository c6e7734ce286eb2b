"""Folding of scales: the same neurons, written in fewer numbers.

A neuron whose row, bias, threshold and reset are divided by one power of two compares the same bits as before
(unless a number leaves the range of floats, which is checked), so a threshold that is a power of two becomes 1.
Parameters that are equal for all neurons become one number, and a bias of nothing but zeros goes: sums that start
at +0 are never -0.

The output layer keeps its scale: what it receives in all is the network's readout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron, PerNeuron
from spikeport.snn_optimizer.rewrite import Rewrite, is_rewritable, rebuilt, unchanged
from spikeport.snn_optimizer.scope import Scope

Array = npt.NDArray[Any]


def fold_scales(graph: SNNGraph, scope: Scope) -> Rewrite:
    """Bring thresholds that are powers of two to 1, equal parameters to one number, and drop biases of zeros."""
    layers, touched = [], []
    for k, layer in enumerate(graph.layers):
        new = layer
        if is_rewritable(layer):
            if k < len(graph) - 1 and layer.neuron.is_spiking:
                new = _unit_threshold(new)
            new = _collapsed(new)
        if new is not layer:
            touched.append(layer.name)
        layers.append(new)
    if not touched:
        return unchanged(graph, "scales are folded already")
    reason = (
        f"{', '.join(touched)}: thresholds scaled by powers of two, equal parameters written once, "
        "zero biases dropped; equal bit for bit while sums stay in the range of normal floats"
    )
    return Rewrite(SNNGraph(layers), Certificate("exact", reason))


def _unit_threshold(layer: LayerNode) -> LayerNode:
    """Return the layer with threshold 1 wherever it was a power of two and the scaling loses no bit."""
    neuron, n, dtype = layer.neuron, layer.n_neurons, layer.weights.dtype
    θ = np.broadcast_to(np.asarray(neuron.threshold, np.float64), (n,))
    mantissa, exponent = np.frexp(θ)
    shift = np.where((mantissa == 0.5) & (θ != 1), exponent - 1, 0)
    if not shift.any():
        return layer
    bias = np.zeros(n, dtype) if layer.bias is None else layer.bias
    reset = np.broadcast_to(np.asarray(0.0 if neuron.v_reset is None else neuron.v_reset), (n,))
    weights = np.ldexp(layer.weights, -shift[:, None])
    back = (np.ldexp(weights, shift[:, None]) == layer.weights).all(axis=1) & np.isfinite(weights).all(axis=1)
    for value in (bias, reset):
        scaled = np.ldexp(value, -shift)
        back &= (np.ldexp(scaled, shift) == value) & np.isfinite(scaled)
    shift = np.where(back & _scales_cleanly(layer, shift), shift, 0)
    if not shift.any():
        return layer
    changed = Neuron(
        neuron.kind,
        np.ldexp(θ, -shift),
        neuron.v_init,
        None if neuron.v_reset is None else np.ldexp(reset, -shift),
        neuron.beta,
        neuron.tracer_min,
        neuron.tracer_max,
    )
    new_bias = None if layer.bias is None else np.ldexp(layer.bias, -shift)
    rates = layer.firing_rates
    weights = np.ldexp(layer.weights, -shift[:, None])
    return rebuilt(layer, weights, bias=new_bias, neuron=changed, firing_rates=rates)


def _scales_cleanly(layer: LayerNode, shift: Array) -> Array:
    """Whether sums and membranes stay far from the smallest and the largest floats, where scaling would round."""
    limit = np.finfo(layer.weights.dtype)
    return np.asarray(np.abs(shift) < (limit.maxexp - limit.nmant) // 4)


def _collapsed(layer: LayerNode) -> LayerNode:
    """Return the layer with parameters that are equal for all neurons as one number, and no bias of zeros."""
    neuron = layer.neuron

    def once(value: PerNeuron) -> PerNeuron:
        return float(value[0]) if isinstance(value, np.ndarray) and (value == value[0]).all() else value

    threshold, v_init, beta = once(neuron.threshold), once(neuron.v_init), once(neuron.beta)
    reset = None if neuron.v_reset is None else once(neuron.v_reset)
    no_bias = layer.bias is not None and not layer.bias.any()
    same = (threshold, v_init, beta, reset)
    if not no_bias and all(a is b for a, b in zip(same, _parameters(neuron), strict=True)):
        return layer
    changed = Neuron(neuron.kind, threshold, v_init, reset, beta, neuron.tracer_min, neuron.tracer_max)
    bias = None if no_bias else layer.bias
    return rebuilt(layer, bias=bias, neuron=changed)


def _parameters(neuron: Neuron) -> tuple[PerNeuron, PerNeuron, PerNeuron, PerNeuron | None]:
    return neuron.threshold, neuron.v_init, neuron.beta, neuron.v_reset
