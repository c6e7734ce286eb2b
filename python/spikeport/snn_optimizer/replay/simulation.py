"""What a network did on data, as `SNNGraph.run` runs it: what passed along every connection, and what came out.

Everything is by the names of nodes. Of a node with weights, `Activity.events` says how many values arrived that are not
0. What a node reads of every sample is in `spikeport.snn_optimizer.replay.signals`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import fed
from spikeport.operations import Weighted
from spikeport.snn_optimizer.proofs.scope import Scope, as_samples

Array = npt.NDArray[Any]
VALUES_AT_ONCE = 1 << 23  # values of all nodes over all steps that are held at once: 64 MiB in float64


@dataclass(frozen=True, eq=False)
class Activity:
    """What a network did on data.

    Attributes
    ----------
    events : by node with weights, how many values that are not 0 arrive in one inference, a mean over the samples, of
        the shape of what the node reads
    rates, means : by node, the share of steps at which what it passes on is not 0, and its mean value, of its shape
    drive : what the output node received in all, (samples, n_outputs)
    """

    events: dict[str, Array]
    rates: dict[str, Array]
    means: dict[str, Array]
    drive: Array

    @property
    def answers(self) -> Array:
        """The output neuron that received most, (samples,)."""
        return np.asarray(self.drive.argmax(axis=1))


class _Sent(NamedTuple):
    """What the input and each node passed on in one block: sums over its samples of values and of events."""

    total: list[Array]
    events: list[Array]
    drive: Array


def simulate(graph: SNNGraph, data: Array, scope: Scope) -> Activity:
    """Run ``data`` of shape (samples, *input_shape) and return what happened, in blocks of samples that bound memory.

    Raises `spikeport.errors.KernelError` as `SNNGraph.run` does, with ``non_finite`` for currents that overflow.
    """
    x = as_samples(graph, data)
    at = {layer.name: k for k, layer in enumerate(graph, start=1)}  # 0 is the input
    reads = {layer.name: _place_of_source(graph, k, at) for k, layer in enumerate(graph)}
    weighted = [layer.name for layer in graph if isinstance(layer.operation, Weighted)]
    graded = any(reads[name] and not sends_ones(graph.layers[reads[name] - 1]) for name in weighted)
    record = graded or any(layer.neuron.is_spiking and not sends_ones(layer) for layer in graph)
    size = block_size(graph, scope.timesteps if record else 1)
    parts = [_block(graph, x[start : start + size], scope, record) for start in range(0, len(x), size)]
    total, events = (
        [np.sum(blocks, axis=0) / len(x) for blocks in zip(*(getattr(part, name) for part in parts), strict=True)]
        for name in ("total", "events")
    )
    return Activity(
        events={name: events[reads[name]] for name in weighted},
        rates={name: events[k] / scope.timesteps for name, k in at.items()},
        means={name: total[k] / scope.timesteps for name, k in at.items()},
        drive=np.concatenate([part.drive for part in parts]),
    )


def upstream(graph: SNNGraph, name: str) -> SNNGraph:
    """Return the graph that ends in the node ``name``: what it reads, what that reads, and so on."""
    place = {layer.name: k for k, layer in enumerate(graph)}
    wanted, kept = {name}, list[LayerNode]()
    for k in range(place[name], -1, -1):
        layer = graph.layers[k]
        if layer.name not in wanted:
            continue
        wanted |= {source.name for source in graph.sources(layer.name) if source is not None}
        if not graph.is_chain:
            layer = copy.copy(layer)
            layer.inputs = graph.reads(k)  # the node before it may be gone
        kept.append(layer)
    return SNNGraph(kept[::-1], graph.input_shape)


def _place_of_source(graph: SNNGraph, index: int, at: dict[str, int]) -> int:
    (source, *_) = graph.sources(graph.layers[index].name)
    return 0 if source is None else at[source.name]


def sends_ones(layer: LayerNode) -> bool:
    """Whether all it sends is 0 or 1, so that its counts are its events."""
    return layer.neuron.is_spiking and layer.neuron.spike_range == (0, 1)


def block_size(graph: SNNGraph, steps: int) -> int:
    """Return how many samples run at once when the values of all nodes over so many steps are held."""
    held = graph.n_inputs + sum(layer.n_neurons for layer in graph)
    return max(1, VALUES_AT_ONCE // (held * steps))


def _block(graph: SNNGraph, x: Array, scope: Scope, record: bool) -> _Sent:
    T = scope.timesteps
    run = graph.run(x, T=T, encoding=scope.encoding, seed=scope.seed, record=record)
    first = input_steps(graph, x, scope)
    steady = T if len(first) == 1 else 1  # the same input at every step is multiplied once: an event of one step
    total, events = [first.sum(axis=(0, 1)) * steady], [np.count_nonzero(first, axis=(0, 1))]
    for k, layer in enumerate(graph):
        total.append(run.counts[k].sum(axis=0, dtype=np.float64))
        spikes = None if run.spikes is None or sends_ones(layer) else run.spikes[k]
        events.append(run.counts[k].sum(axis=0) if spikes is None else np.count_nonzero(spikes, axis=(0, 1)))
    return _Sent(total, events, run.drive.reshape(len(x), -1))


def input_steps(graph: SNNGraph, x: Array, scope: Scope) -> Array:
    """Return what is fed at every step, (steps, samples, *input_shape): one step where all are the same."""
    if scope.encoding == "current":
        return x[None].astype(np.float64, copy=False)
    return fed(graph, x, scope.timesteps, scope.encoding, scope.seed).values.astype(np.float64)
