"""SpikingJelly: one step or all, as ``step_mode`` says.

Where the surrogate is called as a module it sees v - θ before the reset. Neurons share one surrogate by default, so the
watch hands what it sees to the neuron that is running. A fused kernel leaves only the membrane after the reset, which a
soft reset lets us undo.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from spikeport.profiling.watching.hooks import CopyableHook
from spikeport.profiling.watching.libraries.neurons import (
    Capture,
    Neurons,
    Recording,
    derivative_of,
    first_of,
    is_a,
    number_of,
)


def _tap(module: Any, capture: Capture) -> Callable[[], None]:
    θ = number_of(module.v_threshold) or 0.0
    if not isinstance(module.surrogate_function, nn.Module):
        return lambda: None
    handle = module.surrogate_function.register_forward_pre_hook(CopyableHook(lambda _, inputs: capture(inputs[0] + θ)))
    return lambda: handle.remove()


def _arm(module: Any) -> Callable[[], None] | None:
    if module.step_mode != "m" or getattr(module, "store_v_seq", True):
        return None
    module.store_v_seq = True
    return lambda: setattr(module, "store_v_seq", False)


def _read(module: Any, inputs: tuple[Any, ...], output: Any) -> Recording:
    several = module.step_mode == "m"
    spikes = first_of(output)  # online neurons return a trace besides
    membranes = getattr(module, "v_seq", None) if several else module.v
    soft = module.v_reset is None
    if not isinstance(membranes, Tensor) or membranes.shape != spikes.shape:
        membranes = None
    elif soft:
        membranes = membranes.detach() + module.v_threshold * spikes.detach()
    return Recording(spikes, "TB" if several else "B", membranes, after_reset=not soft)


def _derivative(module: Any) -> Callable[[Tensor], Tensor] | None:
    θ = number_of(module.v_threshold) or 0.0
    return lambda membranes: derivative_of(module.surrogate_function, membranes - θ)


SPIKINGJELLY = Neurons(
    matches=is_a(
        "spikingjelly.activation_based.neuron.base_node.BaseNode",
        "spikingjelly.activation_based.neuron.base_node.SimpleBaseNode",
        "spikingjelly.activation_based.neuron.BaseNode",
    ),
    read=_read,
    tap=_tap,
    tapped=lambda module: module.surrogate_function,
    arm=_arm,
    threshold=lambda module: number_of(module.v_threshold),
    derivative=_derivative,
)
