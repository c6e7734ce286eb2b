"""Checkpoints whose neurons send several spikes a step, and quantised ones that settle after a pulse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.generate.networks.graphs import HALF, Draw
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, Operation, SumPool
from spikeport.transfer import SNNCheckpoint

SETTLING: dict[str, Callable[[], SNNCheckpoint]] = {}
THREE = Neuron("IF", 0.5, 0.5, max_spikes=3)
LEVELS = Neuron("ST-BIF", 0.5, 0.5, tracer_min=0, tracer_max=7)


def _network(make: Callable[[], SNNCheckpoint]) -> Callable[[], SNNCheckpoint]:
    SETTLING[make.__name__] = make
    return make


def _of(input_shape: tuple[int, ...], *nodes: tuple[str, Operation, Neuron, tuple[str, ...]]) -> SNNCheckpoint:
    return SNNCheckpoint.from_graph(SNNGraph([LayerNode.of(*node) for node in nodes], input_shape))


@_network
def several_chain() -> SNNCheckpoint:
    draw = Draw(221)
    return _of((3,), ("a", Linear(draw(4, 3), draw(4)), THREE, ()), ("b", Linear(draw(2, 4)), HALF, ()))


def _several(dtype: Any) -> SNNCheckpoint:
    draw = Draw(222, dtype)
    seven = Neuron("IF", [0.25, 0.5, 1.0], 0.5, max_spikes=7)
    return _of(
        (2, 4, 4),
        ("conv", Conv(draw(3, 2, 3, 3), draw(3), padding=1), seven, ()),
        ("depthwise", Conv(draw(3, 1, 2, 2), groups=3), THREE, ()),
        ("sum", SumPool(2, stride=1), PASS_ON, ("conv",)),
        ("join", Add(), THREE, ("depthwise", "sum")),
        ("max", MaxPool(2, stride=1), PASS_ON, ()),
        ("out", Linear(draw(3, 12), draw(3)), THREE, ()),
    )


@_network
def several_graph() -> SNNCheckpoint:
    return _several(np.float64)


@_network
def several_graph_f32() -> SNNCheckpoint:
    return _several(np.float32)


def _settling(dtype: Any) -> SNNCheckpoint:
    draw = Draw(223, dtype)
    each = Neuron("ST-BIF", [0.25, 0.5, 1.0], 0.5, tracer_min=0, tracer_max=7)
    return _of(
        (2, 4, 4),
        ("conv", Conv(draw(3, 2, 3, 3), draw(3), padding=1), each, ()),
        ("block", Conv(draw(3, 3, 3, 3), draw(3), padding=1), PASS_ON, ()),
        ("join", Add(), LEVELS, ("block", "conv")),
        ("max", MaxPool(2), PASS_ON, ()),
        ("average", AvgPool(2), PASS_ON, ("join",)),
        ("both", Concat(), PASS_ON, ("max", "average")),
        ("hidden", Linear(draw(5, 24), draw(5)), LEVELS, ()),
        ("out", Linear(draw(3, 5), draw(3)), PASS_ON, ()),
    )


@_network
def settling() -> SNNCheckpoint:
    return _settling(np.float64)


@_network
def settling_f32() -> SNNCheckpoint:
    return _settling(np.float32)


@_network
def settling_mixed() -> SNNCheckpoint:
    draw = Draw(224)
    leaky = Neuron("LIF", 1.0, 0.0, 0.0, 0.5)
    bipolar = Neuron("ST-BIF", 0.25, 0.5, tracer_min=-3, tracer_max=3)
    return _of(
        (4,),
        ("leaks", Linear(draw(4, 4), draw(4)), leaky, ()),
        ("bipolar", Linear(draw(3, 4), draw(3)), bipolar, ()),
        ("out", Linear(draw(2, 3)), HALF, ()),
    )


@_network
def never_still() -> SNNCheckpoint:
    """A start far above the threshold: it fires without any input, for long."""
    return _of((1, 1), ("out", Conv(np.ones((1, 1, 1)), np.ones(1)), Neuron("IF", 1.0, 40.0), ()))
