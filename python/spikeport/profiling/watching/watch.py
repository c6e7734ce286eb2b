"""`Watch`: record a torch model's spiking layers by hooks, without touching its training loop.

Design
------
- An iteration is a forward pass of the model; where a loop over time is outside the model, all forward passes up to a
  backward pass. One in ``every`` is recorded; in the others a hook costs a look at a flag.
- During an iteration only references are kept. When the next one begins (or a report is asked for), the steps of a
  layer are stacked and recorded at once.
- The gradient of a layer is that of the loss with respect to its spikes, over all steps. A layer that a backward pass
  did not reach has a gradient of 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from spikeport.errors import MissingExtra
from spikeport.profiling.pathology import ProfilingError

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("torch", "torch", "watching a model") from None

from spikeport.profiling.recording.ledger import Ledger
from spikeport.profiling.watching.causes import Causes
from spikeport.profiling.watching.connections import Connection, is_connection
from spikeport.profiling.watching.hooks import CopyableHook, hook_backward, hook_gradient, tensors_with_gradient
from spikeport.profiling.watching.libraries.neurons import Recording
from spikeport.profiling.watching.libraries.registry import neurons_of
from spikeport.profiling.watching.pace import Pace
from spikeport.profiling.watching.populations import Population, Populations, SpikingLayer

DEFAULT_EVERY = 20

_LONGEST_SEQUENCE = 1024
"""Steps kept before they are recorded, and forward passes that may make one iteration."""


class Watch:
    """Hooks on a model that write into a ledger; see `spikeport.profiling.SpikeProfiler.watch`."""

    def __init__(
        self,
        ledger: Ledger,
        model: nn.Module,
        every: int = DEFAULT_EVERY,
        *,
        max_overhead: float | None = None,
        gradients: bool = True,
        follow: bool = True,
        optimizer: Any = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._ledger, self._model, self._gradients, self._follow = ledger, model, gradients, follow
        self._pace = Pace(every, max_overhead, clock)
        self._layers = [
            SpikingLayer(name or type(module).__name__, module, neurons)
            for name, module in model.named_modules()
            if (neurons := neurons_of(module)) is not None
        ]
        if not self._layers:
            raise ProfilingError(
                "no_neurons",
                f"{type(model).__name__} has no spiking module that is known: give a model with neurons of snnTorch, "
                "SpikingJelly, Norse, sinabs or spikeport, or register_neuron(YourNeuron, read)",
            )
        self._connections = [Connection(n, m) for n, m in model.named_modules() if is_connection(m)]
        self._populations = Populations()
        self._causes = Causes(ledger, optimizer)
        self._sampling = self._awaiting = self._backward_seen = False
        self._passes = 0
        self._running: SpikingLayer | None = None
        self._undo: list[Callable[[], Any]] = list(self._placed_for_good())
        self._undo_sampled: list[Callable[[], Any]] = []

    @property
    def every(self) -> int:
        """One iteration in that many is recorded."""
        return self._pace.every

    @every.setter
    def every(self, number: int) -> None:
        self._pace.every = number

    @property
    def iteration(self) -> int:
        """Number of the present iteration, from 0; -1 before the first."""
        return self._pace.iteration

    @property
    def layers(self) -> list[str]:
        """Names of the spiking layers, as the model lists them."""
        return [layer.name for layer in self._layers]

    @property
    def is_active(self) -> bool:
        """Whether the hooks are in place."""
        return bool(self._undo)

    def begin(self) -> None:
        """Begin an iteration; the model's forward pass does that itself."""
        self.flush()
        self._causes.settle(self.iteration)
        self._stand_down()
        self._sampling = self._pace.next()
        if self._sampling:
            self._undo_sampled = self._undo_sampled or list(self._placed_for_a_sample())
        else:
            self._withdraw()
        self._awaiting = self._backward_seen = False
        self._passes = 0

    def see_backward(self, gradient: Tensor | None = None) -> None:
        """Note that a backward pass has come through; the model's output does that itself."""
        self._backward_seen = True

    def end(self) -> None:
        """End the iteration: what the model does until the next one begins is not recorded."""
        self.flush()
        self._causes.settle(self.iteration)
        self._sampling = False
        self._withdraw()

    def join(self, model: nn.Module) -> None:
        """Begin in the middle of a forward pass of ``model``, whose own hook came too late."""
        self._before_model(model, ())

    def flush(self) -> None:
        """Record what the iteration has shown so far, layers in the order of their first call."""
        if not any(p.spikes or self._has_gradient(p) for p in self._populations):
            return
        with self._pace.recording(), torch.no_grad():
            n_samples = 0
            self._causes.try_numbers()
            for population in self._populations:
                recorder = self._ledger.recorder(population.name)
                if self._has_gradient(population):
                    population.record_gradient(recorder, self.iteration)
                n_samples = population.record_calls(recorder, self.iteration) or n_samples
            for connection in self._connections:
                connection.record(self._ledger.operations, n_samples)
        self._ledger.tell_listeners()

    def remove(self) -> None:
        """Record what is left and remove every hook; a second call does nothing."""
        try:
            self.flush()
            self._causes.settle(self.iteration)
        finally:
            self._sampling = False
            self._withdraw()
            while self._undo:
                self._undo.pop()()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def _placed_for_good(self) -> Iterator[Callable[[], Any]]:
        """Take the layers' names, place the hooks that every iteration needs, and yield what undoes each."""
        model, names = self._model, self.layers
        self._ledger.take_names(names)
        yield lambda: self._ledger.give_back(names)
        if self._follow:
            yield model.register_forward_pre_hook(CopyableHook(self._before_model)).remove
        for layer in self._layers:
            if layer.module is model:  # its forward pass has begun when a sample does
                yield from self._hooked(layer)
        if self._follow:
            yield model.register_forward_hook(CopyableHook(self._after_model)).remove

    def _placed_for_a_sample(self) -> Iterator[Callable[[], Any]]:
        """Place the hooks that only a recorded iteration needs, so that the others cost next to nothing."""
        tapped: set[int] = set()
        for layer in self._layers:
            if layer.module is not self._model:
                yield from self._hooked(layer)
            target = id(layer.neurons.tapped(layer.module))
            if target not in tapped:
                tapped.add(target)
                yield layer.neurons.tap(layer.module, CopyableHook(self._capture))
        for connection in self._connections:
            yield connection.module.register_forward_hook(CopyableHook(self._connecting(connection))).remove

    def _hooked(self, layer: SpikingLayer) -> Iterator[Callable[[], Any]]:
        yield layer.module.register_forward_pre_hook(CopyableHook(self._entering(layer))).remove
        yield layer.module.register_forward_hook(CopyableHook(self._leaving(layer))).remove

    def _withdraw(self) -> None:
        self._stand_down()
        while self._undo_sampled:
            self._undo_sampled.pop()()

    def _stand_down(self) -> None:
        self._running = None
        for layer in self._layers:
            layer.stand_down()

    def _before_model(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        continues = self._awaiting and not self._backward_seen and self._passes < _LONGEST_SEQUENCE
        if not continues:
            self.begin()
        self._passes += 1

    def _after_model(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        self._running = None
        self._awaiting = hook_backward(output, self.see_backward)

    def _entering(self, layer: SpikingLayer) -> Callable[..., None]:
        def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if self._sampling:
                self._running, layer.disarm = layer, layer.neurons.arm(module)

        return enter

    def _leaving(self, layer: SpikingLayer) -> Callable[..., None]:
        def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if not self._sampling:
                return
            self._running = None
            recording = layer.neurons.read(module, inputs, output)
            if recording is not None:
                self._show(layer, recording, output, inputs)
            layer.stand_down()

        return leave

    def _show(self, layer: SpikingLayer, recording: Recording, output: Any, inputs: tuple[Any, ...]) -> None:
        """Keep what one call of a layer gave."""
        spikes = recording.spikes
        population = self._populations.of(layer, recording)
        population.show(recording, self._passes)
        self._causes.show(population, recording, inputs)
        if self._gradients and _is_cut_here(output, inputs):
            population.expects_gradient, population.passes_gradient = True, False
        elif self._gradients and spikes.requires_grad:
            population.expects_gradient = True

            def see(gradient: Tensor) -> None:
                self._backward_seen = True
                population.gradients.append(gradient.detach())

            hook_gradient(spikes, output, see)
        if len(population.spikes) >= _LONGEST_SEQUENCE:
            self.flush()

    def _has_gradient(self, population: Population) -> bool:
        """Whether a backward pass has come through since the population showed spikes: its gradient may be 0."""
        return population.expects_gradient and self._backward_seen

    def _connecting(self, connection: Connection) -> Callable[..., None]:
        def connect(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if self._sampling and inputs and isinstance(inputs[0], Tensor):
                connection.inputs.add(inputs[0])
                self._causes.connect(connection, inputs[0], output)

        return connect

    def _capture(self, membranes: Tensor) -> None:
        if self._running is not None:
            self._running.captured.add(membranes)


def _is_cut_here(output: Any, inputs: tuple[Any, ...]) -> bool:
    """Whether what comes in can learn, and nothing that goes out passes a gradient back to it."""
    comes_in = any(True for _ in tensors_with_gradient(inputs))
    return comes_in and torch.is_grad_enabled() and not any(True for _ in tensors_with_gradient(output))
