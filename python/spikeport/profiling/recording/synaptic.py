"""Synaptic operations, in the terms of NeuroBench (Yik et al. 2025), so that figures can be compared.

Per sample, summed over the steps of a sequence:

- ``effective_acs``: accumulates, a weight that is not 0 meeting an input of -1, 0 or 1 that is not 0
- ``effective_macs``: multiply-accumulates, the same where the inputs are graded, or some are several spikes at once
- ``dense``: every weight for every input that it reads, zeros included; the padding of an image is no input

Biases are not counted. ``activation_sparsity`` is the share of neurons, steps and samples without a spike;
``connection_sparsity`` the share of weights that are 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spikeport.graph import RunResult, SNNGraph
from spikeport.graph.signals import recorded_signals
from spikeport.kernels.network import Signal
from spikeport.operations import Weighted
from spikeport.profiling.recording.statistics import LayerStats


@dataclass(frozen=True)
class Activity:
    """Activity of the network per sample; None where connections were not seen.

    ``layers`` has effective operations per sample, by connection.
    """

    activation_sparsity: float | None = None
    connection_sparsity: float | None = None
    effective_acs: float | None = None
    effective_macs: float | None = None
    dense: float | None = None
    layers: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        return asdict(self)


class Operations:
    """Sums of synaptic operations, by connection."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}
        self._weights: dict[str, tuple[int, int]] = {}
        self._samples: dict[str, float] = {}

    def add(self, name: str, effective: float, dense: float, binary: bool, samples: float) -> None:
        """Add operations of a connection for that many samples (a fraction where a call is one of many steps)."""
        sums = self._sums.setdefault(name, [0.0, 0.0, 0.0])
        sums[0 if binary else 1] += effective
        sums[2] += dense
        self._samples[name] = self._samples.get(name, 0.0) + samples

    def set_weights(self, name: str, zeros: int, total: int) -> None:
        """Say how many of a connection's weights are 0."""
        self._weights[name] = (zeros, total)

    def add_graph_run(self, graph: SNNGraph, given: Signal, run: RunResult, record: Callable[..., None]) -> None:
        """Add a recorded run of a graph on ``given``: spikes of each layer, operations of each connection with
        weights.
        """
        assert run.spikes is not None
        for (layer, read), spikes in zip(recorded_signals(graph, given, run), run.spikes, strict=True):
            if isinstance(layer.operation, Weighted):
                self._add_connection(layer.name, layer.operation, read[0].steps(run.timesteps))
            if layer.neuron.is_spiking:
                flat = spikes.reshape(*spikes.shape[:2], layer.n_neurons)
                neuron = {"threshold": float(np.mean(layer.threshold)), "max_spikes": layer.neuron.max_spikes}
                record(layer.name, flat, layout="TBN", **neuron)

    def _add_connection(self, name: str, operation: Weighted, signal: Any) -> None:
        """Add what a connection did with a signal (T, batch, …): each value that is not 0, times who reads it."""
        shape, arrays = signal.shape[2:], operation.arrays()
        full = operation.with_arrays({**arrays, "weight": np.ones_like(operation.weight)})
        assert isinstance(full, Weighted)
        fan_out = operation.fan_out(shape)
        binary = bool(np.isin(signal, (-1, 0, 1)).all())
        dense = float(math.prod(signal.shape[:2]) * full.fan_out(shape).sum())
        self.add(name, float((np.count_nonzero(signal, axis=(0, 1)) * fan_out).sum()), dense, binary, signal.shape[1])
        self.set_weights(name, int(np.count_nonzero(operation.weight == 0)), operation.weight.size)

    def summary(self, layers: Mapping[str, LayerStats]) -> Activity:
        """Return the figures per sample, with the sparsity of the layers recorded."""
        weight = [(stats.n_observations * stats.n_neurons, stats.sparsity) for stats in layers.values()]
        total = sum(size for size, _ in weight)
        sparsity = sum(size * share for size, share in weight if size) / total if total else None
        if not self._sums:
            return Activity(sparsity)
        per_sample = {
            name: [value / self._samples[name] if self._samples[name] else 0.0 for value in sums]
            for name, sums in self._sums.items()
        }
        acs, macs, dense = (sum(values[i] for values in per_sample.values()) for i in range(3))
        n_weights = sum(total for _, total in self._weights.values())
        zeros = sum(zeros for zeros, _ in self._weights.values())
        return Activity(
            sparsity,
            zeros / n_weights if n_weights else None,
            acs,
            macs,
            dense,
            {name: values[0] + values[1] for name, values in per_sample.items()},
        )
