"""The NumPy reference as a backend: the kernels as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import spikeport.kernels as kernels
from spikeport.backends.backend import Backend
from spikeport.backends.network import Network, WalkedNetwork
from spikeport.kernels import PlacedNetwork, Trace, weighted_sum
from spikeport.kernels.checks import as_element
from spikeport.kernels.integrate_fire import IfParameters
from spikeport.kernels.layer import fire
from spikeport.kernels.st_bif import StBifParameters
from spikeport.neuron import Neuron
from spikeport.operations import Linear, Operation

Array = npt.NDArray[Any]


class Reference(Backend):
    """Runs `spikeport.kernels` (see there for every method)."""

    name = "reference"

    def _if_multistep(self, I: Array, given: IfParameters) -> Trace:
        return kernels.if_multistep(I, **given._asdict())

    def _if_constant(self, I: Array, timesteps: int, given: IfParameters) -> Trace:
        return kernels.if_constant(I, timesteps=timesteps, **given._asdict())

    def _st_bif_multistep(self, I: Array, given: StBifParameters) -> Trace:
        return kernels.st_bif_multistep(I, **given._asdict())

    def _layer_forward(self, x: Array, operation: Linear, neuron: Neuron) -> Trace:
        return fire(weighted_sum(x, operation.weight, operation.bias), neuron)

    def _operation_currents(self, operation: Operation, signals: list[Array]) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is refused by name
            return as_element("currents", operation.currents(*signals))

    def _network(self, placed: PlacedNetwork) -> Network:
        return WalkedNetwork(placed)

    def _encode_poisson(self, p: Array, timesteps: int, seed: int, samples: Array | None) -> Array:
        return kernels.encode_poisson(p, timesteps=timesteps, seed=seed, samples=samples)

    def _qcfs(self, x: Array, timesteps: int, θ: Array) -> Array:
        return kernels.qcfs(x, timesteps=timesteps, threshold=θ)


def load() -> Reference:
    """Return the backend."""
    return Reference()
