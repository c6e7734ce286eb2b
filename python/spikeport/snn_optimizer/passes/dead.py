"""Measured-dead neurons: those that fired less than a threshold, removed with what they sent on average.

A neuron of rate r sends w·r in one step on average; that goes into the next bias, so a neuron that fires rarely is
replaced by its mean, not by nothing. Rates come from `LayerNode.firing_rates` (a profiler's), or from the data at
hand. Where neither is there, only what is proven silent goes, which is exact
(`spikeport.snn_optimizer.passes.elimination.eliminate_silent`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.passes.elimination import eliminate_silent
from spikeport.snn_optimizer.proofs.bounds import drive_bounds, never_fires
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.replay.simulation import simulate
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import hidden_pairs, keep_neurons, replace_layer
from spikeport.snn_optimizer.surgery.weighted import add_to_bias, constant_drive, rebuilt, take

Array = npt.NDArray[Any]


def eliminate_dead(graph: SNNGraph, scope: Scope, *, threshold: float = 0.001) -> Rewrite:
    """Remove hidden neurons whose measured rate is below ``threshold`` (spikes per step).

    What they sent on average goes into the next bias. The output layer's neurons are classes and stay; of a layer
    without a live neuron the most active one stays.
    """
    if not (np.isfinite(threshold) and threshold >= 0):
        raise GraphError("threshold", f"threshold must be a rate of at least 0, not {threshold!r}")
    rates = _rates(graph, scope)
    if not rates:
        return eliminate_silent(graph, scope)
    keep, result, folded, proven, removed = {}, graph, 0.0, 0, 0
    for k, layer, _ in hidden_pairs(graph):
        if k not in rates or not layer.neuron.is_spiking:
            continue
        rate, mean = rates[k]
        dead = rate < threshold
        if dead.all():
            dead[rate.argmax()] = False
        if not dead.any():
            continue
        gone, after = np.flatnonzero(dead), result.layers[k + 1]
        keep[k] = np.flatnonzero(~dead)
        removed += len(gone)
        proven += int(_proven(layer, gone, graph.layers[k - 1].neuron.kind if k else None).sum())
        if mean[gone].any():
            drive = constant_drive(after, np.where(dead, mean, 0.0))
            folded = max(folded, float(np.abs(drive).max()))
            result = replace_layer(result, k + 1, rebuilt(after, bias=add_to_bias(after, drive)))
    if not keep:
        return unchanged(graph, f"no measured rate is below {threshold:g}")
    result, survivors = keep_neurons(result, keep)
    if proven == removed and not folded:
        return Rewrite(result, Certificate("exact", f"{removed} neurons proven silent; equal bit for bit"), survivors)
    what = f"{removed} neurons fired at less than {threshold:g} per step ({proven} of them proven silent)"
    what += f"; mean drive folded into the next bias, at most {folded:.3g}" if folded else ""
    given = any(graph.layers[k].firing_rates is not None for k in keep)
    what += "; by the firing_rates given, on data not seen here" if given else "; rates measured on the data"
    return Rewrite(result, Certificate("unchecked", what), survivors)


def _rates(graph: SNNGraph, scope: Scope) -> dict[int, tuple[Array, Array]]:
    """Return (share of steps with a spike, mean value) of every layer whose rates are given, or measured here."""
    given = {k: layer.firing_rates for k, layer in enumerate(graph) if layer.firing_rates is not None}
    # a bipolar neuron's rate says nothing of the sign of what it sends
    unsigned = {k: graph.layers[k].neuron.kind != "ST-BIF" for k in given}
    found = {k: (np.abs(rate), rate * unsigned[k]) for k, rate in given.items()}
    if scope.data is None or all(k in found for k in range(len(graph) - 1)):
        return found
    activity = simulate(graph, scope.data, scope)
    for k in range(len(graph) - 1):
        rates, means = activity.rates[graph.layers[k].name], activity.means[graph.layers[k].name]
        found.setdefault(k, (rates, means))
    return found


def _proven(layer: LayerNode, rows: Array, before: str | None) -> Array:
    """Return which of ``rows`` stay silent whatever spikes they receive; a first layer may receive any value."""
    part = take(layer, rows)
    sent = {"IF": (0.0, 1.0), "LIF": (0.0, 1.0), "ST-BIF": (-1.0, 1.0)}.get(before or "", (-np.inf, np.inf))
    low, high = (np.full(layer.n_inputs, end) for end in sent)
    return never_fires(part, *drive_bounds(part, low, high))
