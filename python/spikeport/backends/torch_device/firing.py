"""Neurons with their parameters on a device: checked by the kernels' own rules, then run."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeport.backends.torch_device.device import Device, type_of
from spikeport.backends.torch_device.neurons import Signal, Traced, integrate_and_fire, passed_on, st_bif
from spikeport.kernels.integrate_fire import IfParameters, if_parameters
from spikeport.kernels.st_bif import StBifParameters, st_bif_parameters
from spikeport.neuron import Neuron
from spikeport.operations import Shape

Array = npt.NDArray[Any]


def fire(device: Device, neuron: Neuron, I: Signal, timesteps: int, shape: Shape) -> Traced:
    """Run the neurons of a node that passes on ``shape``; a parameter has one number, or one for each entry
    of the first axis.

    Raises `KernelError`: ``non_finite`` for currents, and the kernels' codes for parameters.
    """
    if timesteps:  # a steady current of no step is none
        device.check_finite("currents", I.values)
    if not neuron.is_spiking:
        return passed_on(I, timesteps)
    none = np.zeros((0, shape[0]), type_of(I.values))  # what the kernels check the parameters against
    θ, v_init, behind = neuron.threshold, neuron.v_init, len(shape) - 1
    if neuron.kind == "ST-BIF":
        given = st_bif_parameters(none, θ, v_init, neuron.tracer_min, neuron.tracer_max)
        return fire_st_bif(device, given, I, timesteps, behind)
    checked = if_parameters(none, θ, v_init, neuron.v_reset, neuron.beta, neuron.max_spikes)
    return fire_if(device, checked, I, timesteps, behind)


def fire_if(device: Device, given: IfParameters, I: Signal, timesteps: int, behind: int = 0) -> Traced:
    """Run IF or LIF neurons; ``behind`` axes of the currents lie behind that of the parameters."""
    θ, v_init, v_reset, β, max_spikes = given
    dtype = type_of(I.values)

    def placed(values: Array) -> Tensor:
        return device.tensor(_across(values, dtype, behind))

    reset = None if v_reset is None else placed(v_reset)
    kept = placed(β) if (β != 1).any() else None
    return integrate_and_fire(I, timesteps, placed(θ), placed(v_init * θ), reset, kept, max_spikes)


def fire_st_bif(device: Device, given: StBifParameters, I: Signal, timesteps: int, behind: int = 0) -> Traced:
    """Run ST-BIF neurons; ``behind`` as for `fire_if`."""
    θ, v_init, tracer_min, tracer_max = given
    dtype = type_of(I.values)
    start = v_init * θ if dtype == np.int32 else v_init
    at, from_ = (device.tensor(_across(values, dtype, behind)) for values in (θ, start))
    return st_bif(I, timesteps, at, from_, tracer_min, tracer_max)


def _across(values: Array, dtype: Any, behind: int) -> Array:
    """Return parameters of one axis, or none, so that they broadcast to currents with so many axes behind it."""
    return np.asarray(values).astype(dtype).reshape(-1, *(1,) * behind)
