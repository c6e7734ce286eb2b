"""What a current of 1 stands for in each layer, from the weights themselves.

Conversion gives every signal a unit, and weights carry it over: ``W' = W·u_in/c`` for a layer whose currents are in
units of c. So c is read off the two weights, whatever was done to the threshold since: a threshold that does not fit is
then found as what it is, spikes that each take more charge than they stand for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.certification.layers.trained import TrainedNetwork
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.normalise import in_units
from spikeport.graph import LayerNode
from spikeport.kernels import INPUT
from spikeport.operations import Concat, Weighted

Array = npt.NDArray[Any]


class Units(NamedTuple):
    """Of one layer: what a rate of 1, and a current of 1, stand for; how far its weights are from the trained ones.

    Attributes
    ----------
    rate, current : of shape (1,), or one for each channel
    changed : RMS of the difference of the weights over the RMS of the weights; None where there are none to compare
    """

    rate: Array
    current: Array
    changed: float | None


def units_of(snn: ConvertedSNN, trained: TrainedNetwork) -> dict[str, Units]:
    """Return the units of each layer with neurons, the output left out."""
    graph = snn.graph
    rates = {layer.name: np.atleast_1d(scale) for layer, scale in zip(graph, snn.scales, strict=True)}
    found = {}
    for index, layer in enumerate(graph.layers[:-1]):
        if layer.neuron.is_spiking:
            sources = graph.reads(index)
            feeds = [rates[name] if name in rates and (index or name != INPUT) else np.ones(1) for name in sources]
            found[layer.name] = _units(layer, trained, rates[layer.name], feeds, _widths(snn, sources))
    return found


def _widths(snn: ConvertedSNN, sources: tuple[str, ...]) -> list[int]:
    shapes = {INPUT: snn.graph.input_shape} | {layer.name: layer.shape or (1,) for layer in snn.graph}
    return [shapes[name][0] for name in sources]


def _units(layer: LayerNode, trained: TrainedNetwork, rate: Array, feeds: list[Array], widths: list[int]) -> Units:
    operation, origin = layer.operation, trained.nodes[layer.name].operation
    if not isinstance(operation, Weighted) or not isinstance(origin, Weighted):
        joined = [np.broadcast_to(feed, (width,)) for feed, width in zip(feeds, widths, strict=True)]
        several = isinstance(operation, Concat) and len({float(u) for feed in feeds for u in feed}) > 1
        return Units(rate, np.concatenate(joined) if several else feeds[0], None)
    if origin.weight.shape != operation.weight.shape:
        return Units(rate, rate, None)
    meant = in_units(origin, feeds[0], np.ones(1)).arrays()["weight"].astype(np.float64).reshape(len(origin.weight), -1)
    held = operation.weight.astype(np.float64).reshape(meant.shape)
    size = (held * held).sum(axis=1)
    fitted = np.divide((meant * held).sum(axis=1), size, out=np.zeros(len(size)), where=size > 0)
    current = np.where(fitted > 0, fitted, np.broadcast_to(rate, fitted.shape))
    rest, whole = current[:, None] * held - meant, float(np.square(meant).mean())
    return Units(rate, current, float(np.sqrt(np.square(rest).mean() / whole)) if whole else 0.0)
