"""A network that Julia runs: in one call where that is short, in several where Ctrl-C would wait for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends.julia_calls import Call, contiguous, node_words, room_for_counts, work
from spikeport.backends.network import WalkedNetwork
from spikeport.backends.parts import is_one_part
from spikeport.kernels import INPUT, PlacedNetwork, PlacedNode, RunResult, Trace
from spikeport.kernels.network import Signal
from spikeport.neuron import Neuron
from spikeport.operations import Operation

Array = npt.NDArray[Any]


class JuliaNetwork(WalkedNetwork):
    """Hands over every array at each run, where it lies: nothing is laid out in Julia.

    A run of much work goes node by node, by the functions given, which call Julia in parts.
    """

    def __init__(
        self,
        placed: PlacedNetwork,
        call: Call,
        encode: Callable[..., Array],
        currents: Callable[[Operation, list[Array]], Array],
        fire: Callable[[Neuron, Signal, int], Trace],
    ) -> None:
        super().__init__(placed)
        self._call, self._encoded, self._summed, self._fired = call, encode, currents, fire
        self._words: list[dict[str, Any]] = []
        places = {INPUT: 0}
        for place, node in enumerate(self.nodes, 1):
            reads = tuple(places[name] for name in node.inputs)
            self._words.append(node_words(node.operation, node.neuron) | {"inputs": reads})
            places[node.name] = place
        self._work = sum(work(node.operation, node.shape) for node in self.nodes)

    def _run(self, x: Array, timesteps: int, encoding: str, seed: int, record: bool, threads: int | None) -> RunResult:
        batch = x.shape[-1 - len(self.placed.input_shape)]
        if not is_one_part(batch * timesteps, self._work):
            return super()._run(x, timesteps, encoding, seed, record, threads)
        words: dict[str, Any] = {"inputs": contiguous(x), "timesteps": timesteps, "encoding": encoding, "seed": seed}
        words["nodes"] = len(self.nodes)
        counts: list[Array] = []
        membrane: list[Array] = []
        spikes: list[Array] = []
        for k, (node, given) in enumerate(zip(self.nodes, self._words, strict=True)):
            shape, graded = (batch, *node.shape), not node.neuron.is_spiking
            counts.append(room_for_counts(shape, x.dtype, graded))
            membrane.append(np.zeros(shape, x.dtype))
            results = {"counts": counts[k], "membrane": membrane[k]}
            if record:
                spikes.append(np.zeros((timesteps, *shape), x.dtype if graded else np.int8))
                results["spikes"] = spikes[k]
            words |= {f"{key}.{k}": value for key, value in (given | results).items()}
        drive = np.zeros((batch, *self.nodes[-1].shape), x.dtype)
        settled = np.zeros(batch, np.int64) if encoding == "pulse" else None
        words |= {"drive": drive} if settled is None else {"drive": drive, "settled": settled}
        self._call("network_run", words)
        return RunResult(counts, membrane, drive, timesteps, spikes if record else None, settled)

    def _encode(self, rates: Array, *, timesteps: int, seed: int) -> Array:
        return self._encoded(rates, timesteps=timesteps, seed=seed)

    def _currents(self, node: PlacedNode, signals: list[Signal], timesteps: int, dtype: Any) -> Signal:
        steady = all(signal.steady for signal in signals) and not node.operation.remembers
        given = [signal.values[None] if steady else signal.steps(timesteps) for signal in signals]
        currents = self._summed(node.operation, [values.astype(dtype, copy=False) for values in given])
        return Signal(currents[0], True) if steady else Signal(currents, False)

    def _fire(self, neuron: Neuron, currents: Signal, timesteps: int) -> Trace:
        return self._fired(neuron, currents, timesteps)
