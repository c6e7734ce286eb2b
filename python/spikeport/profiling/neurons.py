"""The registry of spiking modules: how to find a library's neurons and read their spikes, membranes and surrogate.

A class is recognised by its name and that of its base classes, so that no library is imported for it. A module of
one's own is recognised without registration where it has the attribute ``spike_layout``; see `SPIKEPORT`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spikeport.errors import MissingExtra

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("torch", "torch", "watching a model") from None

from spikeport.profiling.hooks import Hook

Capture = Callable[[Tensor], None]


@dataclass(frozen=True)
class Recording:
    """What one call of a spiking module gave.

    Attributes
    ----------
    spikes : the output that holds the spikes
    layout : the leading axes: "B" for one step, "TB" or "BT" for all; the rest are neurons
    membranes : membranes of that call, or None; those that a tap captured come first
    after_reset : whether the membranes of neurons that spiked are reset already, by an amount that is not known
    """

    spikes: Tensor
    layout: str = "B"
    membranes: Tensor | None = None
    after_reset: bool = False


def _first(output: Any) -> Any:
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


_REGISTRY: list[Neurons] = []


def register_neuron(
    kind: type[nn.Module] | Neurons,
    read: Callable[[Any, tuple[Any, ...], Any], Recording | None] | None = None,
) -> None:
    """Tell `watch` of a kind of spiking module: a `Neurons`, or a class and how to read a call of it.

    What is registered last is asked first.

    >>> register_neuron(MyNeuron, lambda module, inputs, output: Recording(output, "TB", module.v))
    """
    if isinstance(kind, Neurons):
        _REGISTRY.insert(0, kind)
    elif read is not None:
        _REGISTRY.insert(0, Neurons(lambda module: isinstance(module, kind), read))
    else:
        raise TypeError("register_neuron needs a Neurons, or a class and a function that reads a call of it")


def neurons_of(module: nn.Module) -> Neurons | None:
    """Return how to read ``module``, or None where it is not known to spike."""
    return next((neurons for neurons in _REGISTRY if neurons.matches(module)), None)


def derivative_of(function: Callable[[Tensor], Tensor], distance: Tensor) -> Tensor:
    """Return the derivative that autograd gives ``function`` at each element of ``distance``."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = distance.detach().clone().requires_grad_(True)
        spikes = function(leaf)
        if not spikes.requires_grad:
            return torch.zeros_like(leaf)
        (gradient,) = torch.autograd.grad(spikes.sum(), leaf, allow_unused=True)
    return torch.zeros_like(distance) if gradient is None else gradient


def _is_a(*names: str) -> Callable[[nn.Module], bool]:
    wanted = set(names)
    return lambda module: any(f"{c.__module__}.{c.__qualname__}" in wanted for c in type(module).__mro__)


def _number(value: Any) -> float | None:
    return None if value is None else float(torch.as_tensor(value).detach().float().mean())


# spikeport, and any module that says so itself: ``spike_layout``, and where it has them ``on_membrane``, ``threshold``
# and ``surrogate_derivative``, as `spikeport.profiling.lif.LIF` does.


def _tap_own(module: Any, capture: Capture) -> Callable[[], None]:
    if not hasattr(module, "on_membrane"):
        return lambda: None
    before = module.on_membrane
    module.on_membrane = capture
    return lambda: setattr(module, "on_membrane", before)


SPIKEPORT = Neurons(
    matches=lambda module: isinstance(getattr(module, "spike_layout", None), str),
    read=lambda module, inputs, output: Recording(_first(output), str(module.spike_layout)),
    tap=_tap_own,
    threshold=lambda module: _number(getattr(module, "threshold", None)),
    derivative=lambda module: getattr(module, "surrogate_derivative", None),
)


# snnTorch: one step a call; the membrane is returned last, or kept as ``mem`` where the state is hidden.

_ALL_STEPS = ("LeakyParallel", "StateLeaky", "LinearLeaky", "AssociativeLeaky")


def _read_snntorch(module: Any, inputs: tuple[Any, ...], output: Any) -> Recording | None:
    if type(module).__name__ in ("StateLeaky", "LinearLeaky") and not isinstance(output, tuple):
        return None  # a readout: membranes, no spikes
    spikes = _first(output)
    membranes = output[-1] if isinstance(output, tuple) and len(output) > 1 else getattr(module, "mem", None)
    if not isinstance(membranes, Tensor) or membranes.shape != spikes.shape:
        membranes = None
    return Recording(spikes, "TB" if type(module).__name__ in _ALL_STEPS else "B", membranes)


def _derivative_snntorch(module: Any) -> Callable[[Tensor], Tensor] | None:
    θ = _number(module.threshold) or 0.0
    return lambda membranes: derivative_of(module.spike_grad, membranes - θ)


SNNTORCH = Neurons(
    matches=_is_a("snntorch._neurons.neurons.SpikingNeuron", "snntorch._neurons.leakyparallel.LeakyParallel"),
    read=_read_snntorch,
    threshold=lambda module: _number(module.threshold),
    derivative=_derivative_snntorch,
)


# SpikingJelly: one step or all, as ``step_mode`` says. Where the surrogate is called as a module it sees v - θ before
# the reset (neurons share one by default, so the watch hands what it sees to the neuron that is running); a fused
# kernel leaves only the membrane after the reset, which a soft reset lets us undo.


def _tap_spikingjelly(module: Any, capture: Capture) -> Callable[[], None]:
    θ = _number(module.v_threshold) or 0.0
    if not isinstance(module.surrogate_function, nn.Module):
        return lambda: None
    handle = module.surrogate_function.register_forward_pre_hook(Hook(lambda _, inputs: capture(inputs[0] + θ)))
    return lambda: handle.remove()


def _arm_spikingjelly(module: Any) -> Callable[[], None] | None:
    if module.step_mode != "m" or getattr(module, "store_v_seq", True):
        return None
    module.store_v_seq = True
    return lambda: setattr(module, "store_v_seq", False)


def _read_spikingjelly(module: Any, inputs: tuple[Any, ...], output: Any) -> Recording:
    several = module.step_mode == "m"
    spikes = _first(output)  # online neurons return a trace besides
    membranes = getattr(module, "v_seq", None) if several else module.v
    soft = module.v_reset is None
    if not isinstance(membranes, Tensor) or membranes.shape != spikes.shape:
        membranes = None
    elif soft:
        membranes = membranes.detach() + module.v_threshold * spikes.detach()
    return Recording(spikes, "TB" if several else "B", membranes, after_reset=not soft)


def _derivative_spikingjelly(module: Any) -> Callable[[Tensor], Tensor] | None:
    θ = _number(module.v_threshold) or 0.0
    return lambda membranes: derivative_of(module.surrogate_function, membranes - θ)


SPIKINGJELLY = Neurons(
    matches=_is_a(
        "spikingjelly.activation_based.neuron.base_node.BaseNode",
        "spikingjelly.activation_based.neuron.base_node.SimpleBaseNode",
        "spikingjelly.activation_based.neuron.BaseNode",
    ),
    read=_read_spikingjelly,
    tap=_tap_spikingjelly,
    tapped=lambda module: module.surrogate_function,
    arm=_arm_spikingjelly,
    threshold=lambda module: _number(module.v_threshold),
    derivative=_derivative_spikingjelly,
)


# Norse: cells take one step, the others all; the membrane is in the state that every step returns, after the reset.

_NORSE = tuple(f"norse.torch.module.snn.SNN{kind}" for kind in ("", "Cell", "Recurrent", "RecurrentCell"))


def _is_norse(module: nn.Module) -> bool:
    leaky_integrator = type(module).__name__ in ("LI", "LICell", "LIBoxCell")
    return not leaky_integrator and _is_a(*_NORSE)(module)


class _Tapped:
    """A function of a module that hands membranes on; a copy of the module has the function itself."""

    def __init__(self, function: Any, capture: Capture) -> None:
        self._function, self._capture = function, capture

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self._function,)


def _itself(function: Any) -> Any:
    return function


class _TappedStep(_Tapped):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        spikes, state = self._function(*arguments, **options)
        if isinstance(getattr(state, "v", None), Tensor):
            self._capture(state.v)
        return spikes, state


def _tap_norse(module: Any, capture: Capture) -> Callable[[], None]:
    step = module.activation
    module.activation = _TappedStep(step, capture)
    return lambda: setattr(module, "activation", step)


def _derivative_norse(module: Any) -> Callable[[Tensor], Tensor] | None:
    p = module.p
    if not hasattr(p, "method") or p.method == "adjoint":
        return None
    from norse.torch.functional.threshold import threshold

    θ = _number(p.v_th) or 0.0
    return lambda membranes: derivative_of(lambda u: threshold(u, p.method, p.alpha), membranes - θ)


NORSE = Neurons(
    matches=_is_norse,
    read=lambda module, inputs, output: Recording(
        output[0], "B" if "Cell" in type(module).__name__ else "TB", after_reset=True
    ),
    tap=_tap_norse,
    threshold=lambda module: _number(getattr(module.p, "v_th", None)),
    derivative=_derivative_norse,
)


# sinabs: all steps, samples first; squeezed layers have samples and steps on one axis. The spike function sees the
# membrane before the reset.


class _TappedSpikes(_Tapped):
    @property
    def required_states(self) -> Any:
        return self._function.required_states

    def apply(self, *arguments: Any) -> Any:
        if self.required_states[0] == "v_mem":
            self._capture(arguments[0])
        return self._function.apply(*arguments)


def _tap_sinabs(module: Any, capture: Capture) -> Callable[[], None]:
    function = module.spike_fn
    module.spike_fn = _TappedSpikes(function, capture)
    return lambda: setattr(module, "spike_fn", function)


def _read_sinabs(module: Any, inputs: tuple[Any, ...], output: Tensor) -> Recording:
    if not type(module).__name__.endswith("Squeeze"):
        return Recording(output, "BT")
    n_samples = module.batch_size if module.batch_size > 0 else output.shape[0] // module.num_timesteps
    return Recording(output.reshape(n_samples, -1, *output.shape[1:]), "BT")


SINABS = Neurons(
    matches=lambda module: (
        _is_a("sinabs.layers.stateful_layer.StatefulLayer")(module) and bool(getattr(module, "does_spike", False))
    ),
    read=_read_sinabs,
    tap=_tap_sinabs,
    threshold=lambda module: _number(module.spike_threshold),
    derivative=lambda module: (
        lambda membranes: torch.as_tensor(
            module.surrogate_grad_fn(membranes, module.spike_threshold.detach().float().mean())
        )
    ),
)

_REGISTRY += [SPIKEPORT, SNNTORCH, SPIKINGJELLY, NORSE, SINABS]
