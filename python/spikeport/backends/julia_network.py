"""A network that Julia runs: in one call where that is short, in several where Ctrl-C would wait for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends.julia_calls import Call, contiguous, node_words
from spikeport.backends.network import WalkedNetwork
from spikeport.backends.parts import is_one_part
from spikeport.errors import KernelError
from spikeport.kernels import PlacedNetwork, PlacedNode, RunResult, Trace
from spikeport.kernels.network import Signal
from spikeport.neuron import Neuron
from spikeport.operations import Linear

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
        currents: Callable[[Linear, Array], Array],
        fire: Callable[[Neuron, Signal, int], Trace],
    ) -> None:
        super().__init__(placed)
        if not placed.is_linear_chain:
            raise KernelError("operation", "the Julia backend runs linear layers only")
        nodes = placed.nodes
        self._call, self._encoded, self._summed, self._fired = call, encode, currents, fire
        self._words = [node_words(node.operation, node.neuron) for node in nodes]
        self._work = sum(node.operation.weight.size for node in nodes if isinstance(node.operation, Linear))

    def _run(self, x: Array, timesteps: int, encoding: str, seed: int, record: bool) -> RunResult:
        if not is_one_part(x.shape[-2] * timesteps, self._work):
            return super()._run(x, timesteps, encoding, seed, record)
        words: dict[str, Any] = {"inputs": contiguous(x), "timesteps": timesteps, "encoding": encoding, "seed": seed}
        words["nodes"] = len(self.nodes)
        counts: list[Array] = []
        membrane: list[Array] = []
        spikes: list[Array] = []
        for k, (node, given) in enumerate(zip(self.nodes, self._words, strict=True)):
            shape, graded = (x.shape[-2], node.size), not node.neuron.is_spiking
            counts.append(np.zeros(shape, x.dtype if graded else np.int64))
            membrane.append(np.zeros(shape, x.dtype))
            results = {"counts": counts[k], "membrane": membrane[k]}
            if record:
                spikes.append(np.zeros((timesteps, *shape), x.dtype if graded else np.int8))
                results["spikes"] = spikes[k]
            words |= {f"{key}.{k}": value for key, value in (given | results).items()}
        drive = np.zeros((x.shape[-2], self.nodes[-1].size), x.dtype)
        self._call("network_run", words | {"drive": drive})
        return RunResult(counts, membrane, drive, timesteps, spikes if record else None)

    def _encode(self, rates: Array, *, timesteps: int, seed: int) -> Array:
        return self._encoded(rates, timesteps=timesteps, seed=seed)

    def _currents(self, node: PlacedNode, signals: list[Signal], timesteps: int, dtype: Any) -> Signal:
        (signal,) = signals
        assert isinstance(node.operation, Linear)
        return Signal(self._summed(node.operation, signal.values), signal.steady)

    def _fire(self, neuron: Neuron, currents: Signal, timesteps: int) -> Trace:
        return self._fired(neuron, currents, timesteps)
