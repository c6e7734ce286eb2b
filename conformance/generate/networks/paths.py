"""Checkpoints of version 2 whose signals take several ways: around nodes, through nodes without neurons, twice."""

from __future__ import annotations

import numpy as np

from conformance.generate.networks.graphs import HALF, LEAKY, ST_BIF, Draw, graph_of, node
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.transfer import SNNCheckpoint


def identity_paths() -> SNNCheckpoint:
    """A path of two nodes that change nothing beside one that does, and the input beside both."""
    draw = Draw(221)
    alone = np.ones((2, 1, 1, 1))
    nodes = [
        node("pass", Conv(alone, groups=2), PASS_ON, "input"),
        node("again", SumPool(1), PASS_ON, "pass"),
        node("works", Conv(draw(2, 2, 3, 3), draw(2), padding=1), HALF, "pass"),
        node("join", Add(), HALF, "again", "works", "input"),
        node("out", Linear(draw(3, 18), draw(3)), PASS_ON),
    ]
    return graph_of(nodes, (2, 3, 3), frozen_layers=["pass", "again"])


def three_ways() -> SNNCheckpoint:
    """Three signals behind each other, one of them the input, and one of them again in a sum."""
    draw = Draw(222)
    nodes = [
        node("left", Conv(draw(1, 2, 1, 3), padding=(0, 1)), HALF, "input"),
        node("right", Conv(draw(3, 2, 3, 1), draw(3), padding=(1, 0)), Neuron("IF", [0.5, 1.0, 2.0], 0.5), "input"),
        node("three", Concat(), PASS_ON, "right", "input", "left"),
        node("mixed", Conv(draw(6, 6, 1, 1)), HALF),
        node("join", Add(), HALF, "mixed", "three", "three"),
        node("out", Linear(draw(2, 72)), HALF),
    ]
    return graph_of(nodes, (2, 3, 4), metadata={"ways": 3})


def line_pools() -> SNNCheckpoint:
    """Pools of one axis with padding, each on its own way."""
    draw = Draw(223)
    nodes = [
        node("conv", Conv(draw(4, 1, 3), draw(4), padding=1, groups=2), HALF),
        node("max", MaxPool((3,), stride=2, padding=1), PASS_ON, "conv"),
        node("sum", SumPool((3,), stride=2, padding=1), PASS_ON, "conv"),
        node("mean", AvgPool((2,), stride=2, padding=1), LEAKY_4, "conv"),
        node("out", Linear(draw(2, 12), draw(2)), ST_BIF, "max"),
        node("both", Concat(), PASS_ON, "max", "sum"),
        node("last", Linear(draw(3, 24)), LEAKY),
    ]
    return graph_of(nodes, (2, 5))


def oblong_f32() -> SNNCheckpoint:
    """Windows that are not square, with gaps, groups and padding, binary32 and every sum rounded."""
    rng = np.random.default_rng(224)

    def single(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.5, shape).astype(np.float32)

    nodes = [
        node("a", Conv(single(6, 2, 1, 3), single(6), padding=(0, 2), dilation=(1, 2), groups=2), HALF),
        node("b", Conv(single(6, 1, 3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1), groups=6), HALF),
        node("c", MaxPool((2, 1), stride=(1, 1), padding=(1, 0)), PASS_ON),
        node("out", Linear(single(3, 6 * 5 * 3), single(3)), Neuron("LIF", 0.3, 0.1, 0.0, 0.9)),
    ]
    return graph_of(nodes, (4, 4, 5))


def twice() -> SNNCheckpoint:
    """One signal read twice by one node, and by two that stand far apart."""
    draw = Draw(225)
    nodes = [
        node("first", Linear(draw(3, 4)), HALF),
        node("double", Add(), HALF, "first", "first"),
        node("pair", Concat(), PASS_ON, "input", "input"),
        node("join", Linear(draw(3, 8)), ST_BIF),
        node("out", Add(), Neuron("IF", 1.5, 0.5, 0.25), "first", "double", "join"),
    ]
    return graph_of(nodes, (4,))


def one_pixel() -> SNNCheckpoint:
    """Every axis of length 1: windows that reach beyond on all sides."""
    draw = Draw(226)
    nodes = [
        node("conv", Conv(draw(1, 1, 3, 3), draw(1), padding=1), HALF),
        node("pool", MaxPool(2, stride=1, padding=1), PASS_ON),
        node("mean", AvgPool(2), Neuron("ST-BIF", 0.25, 0.5, tracer_min=-1, tracer_max=1)),
    ]
    return graph_of(nodes, (1, 1, 1))


def unread_f32() -> SNNCheckpoint:
    """A window that skips every other value."""
    return graph_of([node("out", Conv(np.ones((1, 1, 1), np.float32), stride=2), HALF)], (1, 3))


LEAKY_4 = Neuron("LIF", [1.0, 0.5, 2.0, 1.0], 0.0, None, [0.5, 1.0, 0.25, 0.0])
PATHS = {
    make.__name__: make for make in (identity_paths, three_ways, line_pools, oblong_f32, twice, one_pixel, unread_f32)
}
