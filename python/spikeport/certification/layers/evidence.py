"""What is measured of each sample, batch by batch: the certificate's raw material."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.certification.layers.losses import KINDS, Losses, losses_of
from spikeport.certification.layers.trained import Signals, TrainedNetwork, as_float64
from spikeport.certification.layers.units import Units
from spikeport.certification.samples import drawn
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.lossless.certificate import differs
from spikeport.conversion.lossless.quantised import quantised
from spikeport.conversion.running.readout import read_out
from spikeport.graph import LayerNode, RunResult
from spikeport.kernels import INPUT

Array = npt.NDArray[Any]

VALUES_AT_ONCE = 1 << 22
COLUMNS = ("losses", "activations", "largest", "clipped", "spikes", "arrivals")
"""What is measured of each layer."""


class Evidence(NamedTuple):
    """Of each sample of a batch; L layers with neurons, K the kinds of loss.

    Attributes
    ----------
    trained, spiking : (batch, n_outputs): the answers of the two networks
    losses : (batch, L, K + 2): mean squares of what is inherited, of each own loss, and of the shift
    activations : (batch, L): mean squares of the trained activations
    largest : (batch, L): the largest trained activation
    clipped : (batch, L): share of the active neurons whose trained activation lies above what N spikes stand for
    spikes : (batch, L)
    arrivals : (batch, L, K + 1): mean squares of what each own loss, and all of them, does to the answer by itself
    drawing : (batch,): the same of drawing the input as spikes
    settled : (batch,): after how many steps a lossless network settled, -1 where it did not; else 0
    other : (batch,): whether it has another count, or output, than its quantised network
    """

    trained: Array
    spiking: Array
    losses: Array
    activations: Array
    largest: Array
    clipped: Array
    spikes: Array
    arrivals: Array
    drawing: Array
    settled: Array
    other: Array

    @classmethod
    def joined(cls, parts: list[Evidence]) -> Evidence:
        """Return the batches as one."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def evidence(
    snn: ConvertedSNN, trained: TrainedNetwork, units: Mapping[str, Units], x: Array, T: int, **how: Any
) -> Iterator[Evidence]:
    """Yield the evidence of samples ``x`` (n, *input_shape), run for ``T`` steps, batch by batch.

    ``how`` are encoding, seed and backend of the run.
    """
    values = sum(layer.n_neurons for layer in snn.graph) + snn.graph.n_inputs
    at_once = max(1, min(256, VALUES_AT_ONCE // values))
    for start in range(0, len(x), at_once):
        yield _batch(snn, trained, units, x[start : start + at_once], T, **how)


def _batch(
    snn: ConvertedSNN, trained: TrainedNetwork, units: Mapping[str, Units], x: Array, T: int, **how: Any
) -> Evidence:
    fed = snn.fed(x)
    run = snn.graph.run(fed, T=T, **how)
    T = 1 if snn.is_pulsed else T  # a pulse is fed once, and its values are sums
    signals = trained.signals(trained.tensor(x))
    expected = trained.answer(signals.outputs)
    read = read_out(run, snn.graph, x, snn.readout_delay if snn.readout_delay < T else 0, **how)
    got = snn.decoded(read.drive, read.timesteps).astype(np.float64)
    columns: dict[str, list[Array]] = {name: [] for name in COLUMNS}
    for index, layer in enumerate(snn.graph):
        if layer.name in units:
            found = _losses(layer, index, run, units[layer.name], trained, signals, T)
            activation = as_float64(signals.outputs[layer.name]).reshape(run.counts[index].shape)
            kinds = [found.inherited, *(getattr(found, kind) for kind in KINDS), found.shift]
            columns["losses"].append(np.stack([_mean_square(loss) for loss in kinds], axis=1))
            columns["activations"].append(_mean_square(activation))
            columns["largest"].append(activation.reshape(len(x), -1).max(axis=1))
            active = np.count_nonzero((activation > 0).reshape(len(x), -1), axis=1)
            above = np.count_nonzero(found.clipped.reshape(len(x), -1), axis=1)
            columns["clipped"].append(above / np.maximum(active, 1))
            columns["spikes"].append(run.counts[index].reshape(len(x), -1).sum(axis=1))
            columns["arrivals"].append(_arrivals(layer.name, found, trained, signals, expected))
    arrays = {
        name: np.stack(parts, axis=1) if parts else np.zeros((len(x), 0, *_TAILS.get(name, ())))
        for name, parts in columns.items()
    }
    drawing = _drawing(snn, trained, signals, expected, x, T, **how)
    settled, other = np.zeros(len(x), int), np.zeros(len(x), bool)
    if run.settled is not None:
        settled, other = run.settled, differs(snn.graph, run, quantised(snn.graph, fed, how["backend"]))
    return Evidence(trained=expected, spiking=got, **arrays, drawing=drawing, settled=settled, other=other)


_TAILS = {"losses": (len(KINDS) + 2,), "arrivals": (len(KINDS) + 1,)}


def _losses(
    layer: LayerNode, index: int, run: RunResult, unit: Units, trained: TrainedNetwork, signals: Signals, T: int
) -> Losses:
    import torch

    node, shape = trained.nodes[layer.name], run.counts[index].shape
    assert node.activation is not None
    apply, dtype = node.activation.apply, trained.network.dtype

    def function(values: Array) -> Array:
        given = torch.tensor(values, dtype=dtype, device=trained.network.device)
        return as_float64(apply(given)).reshape(values.shape)

    activation = as_float64(signals.outputs[layer.name]).reshape(shape)
    return losses_of(
        layer, unit.rate, unit.current, unit.shift, run.counts[index], run.membrane[index], T, activation, function
    )


def _arrivals(name: str, found: Losses, trained: TrainedNetwork, signals: Signals, expected: Array) -> Array:
    """Return what each loss, put into the trained network by itself, changes of the answer: (batch, K + 1)."""
    return np.stack([_moved(name, loss, trained, signals, expected) for loss in found.own.values()], axis=1)


def _moved(name: str, change: Array, trained: TrainedNetwork, signals: Signals, expected: Array) -> Array:
    import torch

    if not change.any():
        return np.zeros(len(change))
    before = signals.outputs[name]
    added = torch.tensor(change, dtype=before.dtype, device=before.device).reshape(before.shape)
    return _mean_square(trained.onward(signals, name, before + added) - expected)


def _drawing(
    snn: ConvertedSNN, trained: TrainedNetwork, signals: Signals, expected: Array, x: Array, T: int, **how: Any
) -> Array:
    if how["encoding"] != "poisson" or INPUT in trained.nodes:
        return np.zeros(len(x))
    spikes = drawn(snn.graph, x, T, how["seed"], how["backend"])
    return _moved(INPUT, spikes.mean(axis=0, dtype=np.float64) - x, trained, signals, expected)


def _mean_square(values: Array) -> Array:
    squares: Array = np.square(values.reshape(len(values), -1)).mean(axis=1)
    return squares
