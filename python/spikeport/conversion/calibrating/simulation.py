"""A spiking network fed constant current, in torch: node after node, all steps of a node at once.

It computes what `SNNGraph.run` does, but adds in torch's order, so that a membrane which comes to lie on the threshold
may fall to its other side. It is there to fit and to choose; a certificate is measured on the network itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels import INPUT
from spikeport.neuron import Neuron
from spikeport.reading.compute import compute

AT_ONCE: Final = 1 << 24
"""Values of a signal that a node reads at once."""


class Arrived(NamedTuple):
    """What came to the end, as means over the steps that count: what the readout reads, (batch, …), and the drive."""

    rates: Tensor
    drive: Tensor


class Simulation:
    """``graph`` on samples ``x``, (batch, *input_shape), for ``timesteps`` steps.

    A signal is (steps, batch, …), with a single step where it is the same at all of them. Spikes are kept as whole
    numbers of 8 bits, and only until the last node has read them. ``readout`` is the node whose rates are kept, by
    default the last one. Means leave out the first ``delay`` steps, fewer than ``timesteps``.
    """

    def __init__(self, graph: SNNGraph, x: Tensor, timesteps: int, readout: str | None = None, delay: int = 0) -> None:
        self.graph, self.timesteps, self.dtype, self.delay = graph, timesteps, x.dtype, delay
        self._readout = readout or graph[-1].name
        self._rates: Tensor | None = None
        self.signals: dict[str, Tensor] = {INPUT: x.reshape(1, len(x), *graph.input_shape)}
        self._steady, self._places = {INPUT}, {layer.name: k for k, layer in enumerate(graph)}
        self._last = {name: k for k in range(len(graph)) for name in graph.reads(k)}

    def hidden(self) -> Iterator[tuple[int, LayerNode]]:
        """Yield each node but the last one; `send` has to say what it passes on before the next."""
        for k, layer in enumerate(self.graph.layers[:-1]):
            if layer.name == self._readout:
                self._rates = self.mean_read(k)
            yield k, layer
            for name in [name for name in set(self.graph.reads(k)) if self._last[name] == k]:
                del self.signals[name]

    def mean_read(self, k: int) -> Tensor:
        """Return the mean over the steps of what node ``k`` reads first, (batch, …), in float64."""
        return self.mean_of(self.graph.reads(k)[0])

    def mean_of(self, name: str) -> Tensor:
        """Return the mean over the steps of what node ``name`` passes on, (batch, …), in float64."""
        return late(self.signals[name], self.delay).to(torch.float64).mean(0)

    def is_steady(self, k: int) -> bool:
        """Whether what node ``k`` reads is the same at all steps."""
        return all(name in self._steady for name in self.graph.reads(k))

    def send(self, layer: LayerNode, currents: Tensor, shift: Tensor | float = 0.0) -> None:
        """Let a node pass on what its neurons make of ``currents`` and ``shift``, which is added at every step."""
        fires = layer.neuron.is_spiking
        is_steady = not fires and self.is_steady(self._places[layer.name])
        (self._steady.add if is_steady else self._steady.discard)(layer.name)
        self.signals[layer.name] = fired(layer.neuron, currents, self.timesteps, shift) if fires else currents + shift

    def weigh(self, layer: LayerNode, factor: Any) -> None:
        """Let each spike of a layer count ``factor`` times, one number or one for each channel."""
        spikes = self.signals[layer.name].to(self.dtype)
        self.signals[layer.name] = spikes * for_each_channel(factor, spikes)

    def arrived(self) -> Arrived:
        """Return what came to the last node, behind all others."""
        k = len(self.graph) - 1
        rates = self.mean_read(k) if self._rates is None else self._rates
        return Arrived(rates, late(self.currents(k), self.delay).to(torch.float64).mean(0))

    def currents(self, k: int) -> Tensor:
        """Return the currents of node ``k``, (steps or 1, batch, …)."""
        layer = self.graph[k]
        read = [self.signals[name] for name in self.graph.reads(k)]
        steps, batch = max(map(len, read)), read[0].shape[1]
        if layer.operation.remembers and steps > 1:
            largest = self._computed(layer, [read[0].to(self.dtype).cumsum(0)], steps, batch)
            return torch.cat([largest[:1], largest.diff(dim=0)])
        return self._computed(layer, read, steps, batch)

    def _computed(self, layer: LayerNode, read: list[Tensor], steps: int, batch: int) -> Tensor:
        at_once = max(1, AT_ONCE // (batch * max(math.prod(signal.shape[2:]) for signal in read)))
        parts = []
        for start in range(0, steps, at_once):
            some = [signal.expand(steps, *signal.shape[1:])[start : start + at_once] for signal in read]
            flat = [signal.to(self.dtype).flatten(0, 1) for signal in some]
            parts.append(compute(layer.operation, flat, self.dtype, flat[0].device))
        together = torch.cat(parts)
        return together.reshape(steps, batch, *together.shape[1:])


def simulated(graph: SNNGraph, x: Tensor, timesteps: int, readout: str | None = None, delay: int = 0) -> Arrived:
    """Return what comes to the last layer of ``graph``, and to the node ``readout``, after ``delay`` steps."""
    simulation = Simulation(graph, x, timesteps, readout, delay)
    for k, layer in simulation.hidden():
        simulation.send(layer, simulation.currents(k))
    return simulation.arrived()


def fired(neuron: Neuron, currents: Tensor, timesteps: int, shift: Tensor | float = 0.0) -> Tensor:
    """Return the spikes (timesteps, batch, …) of neurons for currents (steps or 1, batch, …) and ``shift``.

    v ← v + I[t];  s = number of m in 1 … max_spikes with v ≥ m·θ;  v ← v - θ·s
    """
    threshold = for_each_channel(neuron.threshold, currents)
    v = for_each_channel(neuron.v_init, currents) * threshold + torch.zeros_like(currents[0])
    spikes = torch.empty((timesteps, *currents.shape[1:]), dtype=torch.uint8, device=currents.device)
    for t in range(timesteps):
        v += currents[t if len(currents) > 1 else 0]
        v += shift
        sent = (v >= threshold).to(v.dtype)
        for m in range(2, neuron.max_spikes + 1):
            sent += v >= m * threshold
        v -= threshold * sent
        spikes[t] = sent
    return spikes


def late(signal: Tensor, delay: int) -> Tensor:
    """Return a signal (steps or 1, batch, …) without its first ``delay`` steps."""
    return signal[delay:] if len(signal) > 1 else signal


def for_each_channel(value: Any, like: Tensor) -> Tensor:
    """Return one number, or one for each channel, as it meets values (steps, batch, channels, …)."""
    values = torch.as_tensor(np.array(value), dtype=like.dtype, device=like.device)
    return values.reshape(-1, *(1,) * (like.dim() - 3)) if values.dim() else values
