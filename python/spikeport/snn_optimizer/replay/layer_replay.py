"""Verification from the inside: every layer behind spikes chosen to show a difference, through to the output.

Inputs from outside reach only some of the spike patterns that a hidden layer could receive. Here a hidden layer's
output is set by hand, in both graphs alike, and what follows it is run: patterns that drive a neuron behind it most and
least, sets of its inputs that just bring it to its threshold and that just do not, and random trains. Neurons that the
passes removed send what the passes claim of them: nothing, a spike at every step, or what the neuron sends that speaks
for them (`spikeport.snn_optimizer.surgery.rewrite.Rewrite`).

What is set by hand must be all that the rest of the network hears: a layer beside which another path leads to the
output is left out, and named.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import SNNGraph
from spikeport.kernels import INPUT
from spikeport.snn_optimizer.cost import additions_of
from spikeport.snn_optimizer.proofs.bounds import LayerBounds
from spikeport.snn_optimizer.replay.receptive import neurons_that_read
from spikeport.snn_optimizer.surgery.rewrite import CONSTANT

Array = npt.NDArray[Any]
VALUES_AT_ONCE = 1 << 24  # of all trains of one layer; fewer trains where they would be more


@dataclass(frozen=True)
class LayerReplay:
    """What followed when the spikes of one hidden layer were set by hand: how many trains, and whether all went alike.

    ``first_difference`` is (train, step, output neuron) of the first output spike that differed, or None. A layer that
    was left out, since another path leads past it, has no trains.
    """

    layer: str
    trains: int
    identical: bool
    first_difference: tuple[int, int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        return asdict(self)


def replay_layers(
    before: SNNGraph,
    after: SNNGraph,
    speakers: Mapping[str, Array],
    *,
    timesteps: int = 16,
    seed: int = 0,
    effort: float = 1e9,
    most: int = 64,
    proven: Mapping[str, LayerBounds] | None = None,
) -> list[LayerReplay]:
    """Replay every hidden spiking layer that both graphs have.

    Parameters
    ----------
    speakers : by layer, for every unit of ``before`` who speaks for it in ``after`` (`Rewrite.speakers`)
    effort, most : trains for each layer: as many as so many synaptic operations allow, at most so many; less than for
        the drives of a verification, since every hidden layer has a replay of its own
    proven : by layer, the bounds of ``before`` that passes relied on: a neuron that is proven to fire always, or never,
        is set to nothing else
    """
    found = []
    place = {layer.name: k for k, layer in enumerate(after)}
    for k, layer in enumerate(before.layers[:-1]):
        at = place.get(layer.name)
        if at is None or at == len(after) - 1 or not layer.neuron.is_spiking:
            continue
        rest, smaller = behind(before, k), behind(after, at)
        if rest is None or smaller is None:
            found.append(LayerReplay(layer=layer.name, trains=0, identical=True))
            continue
        speaker = speakers.get(layer.name)
        count = int(np.clip(effort / (timesteps * max(additions_of(rest), 1)), 4, most))
        count = min(count, max(4, VALUES_AT_ONCE // (timesteps * rest.n_inputs)))
        sent = layer.neuron.spike_range
        trains = _trains(smaller, count, sent, timesteps, seed)
        if proven is not None:
            ends = _ends(proven[layer.name], rest.input_shape, smaller.input_shape, speaker, sent)
            trains = np.clip(trains, *ends)
        spoken = trains if speaker is None else _spoken(trains, speaker)
        if proven is not None:  # one that went since nothing reads it any more may be proven to fire always
            spoken = np.clip(spoken, proven[layer.name].output_low, proven[layer.name].output_high)
        outputs = []
        for graph, x in ((rest, spoken), (smaller, trains)):
            run = graph.run(x, T=timesteps, encoding="spikes", record=True)
            outputs.append((run.spikes or [])[-1].reshape(timesteps, count, -1))
        where = np.argwhere(outputs[0] != outputs[1])
        first = None if not len(where) else (int(where[0][1]), int(where[0][0]), int(where[0][2]))
        found.append(LayerReplay(layer=layer.name, trains=count, identical=not len(where), first_difference=first))
    return found


def behind(graph: SNNGraph, index: int) -> SNNGraph | None:
    """Return what follows the layer at ``index``, which becomes the input; None where any of it reads what stands
    before that layer."""
    own = graph.layers[index]
    names = {layer.name for layer in graph.layers[index + 1 :]}
    rest = []
    for k in range(index + 1, len(graph)):
        layer, reads = graph.layers[k], graph.reads(k)
        if any(name != own.name and name not in names for name in reads):
            return None
        if own.name in layer.inputs:
            layer = copy.copy(layer)
            layer.inputs = tuple(INPUT if name == own.name else name for name in reads)
        rest.append(layer)
    return SNNGraph(rest, own.shape)


def _spoken(trains: Array, speaker: Array) -> Array:
    """Return the trains of the units before: each what its speaker sends, nothing, or a spike at every step."""
    sent = trains[:, :, np.maximum(speaker, 0)]
    unit = (len(speaker), *(1,) * (trains.ndim - 3))
    silent = np.where(speaker == CONSTANT, 1.0, 0.0).reshape(unit)
    return np.where((speaker >= 0).reshape(unit), sent, silent)


def _ends(
    bound: LayerBounds, before: tuple[int, ...], after: tuple[int, ...], speaker: Array | None, sent: tuple[int, int]
) -> tuple[Array, Array]:
    """Return the least and the most that each neuron after may send, by what is proven of those it speaks for."""
    units = np.arange(before[0]) if speaker is None else speaker
    ends = np.full(after, float(sent[0])), np.full(after, float(sent[1]))
    for end, proven in zip(ends, (bound.output_low, bound.output_high), strict=True):
        end[units[units >= 0]] = proven.reshape(before)[units >= 0]
    return ends


def _trains(rest: SNNGraph, count: int, sent: tuple[int, int], timesteps: int, seed: int) -> Array:
    """Return spike trains (timesteps, count, *shape) that bring neurons that read the input of ``rest`` to a decision.

    Three quarters are chosen patterns, four for each neuron, the same at every step. The last quarter is random, for
    what goes wrong in a sequence of patterns and in none of them alone. Where no weights read the trains, all are
    random. ``sent`` are the least and the most spikes of a neuron in one step.
    """
    low, high = sent
    rng = np.random.default_rng(seed)
    n_chosen, n_inputs = count * 3 // 4, rest.n_inputs
    patterns: list[Array] = []
    readers = [rest.layers[k] for k in range(len(rest)) if rest.sources(rest.layers[k].name)[0] is None]
    for neuron in neurons_that_read(readers, rest.input_shape, -(-n_chosen // 4), rng):
        row = neuron.row
        most, least = np.where(row > 0, float(high), low), np.where(row > 0, low, float(high))
        order = np.argsort(-row)
        needed = neuron.threshold * (1 - neuron.v_init) - neuron.bias
        n_short = int(np.searchsorted(np.cumsum(np.maximum(row[order], 0)), needed))  # so many inputs do not suffice
        enough, short = np.zeros(len(row)), np.zeros(len(row))
        enough[order[: n_short + 1]], short[order[:n_short]] = 1.0, 1.0
        patterns += [most, least, enough, short]
    constant = np.array(patterns[:n_chosen]).reshape(-1, n_inputs)
    steady = np.broadcast_to(constant, (timesteps, *constant.shape))
    rates = rng.random((1, count - len(constant), 1))
    shape = (timesteps, count - len(constant), n_inputs)
    random = (rng.random(shape) < rates) * rng.choice([low or 1, high], shape)
    trains = np.concatenate([steady, random], axis=1).astype(np.float64)
    return trains.reshape(timesteps, count, *rest.input_shape)
