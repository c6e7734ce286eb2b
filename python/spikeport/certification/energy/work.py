"""What a spiking network does for each sample, in NeuroBench's terms (Yik et al. 2025), node by node.

- **spikes**: what neurons send, several at once counted each, and as **set bits** the bits of their number.
- **accumulates**: a weight that is not 0 meets a spike. **Multiply-accumulates**: it meets a graded value, such as an
  analog input, at each step, several spikes at once, or what a pool passes on. Biases are not counted.
- **deliveries**: spikes that come to a weight which is not 0, several at once counted each, those behind pools too.
- **repeated**: those multiply-accumulates that the first step has made already, because the input is constant.
- **membrane accesses**: a read and a write for each neuron and step.
- **additions**: what joins and pools without weights add up.

What a connection reads is a spike where spikes alone can come: by the kind of node, not by the values of a run.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, RunResult, SNNGraph
from spikeport.graph.signals import recorded_signals
from spikeport.kernels import INPUT
from spikeport.kernels.network import Signal
from spikeport.operations import Add, Concat, MaxPool, Pool, Weighted

Array = npt.NDArray[Any]

FIELDS: Final = (
    "spikes",
    "set_bits",
    "accumulates",
    "multiply_accumulates",
    "deliveries",
    "repeated",
    "additions",
)
SET_BITS: Final = np.array([value.bit_count() for value in range(128)], np.float64)


class Structure(NamedTuple):
    """What the work of a node hangs on beside its input: how many synapses, neurons, and what it reads."""

    name: str
    synapses: int
    """Products of the trained network: every weight for every place, 0 or not."""
    neurons: int
    """0 for a node without neurons."""
    values: int
    """What it passes on at each step."""
    reads_spikes: bool
    """Whether all that it reads is single spikes."""
    is_reached: bool
    """Whether all that it reads are spikes, of any number, or sums of them."""


def structure_of(graph: SNNGraph, encoding: str) -> list[Structure]:
    """Return the structure of each node; the output is read by what it receives, so its neurons send nothing."""
    single, whole = {INPUT: encoding == "poisson"}, {INPUT: encoding == "poisson"}
    found = []
    for index, layer in enumerate(graph):
        names = graph.reads(index)
        reads, reached = all(single[name] for name in names), all(whole[name] for name in names)
        neurons = layer.n_neurons if layer.neuron.is_spiking else 0
        chosen, summed = isinstance(layer.operation, MaxPool | Concat), isinstance(layer.operation, Add | Pool)
        single[layer.name] = layer.neuron.max_spikes == 1 if neurons else chosen and reads
        whole[layer.name] = bool(neurons) or ((chosen or summed) and reached)
        places = math.prod((layer.shape or ())[1:])
        synapses = layer.operation.weight.size * places if isinstance(layer.operation, Weighted) else 0
        found.append(Structure(layer.name, synapses, neurons, layer.n_neurons, reads, reached))
    return found


def work_at(graph: SNNGraph, x: Array, run: RunResult, encoding: str, steps: list[int]) -> Array:
    """Return the work of a recorded run after each of ``steps``: (batch, len(steps), nodes, len(FIELDS)).

    ``x`` is what the network was fed: (batch, *input_shape), or the draws (T, batch, *input_shape).
    """
    given = Signal(x, encoding == "current")
    T, structure = run.timesteps, structure_of(graph, encoding)
    batch = x.shape[0 if given.steady else 1]
    work = np.zeros((batch, len(steps), len(graph), len(FIELDS)))
    places = np.array(steps) - 1
    assert run.spikes is not None
    for k, (layer, read) in enumerate(recorded_signals(graph, given, run)):
        counts = dict.fromkeys(FIELDS, np.zeros((T, batch)))
        if structure[k].neurons:
            sent = np.abs(run.spikes[k].reshape(T, batch, -1))
            counts["spikes"] = sent.sum(axis=2, dtype=np.float64)
            several = layer.neuron.max_spikes > 1
            counts["set_bits"] = SET_BITS[sent].sum(axis=2) if several else counts["spikes"]
        counts |= _connection(layer, read, T, structure[k])
        for f, name in enumerate(FIELDS):
            work[:, :, k, f] = np.add.accumulate(counts[name], axis=0)[places].T
    return work


def _connection(layer: LayerNode, read: list[Signal], T: int, structure: Structure) -> dict[str, Array]:
    operation = layer.operation
    if isinstance(operation, Weighted):
        (signal,) = read
        met = _met(operation, signal)
        if structure.reads_spikes:
            return {"accumulates": _each_step(met, T), "deliveries": _each_step(met, T)}
        again = _each_step(met, T).copy() if signal.steady else np.zeros((T, met.shape[1]))
        again[:1] = 0
        delivered = _met(operation, signal, by_value=True) if structure.is_reached else np.zeros(met.shape)
        products = _each_step(met, T)
        return {"multiply_accumulates": products, "repeated": again, "deliveries": _each_step(delivered, T)}
    if isinstance(operation, Add | Pool) and not isinstance(operation, MaxPool):
        added = sum((_active(layer, signal) for signal in read), np.zeros((1, 1)))
        return {"additions": _each_step(added, T)}
    return {}


def _active(layer: LayerNode, signal: Signal) -> Array:
    """Return the values that are not 0, each as often as a window of the layer reads it on average, (T or 1, batch)."""
    values = signal.values[None] if signal.steady else signal.values
    active: Array = np.count_nonzero(values.reshape(*values.shape[:2], -1), axis=2).astype(np.float64)
    if not isinstance(layer.operation, Pool):
        return active
    reads = layer.n_neurons * math.prod(layer.operation.window.kernel)
    return active * (reads / math.prod(values.shape[2:]))


def _met(operation: Weighted, signal: Signal, *, by_value: bool = False) -> Array:
    """Return how many weights that are not 0 meet a value that is not 0, at each step, (T or 1, batch).

    ``by_value`` counts a value as many times as it says.
    """
    values = signal.values[None] if signal.steady else signal.values
    fan_out = operation.fan_out(values.shape[2:]).reshape(-1).astype(np.float64)
    each = np.abs(values) if by_value else values != 0
    met: Array = each.reshape(*values.shape[:2], -1).astype(np.float64) @ fan_out
    return met


def _each_step(counts: Array, T: int) -> Array:
    return np.broadcast_to(counts, (T, counts.shape[1]))
