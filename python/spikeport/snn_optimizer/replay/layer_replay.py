"""Verification from the inside: every layer behind spikes chosen to show a difference, through to the output.

Inputs from outside reach only some of the spike patterns that a hidden layer could receive. Here a hidden layer's
output is set by hand, in both graphs alike, and what follows it is run: patterns that drive a neuron of the next
layer most and least, sets of its inputs that just bring it to its threshold and that just do not, and random
trains. Neurons that the passes removed send what the passes claim of them: nothing, a spike at every step, or what
the neuron sends that speaks for them (`spikeport.snn_optimizer.surgery.rewrite.Rewrite`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.proofs.bounds import LayerBounds
from spikeport.snn_optimizer.surgery.rewrite import CONSTANT
from spikeport.snn_optimizer.surgery.weighted import per_unit

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LayerReplay:
    """What followed when the spikes of one hidden layer were set by hand: how many trains, and whether all went alike.

    ``first_difference`` is (train, step, output neuron) of the first output spike that differed, or None.
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
    proven: Sequence[LayerBounds] | None = None,
) -> list[LayerReplay]:
    """Replay every hidden spiking layer that both graphs have.

    Parameters
    ----------
    speakers : by layer, for every neuron of ``before`` who speaks for it in ``after`` (`Rewrite.speakers`)
    effort, most : trains for each layer: as many as so many synaptic operations allow, at most so many; less than for
        the drives of a verification, since every hidden layer has a replay of its own
    proven : the bounds of the layers of ``before`` that passes relied on: a neuron that is proven to fire always, or
        never, is set to nothing else
    """
    found = []
    place = {layer.name: k for k, layer in enumerate(after)}
    for k, layer in enumerate(before.layers[:-1]):
        at = place.get(layer.name)
        if at is None or at == len(after) - 1 or not layer.neuron.is_spiking:
            continue
        speaker = speakers.get(layer.name, np.arange(layer.n_neurons))
        rest = SNNGraph(before.layers[k + 1 :]), SNNGraph(after.layers[at + 1 :])
        count = int(np.clip(effort / (timesteps * max(rest[0].n_params, 1)), 4, most))
        low = -1 if layer.neuron_type == "ST-BIF" else 0
        trains = _trains(rest[1].layers[0], count, low, timesteps, seed)
        if proven is not None:
            ends = np.full(after.layers[at].n_neurons, float(low)), np.ones(after.layers[at].n_neurons)
            for end, bound in zip(ends, (proven[k].output_low, proven[k].output_high), strict=True):
                end[speaker[speaker >= 0]] = bound[speaker >= 0]
            trains = np.clip(trains, *ends)
        as_before = np.where(
            speaker >= 0, trains[:, :, np.maximum(speaker, 0)], np.where(speaker == CONSTANT, 1, 0)
        ).astype(np.float64)
        runs = [
            g.run(x, T=timesteps, encoding="spikes", record=True)
            for g, x in zip(rest, (as_before, trains), strict=True)
        ]
        outputs = [(run.spikes or [])[-1] for run in runs]
        where = np.argwhere(outputs[0] != outputs[1])
        first = None if not len(where) else (int(where[0][1]), int(where[0][0]), int(where[0][2]))
        found.append(
            LayerReplay(layer=layer.name, trains=trains.shape[1], identical=not len(where), first_difference=first)
        )
    return found


def _trains(layer: LayerNode, count: int, low: int, timesteps: int, seed: int) -> Array:
    """Return spike trains (timesteps, count, n_inputs) that bring neurons of ``layer`` to a decision.

    Three quarters are chosen patterns, four for each neuron, the same at every step. The last quarter is random, for
    what goes wrong in a sequence of patterns and in none of them alone.
    """
    rng = np.random.default_rng(seed)
    bias = np.zeros(layer.n_neurons) if layer.bias is None else layer.bias
    θ, v_init = (per_unit(layer, value) for value in (layer.neuron.threshold, layer.neuron.v_init))
    n_chosen = count * 3 // 4
    patterns: list[Array] = []
    for j in rng.permutation(layer.n_neurons):
        if len(patterns) >= n_chosen:
            break
        row = layer.weights[j].astype(np.float64)
        most, least = np.where(row > 0, 1.0, low), np.where(row > 0, low, 1.0)
        order = np.argsort(-row)
        needed = θ[j] * (1 - v_init[j]) - bias[j]
        n_short = int(np.searchsorted(np.cumsum(np.maximum(row[order], 0)), needed))  # so many inputs do not suffice
        enough, short = np.zeros(len(row)), np.zeros(len(row))
        enough[order[: n_short + 1]], short[order[:n_short]] = 1.0, 1.0
        patterns += [most, least, enough, short]
    constant = np.array(patterns[:n_chosen]).reshape(-1, layer.n_inputs)
    steady = np.broadcast_to(constant, (timesteps, *constant.shape))
    rates = rng.random((1, count - len(constant), 1))
    shape = (timesteps, count - len(constant), layer.n_inputs)
    random = (rng.random(shape) < rates) * rng.choice([low or 1, 1], shape)
    return np.concatenate([steady, random], axis=1).astype(np.float64)
