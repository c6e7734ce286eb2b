"""snnTorch: one step per call; the membrane is returned last, or kept as ``mem`` where the state is hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from spikeport.profiling.watching.libraries.neurons import Neurons, Recording, derivative_of, first_of, is_a, number_of

_ALL_STEPS = ("LeakyParallel", "StateLeaky", "LinearLeaky", "AssociativeLeaky")


def _read(module: Any, inputs: tuple[Any, ...], output: Any) -> Recording | None:
    if type(module).__name__ in ("StateLeaky", "LinearLeaky") and not isinstance(output, tuple):
        return None  # a readout: membranes, no spikes
    spikes = first_of(output)
    membranes = output[-1] if isinstance(output, tuple) and len(output) > 1 else getattr(module, "mem", None)
    if not isinstance(membranes, Tensor) or membranes.shape != spikes.shape:
        membranes = None
    return Recording(spikes, "TB" if type(module).__name__ in _ALL_STEPS else "B", membranes)


def _derivative(module: Any) -> Callable[[Tensor], Tensor] | None:
    θ = number_of(module.threshold) or 0.0
    return lambda membranes: derivative_of(module.spike_grad, membranes - θ)


SNNTORCH = Neurons(
    matches=is_a("snntorch._neurons.neurons.SpikingNeuron", "snntorch._neurons.leakyparallel.LeakyParallel"),
    read=_read,
    threshold=lambda module: number_of(module.threshold),
    derivative=_derivative,
)
