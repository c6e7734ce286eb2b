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

from spikeport.profiling.connections import Connection, is_connection
from spikeport.profiling.neurons import Neurons, Recording, neurons_of

if TYPE_CHECKING:
    from spikeport.profiling.profiler import SpikeProfiler

DEFAULT_EVERY = 20

_LONGEST_SEQUENCE = 1024
"""Steps kept before they are recorded, and forward passes that may make one iteration."""


class _Layer:
    """One spiking module, and what the iteration has shown of it so far."""

    def __init__(self, name: str, module: nn.Module, neurons: Neurons) -> None:
        self.name, self.module, self.neurons = name, module, neurons
        self.calls: list[Recording] = []
        self.membranes: list[Tensor] = []
        self.disarm: Callable[[], None] | None = None
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
        self._connections = [Connection(n, m) for n, m in model.named_modules() if is_connection(m)]
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

    def begin(self) -> None:
        """Begin an iteration; the model's forward pass does that itself."""
        self.flush()
        self._keep_bound()
        self.iteration += 1
        self._sampling = self._sampled is None or self.iteration - self._sampled >= self.every
        if self._sampling:
            self._sampled = self.iteration
            self._samples += 1
            self._undo_sampled = self._undo_sampled or list(self._placed_for_a_sample())
        else:
            self._withdraw()
        self._backward_seen, self._passes = False, 0

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
        """Record what the iteration has shown so far."""
        if not any(layer.calls or (layer.expects_gradient and self._backward_seen) for layer in self._layers):
            return
        began = time.perf_counter()
        with torch.no_grad():
            n_samples = 0
            for layer in self._layers:
                self._record_gradient(layer)
                n_samples = self._record_calls(layer) or n_samples
            for connection in self._connections:
                connection.record(self._profiler.operations, n_samples)
        self._busy += time.perf_counter() - began
        for listener in self._profiler.listeners:
            listener()

    def remove(self) -> None:
        """Record what is left and remove every hook; a second call does nothing."""
        self.flush()
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
        if self._follow:
            yield model.register_forward_pre_hook(self._before_model).remove
        for layer in self._layers:
            if layer.module is model:  # its forward pass has begun when a sample does
                yield from self._hooked(layer)
        if self._follow:
            yield model.register_forward_hook(self._after_model).remove

    def _placed_for_a_sample(self) -> Iterator[Callable[[], Any]]:
        """Place the hooks that only a recorded iteration needs, so that the others cost next to nothing."""
        tapped: set[int] = set()
        for layer in self._layers:
            if layer.module is not self._model:
                yield from self._hooked(layer)
            target = id(layer.neurons.tapped(layer.module))
            if target not in tapped:
                tapped.add(target)
                yield layer.neurons.tap(layer.module, self._capture)
        for connection in self._connections:
            yield connection.module.register_forward_hook(self._connecting(connection)).remove

    def _hooked(self, layer: _Layer) -> Iterator[Callable[[], Any]]:
        yield layer.module.register_forward_pre_hook(self._entering(layer)).remove
        yield layer.module.register_forward_hook(self._leaving(layer)).remove

    def _withdraw(self) -> None:
        while self._undo_sampled:
            self._undo_sampled.pop()()

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
        tensors = list(_with_gradient(output))
        self._awaiting = bool(tensors)
        for tensor in tensors:
            _hook(tensor, self.see_backward)

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
            if layer.disarm is not None:
                layer.disarm()
                layer.disarm = None
            if recording is None:
                return
            spikes = recording.spikes
            if self._gradients and spikes.requires_grad:
                layer.expects_gradient = True
                _hook(spikes, lambda gradient: layer.gradients.append(gradient.detach()))
            membranes = None if recording.membranes is None else recording.membranes.detach()
            layer.calls.append(Recording(spikes.detach(), recording.layout, membranes, recording.after_reset))
            if len(layer.calls) >= _LONGEST_SEQUENCE:
                self.flush()

        return leave

    def _connecting(self, connection: Connection) -> Callable[..., None]:
        def connect(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if self._sampling and inputs and isinstance(inputs[0], Tensor):
                connection.inputs.append(inputs[0].detach())

        return connect

    def _capture(self, membranes: Tensor) -> None:
        if self._running is not None:
            self._running.membranes.append(membranes.detach())

    def _record_gradient(self, layer: _Layer) -> None:
        if not (layer.expects_gradient and self._backward_seen):
            return
        flat = [gradient.reshape(-1) for gradient in layer.gradients]
        total = sum(float(torch.dot(g, g)) for g in flat)
        if not 1e-30 < total < math.inf:  # beyond float32, zero, or not finite
            total = sum(float(g.double().square().sum()) for g in flat)
        if math.isfinite(total):
            self._recorder(layer).record_norm(self.iteration, math.sqrt(total))
        else:
            bad = sum(int((~g.isfinite()).sum()) for g in layer.gradients)
            self._recorder(layer).record_norm(self.iteration, math.nan, max(bad, 1) - 1)
        layer.gradients, layer.expects_gradient = [], False

    def _record_calls(self, layer: _Layer) -> int:
        """Record the steps of a layer and return how many samples they have."""
        calls, captured = layer.calls, layer.membranes
        layer.calls, layer.membranes = [], []
        if not calls:
            return 0
        prefix = calls[0].layout
        spikes = calls[0].spikes
        if prefix == "B" and len(calls) > 1:
            spikes, prefix = torch.stack([call.spikes for call in calls]), "TB"
            together = True
        else:
            together = len(calls) == 1
        for part in [spikes] if together else [call.spikes for call in calls]:
            self._recorder(layer).record(self.iteration, part, layout=_letters(prefix, part.ndim))
        self._recorder(layer).end_sequence()
        membranes = captured or [call.membranes for call in calls if call.membranes is not None]
        if membranes:
            stacked = torch.stack(membranes) if len(membranes) > 1 else membranes[0]
            self._record_membranes(layer, stacked, spikes if calls[0].after_reset else None)
        return int(spikes.shape[prefix.index("B")]) if spikes.ndim > 1 else 1

    def _record_membranes(self, layer: _Layer, membranes: Tensor, spikes: Tensor | None) -> None:
        """Record membranes; where ``spikes`` are given, neurons that spiked are left out of the surrogate's share."""
        θ = layer.neurons.threshold(layer.module)
        derivatives, peak = None, None
        derivative = layer.neurons.derivative(layer.module)
        if derivative is not None:
            flat = membranes.reshape(-1)
            if spikes is not None and spikes.numel() == flat.numel():
                flat = flat[spikes.reshape(-1) == 0]
            some = flat[:: max(1, -(-flat.numel() // 4096))]
            derivatives = derivative(torch.cat([some, some.new_full((1,), θ or 0.0)]))
            derivatives, peak = derivatives[:-1], abs(float(derivatives[-1]))
        self._recorder(layer).record(
            self.iteration, voltages=membranes, threshold=θ, surrogate=derivatives, surrogate_peak=peak
        )

    def _recorder(self, layer: _Layer) -> Any:
        return self._profiler._recorder(layer.name)


def _letters(prefix: str, ndim: int) -> str:
    return "N" if ndim == 1 else prefix + "CDEFGHIJ"[: ndim - len(prefix)]


def _hook(tensor: Any, function: Callable[[Tensor], None]) -> None:
    tensor.register_hook(function)


def _with_gradient(output: Any) -> Iterator[Tensor]:
    """Yield the tensors in an output (tensor, tuple, list, mapping) that a backward pass can reach."""
    if isinstance(output, Tensor):
        if output.requires_grad:
            yield output
    elif isinstance(output, dict | list | tuple):
        for part in output.values() if isinstance(output, dict) else output:
            yield from _with_gradient(part)
