"""A network whose arrays lie on a device: node by node, all steps of some samples at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from spikeport.backends.network import Network
from spikeport.backends.torch_device.device import TYPES, Device
from spikeport.backends.torch_device.draws import draw
from spikeport.backends.torch_device.firing import fire
from spikeport.backends.torch_device.neurons import Signal, summed
from spikeport.backends.torch_device.operations import LaidOut, sums
from spikeport.backends.torch_device.precision import full_precision
from spikeport.kernels import PlacedNetwork, RunResult, sample_keys
from spikeport.kernels.bounds import bounds_of
from spikeport.kernels.integers import largest_of
from spikeport.kernels.memory import signals_of
from spikeport.kernels.network import settled_after
from spikeport.kernels.nodes import INPUT

Array = npt.NDArray[Any]

VALUES_AT_ONCE: Final = {"cpu": 1 << 22}
"""Values of the largest signal, all steps of all samples, that a run holds at once, by the kind of device."""

ELSEWHERE: Final = 1 << 26
"""The same for other devices."""


class TorchNetwork(Network):
    """Keeps weights where they are computed with; a signal leaves the device when it is a result."""

    def __init__(self, device: Device, placed: PlacedNetwork) -> None:
        super().__init__(placed)
        self.device = device
        self._operations = [LaidOut(device, node.operation) for node in placed.nodes]

    def _samples_at_once(self, timesteps: int, record: bool) -> int:
        most = VALUES_AT_ONCE.get(self.device.torch.type, ELSEWHERE)
        return most // (max(1, int(timesteps)) * self.placed.largest)

    def _held(self, timesteps: int) -> int:
        # beside what any walk holds, what a node reads in the type of its sums, as it is and padded
        widest = 8 if self.placed.dtype == np.int32 else self.placed.dtype.itemsize
        return signals_of(self.placed, timesteps) + 2 * timesteps * self.placed.largest * widest

    def _run(self, x: Array, timesteps: int, encoding: str, seed: int, record: bool, threads: int | None) -> RunResult:
        try:
            with full_precision(self.device.torch):
                return self._walk(x, timesteps, encoding, seed, record)
        except torch.cuda.OutOfMemoryError as error:
            said = str(error).splitlines()[0]
            raise MemoryError(f"{self.device.torch} is full, max_bytes= makes parts that fit: {said}") from None

    def _walk(self, x: Array, timesteps: int, encoding: str, seed: int, record: bool) -> RunResult:
        device, dtype, pulse = self.device, TYPES[self.placed.dtype], encoding == "pulse"
        types = self._types(x)
        signals = {INPUT: self._first_signal(x, timesteps, encoding, seed)}
        last_reader = {name: node.name for node in self.nodes for name in node.inputs}
        result = RunResult([], [], np.zeros(0), timesteps, [] if record else None)
        moved = np.zeros((timesteps, x.shape[1 if encoding == "spikes" else 0]), bool) if pulse else None
        for node, operation, held in zip(self.nodes, self._operations, types, strict=True):
            I = operation([signals[name] for name in node.inputs], timesteps, dtype, held, pulse=pulse)
            trace = fire(device, node.neuron, I, timesteps, node.shape)
            if moved is not None:
                moved |= device.array((trace.spikes != 0).flatten(2).any(dim=2))
            is_graded = I.steady and not node.neuron.is_spiking
            signals[node.name] = I if is_graded else Signal(trace.spikes, False)
            for name in set(node.inputs):
                if last_reader[name] == node.name:
                    del signals[name]
            result.counts.append(device.array(trace.counts))
            result.membrane.append(device.array(trace.membrane))
            if result.spikes is not None:
                result.spikes.append(device.array(trace.spikes))
        drive = device.array(summed(I, timesteps))
        settled = None if moved is None else settled_after(moved)
        return RunResult(result.counts, result.membrane, drive, timesteps, result.spikes, settled)

    def _types(self, x: Array) -> list[torch.dtype]:
        """Return the float type in which each node's sums are exact, of a network of floats its own."""
        if self.placed.dtype != np.int32:
            return [TYPES[self.placed.dtype]] * len(self.nodes)
        largest = largest_of(x)
        return [sums(max(largest, most)) for _, most in bounds_of(self.placed, largest)]

    def _first_signal(self, x: Array, timesteps: int, encoding: str, seed: int) -> Signal:
        if encoding == "poisson":
            rates = x.reshape(len(x), self.placed.input_size).astype(np.float64)
            keys = self.device.tensor(sample_keys(rates).view(np.int64))
            spikes = draw(self.device.tensor(rates), keys, timesteps, seed)
            return Signal(spikes.reshape(timesteps, *x.shape), False)
        values = self.device.tensor(x)
        if encoding == "pulse":
            steps = torch.zeros((timesteps, *x.shape), dtype=values.dtype, device=values.device)
            steps[:1] = values
            return Signal(steps, False)
        return Signal(values, encoding == "current")
