"""Surgery on units: which may go, who reads them, and that what is left computes what it did."""

import numpy as np
import pytest

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.snn_optimizer.surgery.units import keep_units, removable
from spikeport.snn_optimizer.surgery.wiring import drop, replace

IF = Neuron("IF", threshold=1.0, v_init=0.5)


def eighths(rng, *shape):
    return rng.integers(-8, 9, shape) / 8.0


def branched(rng, last=None):
    """conv -> pool, conv -> other; both joined by concat, read by a convolution and by a linear layer."""
    node = LayerNode.of
    return SNNGraph(
        [
            node("conv", Conv(eighths(rng, 4, 2, 3, 3), eighths(rng, 4), padding=1), IF),
            node("pool", AvgPool(2), Neuron("IF", threshold=[0.25, 0.5, 0.75, 1.0])),
            node("other", Conv(eighths(rng, 3, 4, 2, 2), stride=2), IF, inputs=["conv"]),
            node("both", Concat(), inputs=["other", "pool"]),
            node("mixed", Conv(eighths(rng, 2, 7, 1, 1)), IF),
            node("flat", Linear(eighths(rng, 5, 7 * 9)), IF, inputs=["both"]),
            node("small", Linear(eighths(rng, 5, 2 * 9)), IF, inputs=["mixed"]),
            node("sum", Add(), inputs=["flat", "small"]),
            node("out", last or Linear(eighths(rng, 3, 5)), IF),
        ],
        input_shape=(2, 6, 6),
    )


def test_units_are_followed_through_pools_and_concat_with_their_offset_and_add_holds_them():
    graph = branched(np.random.default_rng(0))
    found = {node.name: {reader.node.name: reader for reader in readers} for node, readers in removable(graph)}
    assert {name: sorted(readers) for name, readers in found.items()} == {
        "conv": ["flat", "mixed", "other"],
        "other": ["flat", "mixed"],
        "mixed": ["small"],
    }
    assert found["conv"]["other"].terms.tolist() == np.arange(16).reshape(4, 4).tolist()
    assert found["conv"]["mixed"].terms.tolist() == [[3], [4], [5], [6]]
    assert found["conv"]["flat"].terms.tolist() == (27 + np.arange(36).reshape(4, 9)).tolist()
    assert found["other"]["flat"].terms.tolist() == np.arange(27).reshape(3, 9).tolist()
    assert (found["conv"]["flat"].source, found["conv"]["other"].source) == ("both", "conv")


@pytest.mark.parametrize("seed", range(20))
def test_units_that_nothing_reads_go_and_no_spike_of_what_is_left_changes(seed):
    rng = np.random.default_rng(seed)
    graph = branched(rng)
    gone = {"conv": [0, 2], "other": [1], "mixed": [0]}
    for node, readers in removable(graph):
        for reader in readers:
            weights = reader.node.weights  # written in place: nothing reads the units any more
            weights.reshape(len(weights), -1)[:, reader.terms[gone[node.name]]] = 0
    keep = {name: np.setdiff1d(np.arange(graph[name].shape[0]), lost) for name, lost in gone.items()}
    copy_before = graph.copy()
    smaller, survivors = keep_units(graph, keep)
    assert graph == copy_before
    assert {name: rows.tolist() for name, rows in survivors.items()} == {
        "conv": [1, 3],
        "pool": [1, 3],
        "other": [0, 2],
        "both": [0, 2, 4, 6],
        "mixed": [1],
    }
    assert smaller["pool"].threshold.tolist() == [0.5, 1.0]
    x = eighths(rng, 6, 2, 6, 6)
    before, after = (g.run(x, T=9, record=True).spikes for g in (graph, smaller))
    for k, node in enumerate(graph):
        rows = survivors.get(node.name, np.arange(node.shape[0]))
        assert np.array_equal(before[k][:, :, rows], after[k]), node.name


@pytest.mark.parametrize("pool", [SumPool, AvgPool, MaxPool])
def test_a_pool_that_is_the_output_keeps_what_feeds_it(pool):
    graph = SNNGraph([LayerNode.of("a", Conv(np.ones((3, 1, 2, 2))), IF), LayerNode.of("out", pool(2))], (1, 5, 5))
    assert removable(graph) == []


@pytest.mark.parametrize("groups", [2, 4])
def test_channels_of_a_convolution_in_groups_and_those_that_feed_it_stay(groups):
    layers = [
        LayerNode.of("a", Conv(np.ones((4, 1, 1, 1))), IF),
        LayerNode.of("grouped", Conv(np.ones((4, 4 // groups, 1, 1)), groups=groups), IF),
        LayerNode.of("b", Conv(np.ones((3, 4, 1, 1))), IF),
        LayerNode.of("out", Linear(np.ones((2, 12))), IF),
    ]
    assert [node.name for node, _ in removable(SNNGraph(layers, (1, 2, 2)))] == ["b"]


def test_a_signal_that_is_read_twice_is_followed_on_both_ways():
    layers = [
        LayerNode.of("a", Conv(np.ones((2, 1, 1, 1))), IF),
        LayerNode.of("twice", Concat(), inputs=["a", "a"]),
        LayerNode.of("out", Linear(np.arange(16.0).reshape(1, 16)), IF),
    ]
    graph = SNNGraph(layers, (1, 2, 2))
    ((node, (reader,)),) = removable(graph)
    assert (node.name, reader.node.name) == ("a", "out")
    assert reader.terms.tolist() == [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]]
    smaller, survivors = keep_units(graph, {"a": np.array([1])})
    assert smaller["out"].weights.tolist() == [[4, 5, 6, 7, 12, 13, 14, 15]]
    assert survivors["twice"].tolist() == [1, 3]


def test_nodes_are_put_in_taken_out_and_replaced_by_name():
    graph = branched(np.random.default_rng(1))
    pair = LayerNode("low", 63, 2, np.ones((2, 63)), "identity"), LayerNode("high", 2, 5, np.ones((5, 2)), "IF")
    replaced = replace(graph, "flat", *pair)
    assert [layer.name for layer in replaced.readers("low")] == ["high"]
    assert replaced.sources("low")[0].name == "both"
    assert [source.name for source in replaced.sources("sum")] == ["high", "small"]
    with_pool = replace(graph, "mixed", LayerNode.of("inserted", MaxPool(1)), graph["mixed"])
    assert [source.name for source in with_pool.sources("mixed")] == ["inserted"]
    assert [source.name for source in with_pool.sources("flat")] == ["both"]
    assert drop(with_pool, "inserted") == graph
