"""What a current of 1 stands for in each layer, from the weights themselves.

Conversion gives every signal a unit, and weights carry it over: ``W' = W·u_in/c`` for a layer whose currents are in
units of c. So c is read off the two weights, whatever was done to the threshold since: a threshold that does not fit is
then found as what it is, spikes that each take more charge than they stand for. Weights that calibration fitted say no
such thing, so there c is the scale that conversion noted down.

In a network of integers the scales say what 1 stands for in every signal, and c is what a spike stands for over the
whole threshold; where there are weights on both sides it is read off them there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.certification.layers.trained import TrainedNetwork
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.normalise import in_units
from spikeport.conversion.whole import read_by
from spikeport.graph import LayerNode
from spikeport.kernels import INPUT
from spikeport.operations import Add, Concat, Operation, Weighted

Array = npt.NDArray[Any]


class Units(NamedTuple):
    """Of one layer: what a rate of 1, and a current of 1, stand for; how far it is from the trained one.

    Attributes
    ----------
    rate, current : of shape (1,), or one for each channel
    changed : RMS of the difference of the weights over the RMS of the weights; None where there are none to compare
    shift : what was added to the bias, in the units of the trained network, shape (1,), or one for each channel
    """

    rate: Array
    current: Array
    changed: float | None
    shift: Array


def units_of(snn: ConvertedSNN, trained: TrainedNetwork) -> dict[str, Units]:
    """Return the units of each layer with neurons, the output left out."""
    graph = snn.graph
    given = np.ones(1) if snn.units is None else snn.units.input.steps(graph.input_shape[0])
    rates = {layer.name: np.atleast_1d(scale) for layer, scale in zip(graph, snn.scales, strict=True)}
    found = {}
    for index, layer in enumerate(graph.layers[:-1]):
        if layer.neuron.is_spiking:
            sources = graph.reads(index)
            feeds = [rates[name] if name in rates and (index or name != INPUT) else given for name in sources]
            rate, origin = rates[layer.name], _origin(snn, layer, trained)
            charge = rate if snn.units is None else np.atleast_1d(rate / layer.neuron.threshold)
            units = _units(layer, origin, rate, charge, feeds, _widths(snn, sources))
            says_nothing = (
                is_fitted(snn.certificate) if isinstance(layer.operation, Weighted) else snn.units is not None
            )
            if says_nothing:
                units = units._replace(current=charge)
            found[layer.name] = units._replace(shift=_shift(snn, layer, trained, units.current, rates))
    return found


def _origin(snn: ConvertedSNN, layer: LayerNode, trained: TrainedNetwork) -> Operation | None:
    """Return what a layer does in the trained network, on what it reads here; None for what that does not have."""
    node = trained.nodes.get(layer.name)
    return None if node is None else read_by(snn, layer.name, node.operation)


def is_fitted(certificate: Certificate) -> bool:
    """Whether conversion fitted the weights of hidden layers, as its certificate says."""
    return str(certificate.details.get("weights", "")).startswith("ridge")


def _widths(snn: ConvertedSNN, sources: tuple[str, ...]) -> list[int]:
    shapes = {INPUT: snn.graph.input_shape} | {layer.name: layer.shape or (1,) for layer in snn.graph}
    return [shapes[name][0] for name in sources]


def _units(
    layer: LayerNode, origin: Operation | None, rate: Array, charge: Array, feeds: list[Array], widths: list[int]
) -> Units:
    operation = layer.operation
    if isinstance(operation, Weighted) and not isinstance(origin, Weighted):
        return Units(rate, charge, None, np.zeros(1))  # it carries a signal into the unit of these neurons
    if not isinstance(operation, Weighted) or not isinstance(origin, Weighted):
        joined = [np.broadcast_to(feed, (width,)) for feed, width in zip(feeds, widths, strict=True)]
        several = isinstance(operation, Concat) and len({float(u) for feed in feeds for u in feed}) > 1
        return Units(rate, np.concatenate(joined) if several else feeds[0], None, np.zeros(1))
    if origin.weight.shape != operation.weight.shape:
        return Units(rate, charge, None, np.zeros(1))
    meant = in_units(origin, feeds[0], np.ones(1)).arrays()["weight"].astype(np.float64).reshape(len(origin.weight), -1)
    held = operation.weight.astype(np.float64).reshape(meant.shape)
    size = (held * held).sum(axis=1)
    fitted = np.divide((meant * held).sum(axis=1), size, out=np.zeros(len(size)), where=size > 0)
    current = np.where(fitted > 0, fitted, np.broadcast_to(charge, fitted.shape))
    rest, whole = current[:, None] * held - meant, float(np.square(meant).mean())
    return Units(rate, current, float(np.sqrt(np.square(rest).mean() / whole)) if whole else 0.0, np.zeros(1))


def _shift(
    snn: ConvertedSNN, layer: LayerNode, trained: TrainedNetwork, current: Array, rates: Mapping[str, Array]
) -> Array:
    """Return what was added to the biases that reach a layer's neurons: its own, and those of what it adds up."""
    if isinstance(layer.operation, Add):
        sources = [source for source in snn.graph.sources(layer.name) if source is not None]
        parts = [_added(snn, source, trained, rates[source.name]) for source in sources if not source.neuron.is_spiking]
        wide = [np.broadcast_to(part, (layer.shape or (1,))[:1]) for part in parts]
        total: Array = np.sum(wide or [np.zeros(1)], axis=0)
        return total
    return _added(snn, layer, trained, current)


def _added(snn: ConvertedSNN, layer: LayerNode, trained: TrainedNetwork, unit: Array) -> Array:
    origin = _origin(snn, layer, trained)
    if not isinstance(layer.operation, Weighted) or not isinstance(origin, Weighted):
        return np.zeros(1)
    rows = layer.operation.n_outputs
    if origin.n_outputs != rows:
        return np.zeros(1)
    held, meant = (np.zeros(rows) if b is None else b.astype(np.float64) for b in (layer.bias, origin.bias))
    added: Array = held * unit - meant
    return np.where(np.abs(added) > 1e-5 * np.maximum(np.abs(meant), np.abs(unit)), added, 0)
