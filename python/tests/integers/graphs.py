"""Graphs that the tests of integer networks are about: random ones, and ones that whole numbers can say exactly."""

import numpy as np

from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool

IF = Neuron("IF", v_init=0.5)


def dyadic(rng, *shape):
    """Return weights k/64, k up to 127 in each row: at a scale of 64 they are whole, and no larger one fits 8 bits."""
    k = rng.integers(-127, 128, shape)
    k.reshape(len(k), -1)[:, 0] = 127
    return k / 64


def residual(rng, weights=dyadic, neuron=IF, pool=AvgPool):
    """Return a network of all operations: two sums, of what can be scaled and what cannot, and a concatenation."""
    few = {"padding": 1}
    return SNNGraph(
        [
            LayerNode.of("stem", Conv(weights(rng, 4, 2, 3, 3), weights(rng, 4, 1)[:, 0], **few), neuron),
            LayerNode.of("branch", Conv(weights(rng, 4, 4, 3, 3), None, **few)),
            LayerNode.of("sum", Add(), neuron, ["branch", "stem"]),
            LayerNode.of("pool", pool(2)),
            LayerNode.of("max", MaxPool(2), inputs=["sum"]),
            LayerNode.of("both", Concat(), inputs=["pool", "max"]),
            LayerNode.of("mixed", Conv(weights(rng, 4, 8, 1, 1), None), neuron),
            LayerNode.of("again", Add(), neuron, ["mixed", "max"]),
            LayerNode.of("summed", SumPool(2), neuron),
            LayerNode.of("out", Linear(weights(rng, 3, 16), weights(rng, 3, 1)[:, 0])),
        ],
        input_shape=(2, 8, 8),
    )


def normal(rng, *shape):
    """Return weights as training makes them."""
    return rng.normal(0, 1.5 / np.sqrt(np.prod(shape[1:])), shape)
