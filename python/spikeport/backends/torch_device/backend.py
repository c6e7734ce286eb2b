"""The kernels on torch, on one device."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeport.backends.backend import Backend
from spikeport.backends.network import Network
from spikeport.backends.torch_device.device import TYPES, Device
from spikeport.backends.torch_device.draws import draw
from spikeport.backends.torch_device.firing import fire, fire_if, fire_st_bif
from spikeport.backends.torch_device.network import TorchNetwork
from spikeport.backends.torch_device.neurons import Signal, Traced
from spikeport.backends.torch_device.operations import LaidOut, sums
from spikeport.backends.torch_device.precision import full_precision
from spikeport.kernels import PlacedNetwork, Trace, sample_keys
from spikeport.kernels.integers import largest_of
from spikeport.kernels.integrate_fire import IfParameters
from spikeport.kernels.st_bif import StBifParameters
from spikeport.neuron import Neuron
from spikeport.operations import Linear, Operation

Array = npt.NDArray[Any]


class Torch(Backend):
    """Runs every kernel on one device; see `spikeport.kernels` for every method.

    What adds floats in an order of its own is ``linear`` and ``conv``; integers, and all other kernels, have the bits
    of the reference.
    """

    is_exact_on_floats = False

    def __init__(self, device: Device) -> None:
        self.device = device
        self.name = f"torch:{device.torch}"

    def _if_multistep(self, I: Array, given: IfParameters) -> Trace:
        return self._trace(fire_if(self.device, given, Signal(self.device.tensor(I), False), len(I)))

    def _if_constant(self, I: Array, timesteps: int, given: IfParameters) -> Trace:
        return self._trace(fire_if(self.device, given, Signal(self.device.tensor(I), True), timesteps))

    def _st_bif_multistep(self, I: Array, given: StBifParameters) -> Trace:
        return self._trace(fire_st_bif(self.device, given, Signal(self.device.tensor(I), False), len(I)))

    def _layer_forward(self, x: Array, operation: Linear, neuron: Neuron) -> Trace:
        rows = x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])
        I = self._currents_of(operation, [rows])
        trace = self._trace(fire(self.device, neuron, I, len(x), (operation.n_outputs,)))
        shape = (*x.shape[1:-1], operation.n_outputs)
        return Trace(trace.spikes.reshape(len(x), *shape), *(part.reshape(shape) for part in trace[1:]))

    def _operation_currents(self, operation: Operation, signals: list[Array]) -> Array:
        currents = self._currents_of(operation, signals).values
        self.device.check_finite("currents", currents)
        return self.device.array(currents)

    def _currents_of(self, operation: Operation, signals: list[Array]) -> Signal:
        dtype = operation.element or signals[0].dtype
        held = TYPES[dtype]
        if dtype == np.int32:
            largest = [largest_of(signal) for signal in signals]
            held = sums(max(operation.bound(*largest), *largest))
        given = [Signal(self.device.tensor(signal), False) for signal in signals]
        with full_precision(self.device.torch):
            return LaidOut(self.device, operation)(given, len(signals[0]), TYPES[dtype], held)

    def _network(self, placed: PlacedNetwork) -> Network:
        return TorchNetwork(self.device, placed)

    def _encode_poisson(self, p: Array, timesteps: int, seed: int, samples: Array | None) -> Array:
        keys = (sample_keys(p) if samples is None else samples).view(np.int64)
        return self.device.array(draw(self.device.tensor(p), self.device.tensor(keys), timesteps, int(seed)))

    def _qcfs(self, x: Array, timesteps: int, θ: Array) -> Array:
        values, unit = self.device.tensor(x), self.device.tensor(θ)
        level: Tensor = torch.clamp(torch.floor(values * timesteps / unit + 0.5), 0, timesteps)
        return self.device.array(level * unit / timesteps)

    def _trace(self, traced: Traced) -> Trace:
        return Trace(*(self.device.array(part) for part in traced))


@cache
def on(device: str) -> Torch:
    """Return the backend on a device by torch's name, the same one for the same device; ``""`` is the default."""
    return Torch(Device(device)) if device else on("cuda" if torch.cuda.is_available() else "cpu")
