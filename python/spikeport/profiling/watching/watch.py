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

import math
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from spikeport.errors import MissingExtra
from spikeport.profiling.pathology import ProfilingError

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("torch", "torch", "watching a model") from None

from spikeport.profiling.recording.arrays import as_array, norm
from spikeport.profiling.watching.connections import Connection, is_connection
from spikeport.profiling.watching.hooks import Hook, Kept, hook_backward, hook_gradient
from spikeport.profiling.watching.libraries.neurons import Neurons, Recording
from spikeport.profiling.watching.libraries.registry import neurons_of
from spikeport.profiling.watching.sequences import letters_of, sequences

if TYPE_CHECKING:
    from spikeport.profiling.profiler import SpikeProfiler
    from spikeport.profiling.recording.layer import LayerRecorder

DEFAULT_EVERY = 20

_LONGEST_SEQUENCE = 1024
"""Steps kept before they are recorded, and forward passes that may make one iteration."""


class _Layer:
    """One spiking module."""

    def __init__(self, name: str, module: nn.Module, neurons: Neurons) -> None:
        self.name, self.module, self.neurons = name, module, neurons
        self.captured = Kept()
        self.disarm: Callable[[], None] | None = None

    def stand_down(self) -> None:
        """Undo what a call was armed with; it may have ended in an exception."""
        self.captured.take()
        if self.disarm is not None:
            self.disarm()
            self.disarm = None


class _Population:
    """The neurons of one shape that a module has worked as, and what the iteration has shown of them so far."""

    def __init__(self, name: str, layer: _Layer) -> None:
        self.name, self.layer = name, layer
        self.spikes, self.membranes = Kept(), Kept(source=layer.captured)
        self.passes: list[int] = []
        self.layout = "B"
        self.after_reset = False
        self.gradients: list[Tensor] = []
        self.expects_gradient = False


class Watch:
    """Hooks on a model; see `spikeport.profiling.SpikeProfiler.watch`.

    Attributes
    ----------
    every : one iteration in that many is recorded
    iteration : number of the present iteration, from 0; -1 before the first
    layers : names of the spiking layers found
    """

    def __init__(
        self,
        profiler: SpikeProfiler,
        model: nn.Module,
        every: int = DEFAULT_EVERY,
        *,
        max_overhead: float | None = None,
        gradients: bool = True,
        follow: bool = True,
    ) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ProfilingError("every", f"every must be a whole number of at least 1, not {every!r}")
        if max_overhead is not None and not 0 < max_overhead < 1:
            raise ProfilingError("max_overhead", f"max_overhead must be a share between 0 and 1, not {max_overhead}")
        self.every, self.iteration = every, -1
        self._profiler, self._gradients, self._follow = profiler, gradients, follow
        self._max_overhead = max_overhead
        self._layers = [
            _Layer(name or type(module).__name__, module, neurons)
            for name, module in model.named_modules()
            if (neurons := neurons_of(module)) is not None
        ]
        if not self._layers:
            raise ProfilingError(
                "no_neurons",
                f"{type(model).__name__} has no spiking module that is known: give a model with neurons of snnTorch, "
                "SpikingJelly, Norse, sinabs or spikeport, or register_neuron(YourNeuron, read)",
            )
        self._refuse_what_is_watched()
        self._connections = [Connection(n, m) for n, m in model.named_modules() if is_connection(m)]
        self._populations: dict[tuple[str, tuple[int, ...]], _Population] = {}
        self._sampling = self._awaiting = self._backward_seen = False
        self._passes = 0
        self._running: _Layer | None = None
        self._busy, self._started = 0.0, time.perf_counter()
        self._least, self._samples = every, 0
        self._sampled: int | None = None
        self._model = model
        self._undo: list[Callable[[], Any]] = list(self._placed_for_good(model))
        self._undo_sampled: list[Callable[[], Any]] = []

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
        self._stand_down()
        self._keep_bound()
        self.iteration += 1
        self._sampling = self._sampled is None or self.iteration - self._sampled >= self.every
        if self._sampling:
            self._sampled = self.iteration
            self._samples += 1
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
        self._sampling = False
        self._withdraw()

    def join(self, model: nn.Module) -> None:
        """Begin in the middle of a forward pass of ``model``, whose own hook came too late."""
        self._before_model(model, ())

    def flush(self) -> None:
        """Record what the iteration has shown so far, layers in the order of their first call."""
        shown = list(self._populations.values())
        if not any(p.spikes or (p.expects_gradient and self._backward_seen) for p in shown):
            return
        began = time.perf_counter()
        with torch.no_grad():
            n_samples = 0
            for population in shown:
                self._record_gradient(population)
                n_samples = self._record_calls(population) or n_samples
            for connection in self._connections:
                connection.record(self._profiler.operations, n_samples)
        self._busy += time.perf_counter() - began
        for listener in self._profiler.listeners:
            listener()

    def remove(self) -> None:
        """Record what is left and remove every hook; a second call does nothing."""
        try:
            self.flush()
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

    def _placed_for_good(self, model: nn.Module) -> Iterator[Callable[[], Any]]:
        """Place the hooks that every iteration needs and yield what removes each."""
        yield lambda: None  # a watch that does not follow the model may have no other
        if self._follow:
            yield model.register_forward_pre_hook(Hook(self._before_model)).remove
        for layer in self._layers:
            if layer.module is model:  # its forward pass has begun when a sample does
                yield from self._hooked(layer)
        if self._follow:
            yield model.register_forward_hook(Hook(self._after_model)).remove

    def _placed_for_a_sample(self) -> Iterator[Callable[[], Any]]:
        """Place the hooks that only a recorded iteration needs, so that the others cost next to nothing."""
        tapped: set[int] = set()
        for layer in self._layers:
            if layer.module is not self._model:
                yield from self._hooked(layer)
            target = id(layer.neurons.tapped(layer.module))
            if target not in tapped:
                tapped.add(target)
                yield layer.neurons.tap(layer.module, Hook(self._capture))
        for connection in self._connections:
            yield connection.module.register_forward_hook(Hook(self._connecting(connection))).remove

    def _hooked(self, layer: _Layer) -> Iterator[Callable[[], Any]]:
        yield layer.module.register_forward_pre_hook(Hook(self._entering(layer))).remove
        yield layer.module.register_forward_hook(Hook(self._leaving(layer))).remove

    def _withdraw(self) -> None:
        self._stand_down()
        while self._undo_sampled:
            self._undo_sampled.pop()()

    def _stand_down(self) -> None:
        self._running = None
        for layer in self._layers:
            layer.stand_down()

    def _refuse_what_is_watched(self) -> None:
        others = {name for watch in self._profiler._watches if watch.is_active for name in watch.layers}
        if twice := sorted(others & set(self.layers)):
            raise ProfilingError(
                "watched",
                f"this profiler watches layers called {', '.join(twice)} already, and recordings are told apart by "
                "name: remove() the other watch, or give this model a profiler of its own",
            )

    def _keep_bound(self) -> None:
        """Lengthen the interval to what keeps the share of the time that was asked for, after a recorded iteration."""
        if self._max_overhead is None or not self._samples or self._sampled != self.iteration:
            return
        plain = (time.perf_counter() - self._started - self._busy) / (self.iteration + 1)
        cost = self._busy / self._samples
        self.every = max(self._least, math.ceil(cost / (self._max_overhead * max(plain, 1e-9))))

    def _before_model(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        continues = self._awaiting and not self._backward_seen and self._passes < _LONGEST_SEQUENCE
        if not continues:
            self.begin()
        self._passes += 1

    def _after_model(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        self._running = None
        self._awaiting = hook_backward(output, self.see_backward)

    def _entering(self, layer: _Layer) -> Callable[..., None]:
        def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if self._sampling:
                self._running, layer.disarm = layer, layer.neurons.arm(module)

        return enter

    def _leaving(self, layer: _Layer) -> Callable[..., None]:
        def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if not self._sampling:
                return
            self._running = None
            recording = layer.neurons.read(module, inputs, output)
            if recording is not None:
                self._show(layer, recording, output)
            layer.stand_down()

        return leave

    def _show(self, layer: _Layer, recording: Recording, output: Any) -> None:
        """Keep what one call of a layer gave."""
        spikes = recording.spikes
        population = self._population(layer, letters_of(recording.layout, spikes.ndim), tuple(spikes.shape))
        population.layout, population.after_reset = recording.layout, recording.after_reset
        population.spikes.add(spikes)
        population.passes.append(self._passes)
        if layer.captured:
            population.membranes.move(layer.captured)
        elif recording.membranes is not None:
            population.membranes.add(recording.membranes)
        if self._gradients and spikes.requires_grad:
            population.expects_gradient = True

            def see(gradient: Tensor) -> None:
                self._backward_seen = True
                population.gradients.append(gradient.detach())

            hook_gradient(spikes, output, see)
        if len(population.spikes) >= _LONGEST_SEQUENCE:
            self.flush()

    def _population(self, layer: _Layer, letters: str, shape: tuple[int, ...]) -> _Population:
        """Return the neurons of that shape; one module may work as several layers."""
        neurons = tuple(size for size, axis in zip(shape, letters, strict=True) if axis not in "TB")
        key = (layer.name, neurons)
        if key not in self._populations:
            is_first = all(name != layer.name for name, _ in self._populations)
            name = layer.name if is_first else f"{layer.name} ({'×'.join(map(str, neurons))})"
            self._populations[key] = _Population(name, layer)
        return self._populations[key]

    def _connecting(self, connection: Connection) -> Callable[..., None]:
        def connect(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if self._sampling and inputs and isinstance(inputs[0], Tensor):
                connection.inputs.add(inputs[0])

        return connect

    def _capture(self, membranes: Tensor) -> None:
        if self._running is not None:
            self._running.captured.add(membranes)

    def _record_gradient(self, population: _Population) -> None:
        if not (population.expects_gradient and self._backward_seen):
            return
        gradients, population.gradients, population.expects_gradient = population.gradients, [], False
        norms = [norm(as_array(gradient)) for gradient in gradients]
        recorder, bad = self._recorder(population), sum(count for _, count in norms)
        if bad:
            recorder.record_norm(self.iteration, math.nan, bad - 1)
        else:
            recorder.record_norm(self.iteration, math.hypot(*(value for value, _ in norms)))

    def _record_calls(self, population: _Population) -> int:
        """Record the steps of a layer and return how many samples they have."""
        passes, population.passes = population.passes, []
        membranes, spikes = population.membranes.take(), population.spikes.take()
        recorder, n_samples = self._recorder(population), 0
        if membranes:
            self._record_membranes(
                population, _flat(membranes), _flat(spikes) if population.after_reset and spikes else None
            )
        for sequence, layout in sequences(spikes, passes, population.layout):
            letters = letters_of(layout, sequence.ndim)
            recorder.record(self.iteration, sequence, layout=letters)
            recorder.end_sequence()
            n_samples += int(sequence.shape[letters.index("B")]) if "B" in letters else 1
        return n_samples

    def _record_membranes(self, population: _Population, membranes: Tensor, spikes: Tensor | None) -> None:
        """Record membranes; where ``spikes`` are given, neurons that spiked are left out of the surrogate's share."""
        neurons, module = population.layer.neurons, population.layer.module
        θ = neurons.threshold(module)
        derivatives, peak = None, None
        derivative = neurons.derivative(module)
        if derivative is not None:
            step = max(1, -(-membranes.numel() // 4096))
            some = membranes[::step]
            if spikes is not None and spikes.shape == membranes.shape:
                some = some[spikes[::step] == 0]
            derivatives = derivative(torch.cat([some, some.new_full((1,), θ or 0.0)]))
            derivatives, peak = derivatives[:-1], abs(float(derivatives[-1]))
        self._recorder(population).record(
            self.iteration, voltages=membranes, threshold=θ, surrogate=derivatives, surrogate_peak=peak
        )

    def _recorder(self, population: _Population) -> LayerRecorder:
        return self._profiler._recorder(population.name)


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
