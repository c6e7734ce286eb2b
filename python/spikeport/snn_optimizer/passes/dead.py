"""Measured-dead neurons: those that fired less than a threshold, removed with what they sent on average.

A neuron of rate r sends w·r in one step on average; that goes into the next bias, so a neuron that fires rarely is
replaced by its mean, not by nothing. Rates come from `LayerNode.firing_rates` (a profiler's), or from the data at
hand. Where neither is there, only what is proven silent goes, which is exact
(`spikeport.snn_optimizer.passes.elimination.eliminate_silent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.operations import Conv, Pool
from spikeport.snn_optimizer.passes.elimination import eliminate_silent
from spikeport.snn_optimizer.proofs.bounds import drive_bounds, ends_without_proofs, never_fires
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.replay.simulation import simulate
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import Reader, handed_on, in_words, keep_units, removable
from spikeport.snn_optimizer.surgery.weighted import (
    add_to_bias,
    at_each_place,
    constant_drive,
    places_of,
    rebuilt,
    units_of,
    weighted_of,
)
from spikeport.snn_optimizer.surgery.wiring import replace

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
    means = _means(graph, rates)
    keep, result, folded, proven, removed = {}, graph, 0.0, 0, 0
    for node, readers in removable(graph):
        if node.name not in rates or not node.neuron.is_spiking:
            continue
        rate = rates[node.name][0].reshape(units_of(node), places_of(node)).max(axis=1)  # of its busiest place
        dead = (rate < threshold) & _can_go(graph, node, readers, means)
        if dead.all():
            dead[rate.argmax()] = False
        if not dead.any():
            continue
        keep[node.name] = np.flatnonzero(~dead)
        removed += int(dead.sum())
        proven += int((_proven(graph, node) & dead).sum())
        for reader in readers:
            mean = _mean_of_terms(reader, means[reader.source])
            sent = np.zeros_like(mean)
            terms = reader.terms[dead]
            sent[terms] = mean[terms]
            if sent.any():
                after = result[reader.node.name]
                drive = constant_drive(after, sent)
                folded = max(folded, float(np.abs(drive).max()))
                result = replace(result, after.name, rebuilt(after, bias=add_to_bias(after, drive)))
    if not keep:
        return unchanged(graph, f"no measured rate is below {threshold:g}")
    result, survivors = keep_units(result, keep)
    units = in_words(graph)
    if proven == removed and not folded:
        return Rewrite(result, Certificate("exact", f"{removed} {units} proven silent; equal bit for bit"), survivors)
    what = f"{removed} {units} fired at less than {threshold:g} per step ({proven} of them proven silent)"
    what += f"; mean drive folded into the next bias, at most {folded:.3g}" if folded else ""
    given = any(graph[name].firing_rates is not None for name in keep)
    what += "; by the firing_rates given, on data not seen here" if given else "; rates measured on the data"
    return Rewrite(result, Certificate("unchecked", what), survivors)


def _rates(graph: SNNGraph, scope: Scope) -> dict[str, tuple[Array, Array]]:
    """Return (rate, mean value) of every hidden node, as given or measured, of its shape.

    A measured rate is the share of steps at which anything is sent.
    """
    given = {node.name: node.firing_rates for node in graph if node.firing_rates is not None}
    # a bipolar neuron's rate says nothing of the sign of what it sends
    unsigned = {name: graph[name].neuron.kind != "ST-BIF" for name in given}
    found = {name: (np.abs(rate), rate * unsigned[name]) for name, rate in given.items()}
    hidden = [node.name for node in graph.layers[:-1]]
    if scope.data is None or all(name in found for name in hidden):
        return found
    activity = simulate(graph, scope.data, scope)
    for name in hidden:
        found.setdefault(name, (activity.rates[name], activity.means[name]))
    return found


def _means(graph: SNNGraph, rates: dict[str, tuple[Array, Array]]) -> dict[str, Array]:
    """Return the mean value of every signal of the graph's nodes, of its shape; NaN where it is not known.

    Sums, averages and joins without neurons have the means of what they read.
    """
    means: dict[str, Array] = {}
    for k, node in enumerate(graph.layers):
        if node.name in rates:
            means[node.name] = rates[node.name][1]
            continue
        linear = node.operation.kind in ("sum_pool", "avg_pool", "concat") and not node.neuron.is_spiking
        sources = graph.sources(node.name)
        means[node.name] = at_each_place(node, np.array(np.nan))
        if linear and all(source is not None for source in sources):
            read = [means[name][None, None] for name in graph.reads(k)]
            means[node.name] = node.operation.currents(*read, dtype=np.float64)[0, 0]
    return means


def _can_go(graph: SNNGraph, node: LayerNode, readers: Sequence[Reader], means: dict[str, Array]) -> Array:
    """Return the units whose mean a bias can say in every reader, shape (units,) bool.

    A mean of 0 needs no bias. Any other is none of a convolution with padding, nor behind a pool with padding, since at
    the border fewer of its values are read; and nothing is known of a mean behind neurons that were not measured.
    """
    handing = [graph[name].operation for name in handed_on(graph, node.name) if name != node.name]
    padded = any(isinstance(pool, Pool) and any(pool.window.padding) for pool in handing)
    can = np.ones(units_of(node), bool)
    for reader in readers:
        operation = reader.node.operation
        at_border = isinstance(operation, Conv) and (padded or any(operation.window.padding))
        mean = _mean_of_terms(reader, means[reader.source])[reader.terms]
        can &= ((mean == 0) | (np.isfinite(mean) & (not at_border))).all(axis=1)
    return can


def _mean_of_terms(reader: Reader, mean: Array) -> Array:
    """Return the mean that each term of a reader reads, shape (terms,): of a convolution, that of the channel."""
    terms = weighted_of(reader.node).matrix.shape[2]
    if not isinstance(reader.node.operation, Conv):
        return mean.ravel()
    return np.repeat(mean.reshape(len(mean), -1).mean(axis=1), terms // len(mean))


def _proven(graph: SNNGraph, node: LayerNode) -> Array:
    """Return which units of a node stay silent whatever spikes they receive; one that reads the input may receive any
    value."""
    ((low, high),) = ends_without_proofs(graph)[node.name]
    silent = never_fires(node, *drive_bounds(node, low, high))
    return np.asarray(silent.reshape(units_of(node), places_of(node)).all(axis=1))
