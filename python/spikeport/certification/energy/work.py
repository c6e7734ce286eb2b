"""What a spiking network does for each sample, in NeuroBench's terms (Yik et al. 2025), node by node.

- **spikes**: values that are not 0 on their way out of neurons; a neuron that sends several at once counts them all.
- **accumulates**: a weight that is not 0 meets a spike. **Multiply-accumulates**: it meets a graded value, such as an
  analog input, at each step, or what an average pool passes on. Biases are not counted.
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

FIELDS: Final = ("spikes", "accumulates", "multiply_accumulates", "repeated", "additions")


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


def structure_of(graph: SNNGraph, encoding: str) -> list[Structure]:
    """Return the structure of each node; the output is read by what it receives, so its neurons send nothing."""
    spiking = {INPUT: encoding == "poisson"}
    found = []
    for index, layer in enumerate(graph):
        reads = all(spiking[name] for name in graph.reads(index))
        neurons = layer.n_neurons if layer.neuron.is_spiking else 0
        passes_on = isinstance(layer.operation, MaxPool | Concat)
        spiking[layer.name] = bool(neurons) or (passes_on and reads)
        places = math.prod((layer.shape or ())[1:])
        synapses = layer.operation.weight.size * places if isinstance(layer.operation, Weighted) else 0
        found.append(Structure(layer.name, synapses, neurons, layer.n_neurons, reads))
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
            counts["spikes"] = np.abs(run.spikes[k].reshape(T, batch, -1)).sum(axis=2, dtype=np.float64)
        counts |= _connection(layer, read, T, structure[k].reads_spikes)
        for f, name in enumerate(FIELDS):
            work[:, :, k, f] = np.add.accumulate(counts[name], axis=0)[places].T
    return work


def _connection(layer: LayerNode, read: list[Signal], T: int, spikes: bool) -> dict[str, Array]:
    operation = layer.operation
    if isinstance(operation, Weighted):
        (signal,) = read
        met = _met(operation, signal)
        if spikes:
            return {"accumulates": _each_step(met, T)}
        again = _each_step(met, T).copy() if signal.steady else np.zeros((T, met.shape[1]))
        again[:1] = 0
        return {"multiply_accumulates": _each_step(met, T), "repeated": again}
    if isinstance(operation, Add | Pool) and not isinstance(operation, MaxPool):
        share = (
            math.prod((layer.shape or ())[1:]) * math.prod(operation.window.kernel)
            if isinstance(operation, Pool)
            else 0
        )
        found: Array = np.zeros((1, 1))
        for signal in read:
            values = signal.values[None] if signal.steady else signal.values
            each = share * values.shape[2] / math.prod(values.shape[2:]) if share else 1.0
            found = found + each * np.count_nonzero(values.reshape(*values.shape[:2], -1), axis=2)
        return {"additions": _each_step(found, T)}
    return {}


def _met(operation: Weighted, signal: Signal) -> Array:
    """Return how many weights that are not 0 meet a value that is not 0, at each step, (T or 1, batch)."""
    values = signal.values[None] if signal.steady else signal.values
    fan_out = operation.fan_out(values.shape[2:]).reshape(-1).astype(np.float64)
    met: Array = (values != 0).reshape(*values.shape[:2], -1) @ fan_out
    return met


def _each_step(counts: Array, T: int) -> Array:
    return np.broadcast_to(counts, (T, counts.shape[1]))
