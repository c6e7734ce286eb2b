"""What a laid-out network is, and the one that runs node by node in blocks of samples.

Samples are independent, so running a batch in blocks changes nothing and bounds memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends.settling import leaks, until_settled
from spikeport.kernels import PlacedNetwork, PlacedNode, RunResult, Trace, encode_poisson
from spikeport.kernels.checks import as_float, check_timesteps
from spikeport.kernels.network import Signal, check_inputs, first_signal, node_currents, node_fire, walk
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]

VALUES_AT_ONCE = 1 << 22


class Network(ABC):
    """A network that was checked and laid out, ready to run any number of times."""

    def __init__(self, placed: PlacedNetwork) -> None:
        self.placed = placed
        self.nodes = placed.nodes

    def run(
        self,
        inputs: npt.ArrayLike,
        *,
        timesteps: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
        stop_when_settled: bool = True,
    ) -> RunResult:
        """See `spikeport.kernels.network_run`; ``stop_when_settled`` spares steps of a pulse that change nothing."""
        check_timesteps(timesteps)
        x = check_inputs(self.placed, self._floats(inputs), timesteps, encoding, seed)
        if encoding == "pulse" and stop_when_settled and not leaks(self.nodes):
            return until_settled(lambda part, steps: self._run(part, steps, encoding, 0, record), x, int(timesteps))
        return self._run(x, int(timesteps), encoding, int(seed) if encoding == "poisson" else 0, record)

    def _floats(self, inputs: npt.ArrayLike) -> Array:
        return as_float("inputs", inputs)

    @abstractmethod
    def _run(self, x: Array, timesteps: int, encoding: str, seed: int, record: bool) -> RunResult: ...


class WalkedNetwork(Network):
    """Runs node by node, all steps of a block of samples at once; here by the reference's own kernels."""

    def _run(self, x: Array, timesteps: int, encoding: str, seed: int, record: bool) -> RunResult:
        axis = 1 if encoding == "spikes" else 0
        samples = x.shape[axis]
        blocks = -(-samples * max(1, timesteps) * self.placed.largest // VALUES_AT_ONCE)
        results = []
        for part in np.array_split(x, min(max(1, blocks), max(1, samples)), axis=axis):
            signal = first_signal(part, timesteps, encoding, seed, self._encode)
            pulse = encoding == "pulse"
            results.append(walk(self.placed, signal, timesteps, record, pulse, self._currents, self._fire))
        return results[0] if len(results) == 1 else _joined(results)

    def _encode(self, rates: Array, *, timesteps: int, seed: int) -> Array:
        return encode_poisson(rates, timesteps=timesteps, seed=seed)

    def _currents(self, node: PlacedNode, signals: list[Signal], timesteps: int, dtype: Any) -> Signal:
        return node_currents(node, signals, timesteps, dtype)

    def _fire(self, neuron: Neuron, currents: Signal, timesteps: int) -> Trace:
        return node_fire(neuron, currents, timesteps)


def _joined(results: list[RunResult]) -> RunResult:
    def join(parts: list[list[Array]], axis: int) -> list[Array]:
        return [np.concatenate(node, axis=axis) for node in zip(*parts, strict=True)]

    recorded = [result.spikes for result in results if result.spikes is not None]
    settled = [result.settled for result in results if result.settled is not None]
    return RunResult(
        counts=join([result.counts for result in results], axis=0),
        membrane=join([result.membrane for result in results], axis=0),
        drive=np.concatenate([result.drive for result in results]),
        timesteps=results[0].timesteps,
        spikes=join(recorded, axis=1) if recorded else None,
        settled=np.concatenate(settled) if settled else None,
    )
