"""What an iteration has shown of a model's spiking layers, until it is recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from spikeport.profiling.recording.arrays import as_array
from spikeport.profiling.recording.layer import LayerRecorder
from spikeport.profiling.recording.reductions import norm
from spikeport.profiling.watching.hooks import KeptTensors
from spikeport.profiling.watching.libraries.neurons import Neurons, Recording
from spikeport.profiling.watching.sequences import letters_of, sequences

_DERIVATIVES = 4096
"""Membranes of a recording at which the surrogate's derivative is asked for, evenly spaced."""


class SpikingLayer:
    """One spiking module, and the membranes that a tap has captured of the call that is running."""

    def __init__(self, name: str, module: nn.Module, neurons: Neurons) -> None:
        self.name, self.module, self.neurons = name, module, neurons
        self.captured = KeptTensors()
        self.disarm: Callable[[], None] | None = None

    def stand_down(self) -> None:
        """Undo what a call was armed with; it may have ended in an exception."""
        self.captured.take()
        if self.disarm is not None:
            self.disarm()
            self.disarm = None


class Population:
    """The neurons of one shape that a module has worked as, and what the iteration has shown of them so far."""

    def __init__(self, name: str, layer: SpikingLayer) -> None:
        self.name, self.layer = name, layer
        self.spikes, self.membranes = KeptTensors(), KeptTensors(source=layer.captured)
        self.gradients: list[Tensor] = []
        self.expects_gradient, self.passes_gradient = False, True
        self._passes: list[int] = []
        self._layout = "B"
        self._after_reset = False

    def show(self, recording: Recording, number: int) -> None:
        """Keep what one call gave in the forward pass of that number."""
        self._layout, self._after_reset = recording.layout, recording.after_reset
        self.spikes.add(recording.spikes)
        self._passes.append(number)
        if self.layer.captured:
            self.membranes.move(self.layer.captured)
        elif recording.membranes is not None:
            self.membranes.add(recording.membranes)

    @property
    def threshold(self) -> float | None:
        """The neurons' threshold, where it is one number."""
        return self.layer.neurons.threshold(self.layer.module)

    def steps_of_first_sequence(self) -> int:
        """Return how many calls of one step make the first sequence."""
        inside = len(set(self._passes)) < len(self._passes)
        return self._passes.count(self._passes[0]) if inside else len(self._passes)

    def record_gradient(self, recorder: LayerRecorder, iteration: int) -> None:
        """Record the norm of all gradients seen, 0 where there are none, and forget them."""
        gradients, self.gradients, self.expects_gradient = self.gradients, [], False
        recorder.passes_gradient = self.passes_gradient
        norms = [norm(as_array(gradient)) for gradient in gradients]
        bad = sum(count for _, count in norms)
        if bad:
            recorder.record_norm(iteration, math.nan, bad - 1)
        else:
            recorder.record_norm(iteration, math.hypot(*(value for value, _ in norms)))

    def record_calls(self, recorder: LayerRecorder, iteration: int) -> int:
        """Record the steps that the calls made, forget them, and return how many samples they have."""
        passes, self._passes = self._passes, []
        membranes, spikes = self.membranes.take(), self.spikes.take()
        if membranes:
            self._record_membranes(
                recorder, iteration, _flat(membranes), _flat(spikes) if self._after_reset and spikes else None
            )
        n_samples = 0
        for sequence, layout in sequences(spikes, passes, self._layout):
            letters = letters_of(layout, sequence.ndim)
            recorder.record(iteration, sequence, layout=letters)
            recorder.end_sequence()
            n_samples += int(sequence.shape[letters.index("B")]) if "B" in letters else 1
        return n_samples

    def _record_membranes(
        self, recorder: LayerRecorder, iteration: int, membranes: Tensor, spikes: Tensor | None
    ) -> None:
        """Record membranes; where ``spikes`` are given, neurons that spiked are left out of the surrogate's share."""
        neurons, module = self.layer.neurons, self.layer.module
        θ = neurons.threshold(module)
        derivatives, peak = None, None
        derivative = neurons.derivative(module)
        if derivative is not None:
            step = max(1, -(-membranes.numel() // _DERIVATIVES))
            some = membranes[::step]
            if spikes is not None and spikes.shape == membranes.shape:
                some = some[spikes[::step] == 0]
            derivatives = derivative(torch.cat([some, some.new_full((1,), θ or 0.0)]))
            derivatives, peak = derivatives[:-1], abs(float(derivatives[-1]))
        recorder.record(iteration, voltages=membranes, threshold=θ, surrogate=derivatives, surrogate_peak=peak)


class Populations:
    """The populations of all layers, in the order of their first call."""

    def __init__(self) -> None:
        self._by_shape: dict[tuple[str, tuple[int, ...]], Population] = {}

    def __iter__(self) -> Iterator[Population]:
        return iter(list(self._by_shape.values()))

    def of(self, layer: SpikingLayer, recording: Recording) -> Population:
        """Return the neurons that a call has shown; one module may work as several layers of different shapes."""
        shape = recording.spikes.shape
        letters = letters_of(recording.layout, len(shape))
        neurons = tuple(int(size) for size, axis in zip(shape, letters, strict=True) if axis not in "TB")
        key = (layer.name, neurons)
        if key not in self._by_shape:
            is_first = all(name != layer.name for name, _ in self._by_shape)
            name = layer.name if is_first else f"{layer.name} ({'×'.join(map(str, neurons))})"
            self._by_shape[key] = Population(name, layer)
        return self._by_shape[key]


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
