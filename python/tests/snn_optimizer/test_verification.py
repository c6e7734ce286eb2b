"""The replay finds what is wrong, and says where."""

import numpy as np
import pytest

from spikeport import GraphError, LayerNode, Neuron, SNNGraph
from spikeport.operations import Linear
from spikeport.snn_optimizer import adversarial_drives, optimize, random_drives, verify
from spikeport.snn_optimizer.replay.layer_replay import replay_layers
from spikeport.snn_optimizer.surgery.rewrite import CONSTANT, SILENT


def changed(graph, index, row, column, by):
    layers = [layer.copy() for layer in graph]
    layers[index].weights[row, column] += by
    return SNNGraph(layers)


def test_equal_graphs_replay_alike(float_graph):
    seen = verify(float_graph(0), float_graph(0), np.random.default_rng(0).random((20, 12)))
    assert seen.identical
    assert seen.first_difference is None
    assert (seen.agreement, seen.identical_samples, seen.largest_difference) == (1.0, 1.0, 0.0)


def test_the_first_difference_is_named_where_it_arises(float_graph):
    graph = float_graph(0)
    x = np.random.default_rng(0).random((20, 12))
    busiest = int(graph.run(x, T=16).counts[0].sum(axis=0).argmax())
    other = changed(graph, 1, row=4, column=busiest, by=3.0)
    seen = verify(graph, other, x)
    spikes = [g.run(x, T=16, record=True).spikes for g in (graph, other)]
    step, sample, neuron = np.argwhere(spikes[0][1] != spikes[1][1])[0]
    found = seen.first_difference
    assert (found.layer, found.step, found.sample, found.neuron) == ("layer1", step, sample, neuron)
    assert found.neuron == 4
    assert {found.before, found.after} == {0.0, 1.0}
    assert "layer1" in str(seen)


def test_neurons_are_named_as_they_were_before_the_passes(float_graph):
    graph = float_graph(0)
    rows = np.array([3, 5, 9, 11, 15])
    a, b = graph.layers[1], graph.layers[2]
    part = SNNGraph(
        [
            graph.layers[0],
            LayerNode("layer1", 24, 5, a.weights[rows], "IF", bias=a.bias[rows] - 9, v_init=0.5),
            LayerNode("layer2", 5, 5, b.weights[:, rows], "IF", bias=b.bias, v_init=0.5),
        ]
    )
    seen = verify(graph, part, np.random.default_rng(0).random((20, 12)), survivors={"layer1": rows})
    assert seen.first_difference.layer == "layer1"
    assert seen.first_difference.neuron in rows


def test_adversarial_drives_meet_the_threshold_to_the_last_bit():
    """Drives at the threshold tell a graph from one whose threshold is one float higher; random ones do not.

    Each neuron has one weight, so that there is no order of summation in which a machine could miss the threshold.
    """
    weights = np.eye(6, 4) + np.eye(6, 4, -4)
    weights *= np.random.default_rng(0).integers(9, 17, (6, 4)) / 8  # so that an input below 1 can bring it there
    graphs = [
        SNNGraph([LayerNode("a", 4, 6, weights, "IF", threshold=θ), LayerNode("b", 6, 6, np.eye(6), "IF")])
        for θ in (1.0, np.nextafter(1.0, 2.0))
    ]
    assert verify(*graphs, random_drives(graphs[0], 256), timesteps=1).identical
    assert not verify(*graphs, adversarial_drives(graphs[0], 64, timesteps=1), timesteps=1).identical


def test_drives_lie_in_the_range(float_graph):
    graph, (low, high) = float_graph(0), (0.25, 0.5)
    for drives in (random_drives(graph, 50, (low, high)), adversarial_drives(graph, 50, (low, high))):
        assert drives.shape == (50, 12)
        assert drives.min() >= low
        assert drives.max() <= high


def test_large_batches_are_cut_without_a_difference(float_graph, monkeypatch):
    from spikeport.snn_optimizer.replay import verification

    graph, x = float_graph(0), np.random.default_rng(0).random((33, 12))
    other = changed(graph, 0, 3, 3, 0.5)
    whole = verify(graph, other, x, adversarial=5)
    monkeypatch.setattr(verification, "VALUES_AT_ONCE", 3000)
    assert verify(graph, other, x, adversarial=5) == whole


@pytest.mark.parametrize(
    "drives, timesteps, code",
    [
        (np.zeros((0, 12)), 16, "shape"),
        (np.zeros((2, 11)), 16, "shape"),
        (np.zeros(12), 16, "shape"),
        ("drives", 16, "dtype"),
        (np.zeros((2, 12)), 0, "timesteps"),
    ],
)
def test_drives_that_do_not_fit_are_refused(float_graph, drives, timesteps, code):
    with pytest.raises(GraphError) as caught:
        verify(float_graph(0), float_graph(0), drives, timesteps=timesteps)
    assert caught.value.code == code


def test_only_graphs_that_can_take_each_others_place_compare(float_graph):
    with pytest.raises(GraphError):
        verify(float_graph(0), float_graph(0, sizes=(12, 24, 16, 6)), np.zeros((2, 12)))


def three_layers(middle):
    return SNNGraph(
        [
            LayerNode("a", 2, 3, np.ones((3, 2)), "IF"),
            middle,
            LayerNode("c", middle.n_neurons, 2, np.ones((2, middle.n_neurons))),
        ]
    )


def test_the_replay_from_the_inside_finds_a_neuron_removed_though_it_can_fire():
    """No input from outside tells: the first layer's neurons are equal, so they never fire alone."""
    weights = np.array([[1.0, 0.0, 0.0], [1.0, -1.0, 0.0]])
    before = three_layers(LayerNode("b", 3, 2, weights, "IF"))
    after = three_layers(LayerNode("b", 3, 1, weights[:1], "IF"))
    x = random_drives(before, 64)
    speakers = {"b": np.array([0, SILENT])}
    assert verify(before, after, x, survivors={"b": np.array([0])}).identical
    found = {replay.layer: replay.identical for replay in replay_layers(before, after, speakers)}
    assert found == {"a": False, "b": True}


def test_a_neuron_said_to_fire_always_is_held_to_it():
    before = three_layers(LayerNode("b", 3, 2, [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]], "IF", bias=[0.0, 1.0]))
    after = three_layers(LayerNode("b", 3, 1, [[1.0, 1.0, 1.0]], "IF", bias=[0.0]))
    folded = SNNGraph([*after.layers[:2], LayerNode("c", 1, 2, np.ones((2, 1)), bias=[1.0, 1.0])])
    speakers = {"b": np.array([0, CONSTANT])}
    assert all(replay.identical for replay in replay_layers(before, folded, speakers))
    assert not all(replay.identical for replay in replay_layers(before, after, speakers))


def test_the_replay_from_the_inside_sends_as_many_spikes_as_neurons_can():
    """A threshold of 3 is never met in two steps of one spike each, and at once by four."""
    several = LayerNode.of("a", Linear(np.ones((1, 1)), None), Neuron("IF", max_spikes=4))
    graphs = [
        SNNGraph([several, LayerNode.of("b", Linear(np.ones((1, 1)), None), Neuron("IF", threshold=θ))])
        for θ in (3.0, 9.0)
    ]
    (found,) = replay_layers(*graphs, {}, timesteps=2)
    assert (found.layer, found.identical) == ("a", False)


def test_the_replay_from_the_inside_keeps_to_what_is_proven_of_a_neuron():
    """The second neuron of "b" is silent because the first of "a" always fires: no replay may say that it does not."""
    graph = SNNGraph(
        [
            LayerNode("a", 1, 2, [[1.0], [1.0]], "IF", bias=[2.0, 0.0]),
            LayerNode("b", 2, 2, [[0.0, 1.0], [-1.0, 1.0]], "LIF", beta=0.0),
            LayerNode("c", 2, 1, [[1.0, 1.0]], "IF"),
        ]
    )
    smaller, report = optimize(graph, passes=["eliminate_silent"], input_range=(0.0, 1.0))
    assert [layer.n_neurons for layer in smaller] == [2, 1, 1]
    assert [replay.identical for replay in report.verification.layers] == [True, True]
    assert report.certificate.level == "exact"
