"""Nodes that name what they read: shapes are worked out, and what does not fit is refused by a code."""

import numpy as np
import pytest

from spikeport import GraphError, LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool

IF = Neuron("IF", v_init=0.5)


def residual(rng, dtype=np.float64):
    """A convolution, a pool, two ways that are added, and a linear layer."""

    def draw(*shape):
        return (rng.integers(-8, 9, shape) / 8).astype(dtype)

    return SNNGraph(
        [
            LayerNode.of("conv1", Conv(draw(4, 2, 3, 3), draw(4), padding=1), Neuron("IF", np.arange(1.0, 5), 0.5)),
            LayerNode.of("pool1", AvgPool(2)),
            LayerNode.of("conv2", Conv(draw(4, 2, 3, 3), padding=1, groups=2)),
            LayerNode.of("skip", Conv(draw(4, 4, 1, 1)), inputs=["pool1"]),
            LayerNode.of("join", Add(), IF, inputs=["conv2", "skip"]),
            LayerNode.of("both", Concat(), inputs=["join", "pool1"]),
            LayerNode("out", 8 * 3 * 2, 3, draw(3, 48), "IF", v_init=0.5),
        ],
        input_shape=(2, 6, 4),
    )


def test_shapes_and_edges_are_worked_out_along_the_names():
    graph = residual(np.random.default_rng(0))
    shapes = [(4, 6, 4), (4, 3, 2), (4, 3, 2), (4, 3, 2), (4, 3, 2), (8, 3, 2), (3,)]
    assert [layer.shape for layer in graph] == shapes
    assert graph.edges[-4:] == [("skip", "join"), ("join", "both"), ("pool1", "both"), ("both", "out")]
    assert (graph.n_inputs, graph.n_outputs, graph.output_shape, graph.is_chain) == (48, 3, (3,), False)
    assert [layer.name for layer in graph.readers("pool1")] == ["conv2", "skip", "both"]
    assert graph.sources("conv1") == [None] and graph.sources("join") == [graph["conv2"], graph["skip"]]
    assert "join, pool1" in graph.summary() and "8×3×2" in graph.summary()
    assert "n4 --> n5" in graph.to_mermaid()
    assert graph.copy() == graph and residual(np.random.default_rng(1)) != graph


def test_every_signal_is_what_its_node_makes_of_those_it_reads():
    rng = np.random.default_rng(2)
    graph = residual(rng)
    x = rng.integers(0, 9, (3, 2, 6, 4)) / 8
    result = graph.run(x, T=11, record=True, backend="reference")
    signals = {layer.name: spikes for layer, spikes in zip(graph, result.spikes, strict=True)}
    joined = np.concatenate([signals["join"], signals["pool1"]], axis=2)
    assert np.array_equal(signals["both"], joined)
    currents = graph["conv2"].operation.currents(signals["pool1"]) + signals["skip"]
    θ, v = 1.0, 0.5
    count = result.counts[4]
    assert np.array_equal(currents.sum(0), θ * count + result.membrane[4] - v)
    assert np.array_equal(result.drive, joined.reshape(11, 3, 48).sum(0) @ graph["out"].weights.T)


def test_a_parameter_for_each_channel_is_that_of_all_its_places():
    graph = residual(np.random.default_rng(3))
    x = np.random.default_rng(4).random((2, 2, 6, 4))
    result = graph.run(x, T=7, backend="reference")
    drive = 7 * graph["conv1"].operation.currents(x[None])[0]
    θ = np.arange(1.0, 5)[:, None, None]
    assert np.allclose(drive, θ * result.counts[0] + result.membrane[0] - 0.5 * θ)


CONV = Conv(np.ones((4, 2, 3, 3)))
REFUSED = {
    "a name that is not before": ([LayerNode.of("a", CONV), LayerNode.of("b", Add(), inputs=["a", "c"])], "inputs"),
    "itself": ([LayerNode.of("a", Add(), inputs=["a", "a"])], "inputs"),
    "one signal added": ([LayerNode.of("a", CONV), LayerNode.of("b", Add())], "shape"),
    "two shapes added": ([LayerNode.of("a", CONV), LayerNode.of("b", Add(), inputs=["a", "input"])], "shape"),
    "two sizes behind each other": (
        [LayerNode.of("a", CONV), LayerNode.of("b", Concat(), inputs=["a", "input"])],
        "shape",
    ),
    "channels": ([LayerNode.of("a", Conv(np.ones((4, 3, 3, 3))))], "shape"),
    "a window larger than the image": ([LayerNode.of("a", MaxPool(8))], "shape"),
    "a window over another number of axes": ([LayerNode.of("a", SumPool((2,)))], "shape"),
    "two signals into one pool": ([LayerNode.of("a", MaxPool(2), inputs=["input", "input"])], "shape"),
    "a linear layer of another size": ([LayerNode.of("a", Linear(np.ones((2, 5))))], "shape"),
    "a parameter for each pixel": ([LayerNode.of("a", CONV, Neuron("IF", np.ones(4 * 4 * 5)))], "shape"),
    "a node called input": ([LayerNode.of("input", CONV), LayerNode.of("b", MaxPool(2), inputs=["input"])], "name"),
    "two types": ([LayerNode.of("a", CONV), LayerNode.of("b", Linear(np.ones((2, 80), np.float32)))], "dtype"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_graph_that_cannot_be_is_refused(case):
    layers, code = REFUSED[case]
    with pytest.raises(GraphError) as caught:
        SNNGraph(layers, input_shape=(2, 6, 7))
    assert caught.value.code == code


GEOMETRY = {
    "a kernel of three axes": lambda: Conv(np.ones((1, 1, 2, 2, 2))),
    "a kernel without places": lambda: Conv(np.ones((1, 1, 0))),
    "a stride of 0": lambda: Conv(np.ones((1, 1, 2)), stride=0),
    "a padding below 0": lambda: Conv(np.ones((1, 1, 2)), padding=-1),
    "a dilation of 1.5": lambda: Conv(np.ones((1, 1, 2)), dilation=1.5),
    "two strides for one axis": lambda: Conv(np.ones((1, 1, 2)), stride=(1, 2)),
    "groups that do not divide": lambda: Conv(np.ones((3, 1, 2)), groups=2),
    "a pool of padding alone": lambda: MaxPool(2, padding=2),
}


@pytest.mark.parametrize("case", GEOMETRY)
def test_a_geometry_that_cannot_be_is_refused(case):
    with pytest.raises(GraphError) as caught:
        GEOMETRY[case]()
    assert caught.value.code == "shape"


def test_images_need_a_shape():
    with pytest.raises(GraphError, match="input_shape"):
        SNNGraph([LayerNode.of("a", CONV)])
