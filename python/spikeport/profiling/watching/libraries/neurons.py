"""How to read one kind of spiking module: `Neurons`, the `Recording` of a call, and what the readers share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spikeport.errors import MissingExtra
from spikeport.profiling.pathology import ProfilingError

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("torch", "torch", "watching a model") from None

Capture = Callable[[Tensor], None]
LAYOUTS = ("B", "TB", "BT")


@dataclass(frozen=True)
class Recording:
    """What one call of a spiking module gave.

    Attributes
    ----------
    spikes : the output that holds the spikes
    layout : the leading axes: "B" for one step, "TB" or "BT" for all; the rest are neurons. `ProfilingError`
        ``layout`` for any other
    membranes : membranes of that call, or None; those that a tap captured come first
    after_reset : whether the membranes of neurons that spiked are reset already, by an amount that is not known
    """

    spikes: Tensor
    layout: str = "B"
    membranes: Tensor | None = None
    after_reset: bool = False

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ProfilingError(
                "layout",
                f"a Recording's layout must be one of {', '.join(LAYOUTS)}, not {self.layout!r}: it names the leading "
                "axes alone, and the axes of the neurons have no letter",
            )


def first_of(output: Any) -> Any:
    """Return the first part of an output of several."""
    return output[0] if isinstance(output, tuple | list) else output


def _no_tap(module: nn.Module, capture: Capture) -> Callable[[], None]:
    return lambda: None


def _unknown(module: Any) -> None:
    return None


@dataclass(frozen=True)
class Neurons:
    """How to read one kind of spiking module.

    Attributes
    ----------
    matches : whether a module is of this kind
    read : module, positional arguments and output of a call -> `Recording`, or None where the call has no spikes
    tap : module and a function to hand membranes to, as they are when the neurons decide to fire -> how to undo it
    tapped : the object that a tap is placed on; modules that share it are tapped once
    arm : called before a call that is to be recorded -> how to undo it after the call
    threshold : the threshold, where it is one number
    derivative : a function of membranes that returns the surrogate's derivative there
    """

    matches: Callable[[nn.Module], bool]
    read: Callable[[nn.Module, tuple[Any, ...], Any], Recording | None]
    tap: Callable[[Any, Capture], Callable[[], None]] = _no_tap
    tapped: Callable[[Any], object] = lambda module: module
    arm: Callable[[Any], Callable[[], None] | None] = _unknown
    threshold: Callable[[Any], float | None] = _unknown
    derivative: Callable[[Any], Callable[[Tensor], Tensor] | None] = _unknown


def derivative_of(function: Callable[[Tensor], Tensor], distance: Tensor) -> Tensor:
    """Return the derivative that autograd gives ``function`` at each element of ``distance``."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = distance.detach().clone().requires_grad_(True)
        spikes = function(leaf)
        if not spikes.requires_grad:
            return torch.zeros_like(leaf)
        (gradient,) = torch.autograd.grad(spikes.sum(), leaf, allow_unused=True)
    return torch.zeros_like(distance) if gradient is None else gradient


def is_a(*names: str) -> Callable[[nn.Module], bool]:
    """Return a function that says whether a module is of a class so named, or of one derived from it."""
    wanted = set(names)
    return lambda module: any(f"{c.__module__}.{c.__qualname__}" in wanted for c in type(module).__mro__)


def number_of(value: Any) -> float | None:
    """Return a threshold as one number: the mean, where every neuron has its own."""
    return None if value is None else float(torch.as_tensor(value).detach().float().mean())


class Tapped:
    """A function of a module that hands membranes on; a copy of the module has the function itself."""

    def __init__(self, function: Any, capture: Capture) -> None:
        self.function, self.capture = function, capture

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self.function,)


def _itself(function: Any) -> Any:
    return function
