"""Checkpoints of integer networks: weights of 8 or 16 bits, biases of 32, thresholds and starts whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.generate.networks.graphs import graph_of, node
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.transfer import SNNCheckpoint


class Draw:
    """Draws whole numbers of one type of weights from one seed."""

    def __init__(self, seed: int, dtype: Any) -> None:
        self.rng, self.dtype = np.random.default_rng(seed), dtype
        self.most = 127 if dtype == np.int8 else 2000

    def __call__(self, *shape: int) -> Any:
        """Return weights of this shape."""
        return self.rng.integers(-self.most, self.most + 1, shape).astype(self.dtype)

    def bias(self, n: int) -> Any:
        """Return ``n`` biases."""
        return self.rng.integers(-5 * self.most, 5 * self.most, n).astype(np.int32)


def integers_chain() -> SNNCheckpoint:
    """What version 1 could hold, but for its types."""
    draw = Draw(241, np.int8)
    nodes = [
        node("hidden", Linear(draw(5, 4), draw.bias(5)), Neuron("IF", [200.0, 250, 300, 150, 64], 0.5)),
        node("out", Linear(draw(3, 5)), Neuron("IF", 100.0, 0.25, -30.0)),
    ]
    return graph_of(nodes, (4,), metadata={"step": 0.125}, frozen_layers=["hidden"])


def _graph(dtype: Any, scale: float) -> SNNCheckpoint:
    draw = Draw(242, dtype)
    each = Neuron("IF", [300 * scale, 410 * scale, 222 * scale, 500 * scale], 0.5)
    nodes = [
        node("stem", Conv(draw(4, 2, 3, 3), draw.bias(4), padding=1), each),
        node("depthwise", Conv(draw(4, 1, 3, 3), padding=1, groups=4)),
        node("skip", Conv(draw(4, 1, 1, 1), draw.bias(4), groups=4), PASS_ON, "stem"),
        node("join", Add(), Neuron("IF", 128.0 * scale, 0.5, max_spikes=3), "depthwise", "skip"),
        node("max", MaxPool(2, padding=1, stride=1), PASS_ON),
        node("sum", SumPool(2, padding=1, stride=1), Neuron("IF", 3.0, 1 / 3), "join"),
        node("both", Concat(), PASS_ON, "max", "sum"),
        node("dilated", Conv(draw(3, 8, 2, 2), dilation=(2, 1)), Neuron("ST-BIF", 250.0 * scale, 0.5, tracer_min=-4)),
        node("out", Linear(draw(3, 36), draw.bias(3))),
    ]
    return graph_of(nodes, (2, 4, 4))


def integers_graph() -> SNNCheckpoint:
    """Every operation that integers have, 8 bits."""
    return _graph(np.int8, 1)


def integers_graph_16() -> SNNCheckpoint:
    """The same with 16 bits."""
    return _graph(np.int16, 16)


def integers_line() -> SNNCheckpoint:
    """A window over one axis; joins of what has no neurons."""
    draw = Draw(243, np.int16)
    nodes = [
        node("conv", Conv(draw(2, 3, 3), draw.bias(2), stride=2, padding=2)),
        node("twice", Add(), PASS_ON, "conv", "conv"),
        node("out", Linear(draw(4, 8) // 100), Neuron("IF", [3000.0, 5000, 7000, 9000], 0.0, [0.0, -7, 11, 2999])),
    ]
    return graph_of(nodes, (3, 5))


def integers_settling() -> SNNCheckpoint:
    """Bipolar neurons that come to rest after a pulse."""
    draw = Draw(244, np.int8)
    levels = Neuron("ST-BIF", 150.0, 0.5, tracer_min=0, tracer_max=7)
    nodes = [
        node("conv", Conv(draw(3, 1, 2, 2), draw.bias(3)), Neuron("ST-BIF", [80.0, 102, 333], 0.0, tracer_max=15)),
        node("max", MaxPool(2)),
        node("hidden", Linear(draw(4, 3), draw.bias(4)), levels),
        node("out", Linear(draw(3, 4), draw.bias(3))),
    ]
    return graph_of(nodes, (1, 3, 3))


def integers_labels_only() -> SNNCheckpoint:
    """Labels, and no neuron in the archive: a threshold of 1, a start at 0."""
    draw = Draw(245, np.int8)
    nodes = [node("a", Linear(draw(3, 4)), Neuron("IF")), node("b", Linear(draw(2, 3)), Neuron("ST-BIF"))]
    made = graph_of(nodes, (4,))
    made.neurons = [None, None]
    made.neuron_types = ["IF", "ST-BIF"]
    return made


def integers_unknown_kind() -> SNNCheckpoint:
    """A label that is no kind: it is read, and does not run."""
    made = integers_labels_only()
    made.neuron_types = ["IF", "McCulloch-Pitts"]
    return made


WHOLE = {
    make.__name__: make
    for make in (
        integers_chain,
        integers_graph,
        integers_graph_16,
        integers_line,
        integers_settling,
        integers_labels_only,
        integers_unknown_kind,
    )
}
