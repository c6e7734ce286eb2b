"""Norse: cells take one step, the others all; the membrane is in the state that every step returns, after the reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from spikeport.profiling.watching.libraries.neurons import (
    Capture,
    Neurons,
    Recording,
    Tapped,
    derivative_of,
    is_a,
    number_of,
)

_CLASSES = tuple(f"norse.torch.module.snn.SNN{kind}" for kind in ("", "Cell", "Recurrent", "RecurrentCell"))


def _matches(module: nn.Module) -> bool:
    leaky_integrator = type(module).__name__ in ("LI", "LICell", "LIBoxCell")
    return not leaky_integrator and is_a(*_CLASSES)(module)


class _TappedStep(Tapped):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        spikes, state = self.function(*arguments, **options)
        if isinstance(getattr(state, "v", None), Tensor):
            self.capture(state.v)
        return spikes, state


def _tap(module: Any, capture: Capture) -> Callable[[], None]:
    step = module.activation
    module.activation = _TappedStep(step, capture)
    return lambda: setattr(module, "activation", step)


def _derivative(module: Any) -> Callable[[Tensor], Tensor] | None:
    p = module.p
    if not hasattr(p, "method") or p.method == "adjoint":
        return None
    from norse.torch.functional.threshold import threshold

    θ = number_of(p.v_th) or 0.0
    return lambda membranes: derivative_of(lambda u: threshold(u, p.method, p.alpha), membranes - θ)


NORSE = Neurons(
    matches=_matches,
    read=lambda module, inputs, output: Recording(
        output[0], "B" if "Cell" in type(module).__name__ else "TB", after_reset=True
    ),
    tap=_tap,
    threshold=lambda module: number_of(getattr(module.p, "v_th", None)),
    derivative=_derivative,
)
