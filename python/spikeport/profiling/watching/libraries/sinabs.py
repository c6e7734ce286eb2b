"""sinabs: all steps, samples first; squeezed layers have samples and steps on one axis.

The spike function sees the membrane before the reset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from spikeport.profiling.watching.libraries.neurons import Capture, Neurons, Recording, Tapped, is_a, number_of


class _TappedSpikes(Tapped):
    @property
    def required_states(self) -> Any:
        return self.function.required_states

    def apply(self, *arguments: Any) -> Any:
        if self.required_states[0] == "v_mem":
            self.capture(arguments[0])
        return self.function.apply(*arguments)


def _tap(module: Any, capture: Capture) -> Callable[[], None]:
    function = module.spike_fn
    module.spike_fn = _TappedSpikes(function, capture)
    return lambda: setattr(module, "spike_fn", function)


def _read(module: Any, inputs: tuple[Any, ...], output: Tensor) -> Recording:
    if not type(module).__name__.endswith("Squeeze"):
        return Recording(output, "BT")
    n_samples = module.batch_size if module.batch_size > 0 else output.shape[0] // module.num_timesteps
    return Recording(output.reshape(n_samples, -1, *output.shape[1:]), "BT")


SINABS = Neurons(
    matches=lambda module: (
        is_a("sinabs.layers.stateful_layer.StatefulLayer")(module) and bool(getattr(module, "does_spike", False))
    ),
    read=_read,
    tap=_tap,
    threshold=lambda module: number_of(module.spike_threshold),
    derivative=lambda module: (
        lambda membranes: torch.as_tensor(
            module.surrogate_grad_fn(membranes, module.spike_threshold.detach().float().mean())
        )
    ),
)
