"""Passes that change the answer: what they promise of it holds, and their strength is what was asked for."""

import numpy as np
import pytest

from spikeport import GraphError, LayerNode, SNNGraph
from spikeport.projection import project_columns
from spikeport.snn_optimizer import dead_neuron_elimination, optimize, packed, quantized_parts
from spikeport.snn_optimizer.passes.compensation import Reading, remove_units, second_moment
from spikeport.snn_optimizer.proofs.arithmetic import Grid, sums_are_exact


def moved(before, after, inputs):
    """The largest change of a current of any layer over ``inputs`` in [0, 1], layer by layer."""
    rng = np.random.default_rng(0)
    largest = 0.0
    for a, b in zip(before, after, strict=True):
        x = rng.random((inputs, a.n_inputs))
        bias = (0 if a.bias is None else a.bias) - (0 if b.bias is None else b.bias)
        θ = np.asarray(a.threshold)
        largest = max(largest, float(np.abs((x @ (a.weights - b.weights).T + bias) / θ).max()))
    return largest


def test_pruning_without_a_strength_stays_within_its_bound(float_graph):
    graph = float_graph(0)
    smaller, report = optimize(graph, passes=[("prune", {"tolerance": 0.05})], input_range=(0, 1))
    certificate = report.pass_results[0].certificate
    assert report.after.nonzero < report.before.nonzero
    assert certificate.level == "bounded"
    assert 0.04 < certificate.bound <= 0.05
    assert 0 < moved(graph, smaller, 500) <= certificate.bound


@pytest.mark.parametrize("data", [False, True])
def test_sparsity_is_what_was_asked_for_in_every_layer(float_graph, data):
    graph = float_graph(1, sizes=(40, 50, 30, 10))
    x = np.random.default_rng(0).random((64, 40)) if data else None
    smaller, _ = optimize(graph, passes=[("prune", {"sparsity": 0.75})], data=x)
    for layer in smaller:
        assert np.count_nonzero(layer.weights) == round(layer.weights.size * 0.25)


@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("width", [40, 42])
def test_at_most_n_of_every_m_inputs_stay(float_graph, data, width):
    graph = float_graph(2, sizes=(width, 24, 10))
    x = np.random.default_rng(0).random((64, width)) if data else None
    smaller, _ = optimize(graph, passes=[("prune", {"pattern": (2, 4)})], data=x)
    weights = smaller.layers[0].weights
    for start in range(0, width, 4):
        assert (np.count_nonzero(weights[:, start : start + 4], axis=1) <= 2).all()
    assert np.count_nonzero(weights[:, :40]) == 24 * 20


def test_making_up_for_what_is_pruned_brings_the_currents_closer(float_graph):
    rng = np.random.default_rng(0)
    x = rng.random((256, 3)) @ rng.random((3, 40)) / 3  # inputs that say the same thing many times
    graph = float_graph(3, sizes=(40, 30, 10))
    want = x @ graph.layers[0].weights.T
    off = {}
    for by in ("magnitude", "activity"):
        smaller, _ = optimize(graph, passes=[("prune", {"sparsity": 0.8, "by": by})], data=x)
        got = x @ smaller.layers[0].weights.T + (smaller.layers[0].bias - graph.layers[0].bias)
        off[by] = np.abs(got - want).mean()
    assert off["activity"] < off["magnitude"] / 4


def test_neurons_that_others_can_stand_in_for_are_removed_without_loss():
    """Duplicates up to noise-free linear dependence: half of the inputs repeat the other half."""
    rng = np.random.default_rng(0)
    half = rng.random((200, 6))
    inputs, weights = np.hstack([half, half]), rng.normal(size=(4, 13))
    reading = Reading.of(weights, second_moment(inputs) - 0.009 * np.eye(13), np.arange(12)[:, None])
    stay, W = remove_units([reading], 6), reading.weights
    assert sorted(k % 6 for k in stay) == list(range(6))
    x = np.column_stack([inputs, np.ones(200)])
    assert np.abs(x @ W.T - x @ weights.T).max() < 0.05 * np.abs(x @ weights.T).max()


def test_columns_put_on_a_grid_lie_on_it_and_leave_the_bias_alone_to_make_up():
    rng = np.random.default_rng(0)
    inputs, weights = rng.random((300, 10)), rng.normal(size=(3, 11))
    W = project_columns(weights, second_moment(inputs), lambda k, column: np.rint(column * 4) / 4)
    assert np.array_equal(W[:, :-1] * 4, np.rint(W[:, :-1] * 4))
    x = np.column_stack([inputs, np.ones(300)])
    rounded = np.column_stack([np.rint(weights[:, :-1] * 4) / 4, weights[:, -1]])
    assert ((x @ (W - weights).T) ** 2).mean() < ((x @ (rounded - weights).T) ** 2).mean()


@pytest.mark.parametrize("by", ["magnitude", "activity"])
def test_the_share_of_neurons_that_stay_is_what_was_asked_for(float_graph, by):
    graph = float_graph(4, sizes=(20, 40, 40, 7))
    x = np.random.default_rng(0).random((64, 20))
    smaller, report = optimize(graph, passes=[("prune_neurons", {"keep": 0.3, "by": by})], data=x)
    assert [layer.n_neurons for layer in smaller] == [12, 12, 7]
    assert report.pass_results[0].certificate.level == "measured"
    assert report.verification.first_difference is None or report.verification.first_difference.layer in (
        "layer1",
        "layer2",
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("data", [False, True])
def test_quantised_weights_lie_on_their_grid_within_their_bound(float_graph, bits, data, dtype):
    graph = float_graph(5, dtype=dtype)
    x = np.random.default_rng(0).random((64, 12)) if data else None
    smaller, report = optimize(graph, passes=[("quantize", {"bits": bits})], data=x, input_range=(0, 1))
    certificate = report.pass_results[0].certificate
    assert certificate.level == "bounded"
    assert moved(graph, smaller, 500) <= certificate.bound
    assert report.weight_bits == dict.fromkeys(("layer0", "layer1", "layer2"), bits)
    for layer in smaller:
        q, s = quantized_parts(layer, bits)
        assert np.abs(q).max() <= 2 ** (bits - 1) - 1
        assert np.allclose(q * s[:, None], layer.weights, rtol=1e-6, atol=0)
    assert report.after.bytes < report.before.bytes


@pytest.mark.parametrize("function", [quantized_parts, packed])
def test_weights_on_no_grid_are_not_taken_apart(float_graph, function):
    with pytest.raises(GraphError):
        function(float_graph(5).layers[0])


@pytest.mark.parametrize("data", [False, True])
def test_quantised_to_powers_of_two_all_sums_are_exact(float_graph, data):
    x = np.random.default_rng(0).random((64, 12)) if data else None
    smaller, _ = optimize(float_graph(6), passes=[("quantize", {"bits": 8, "power_of_two": True})], data=x)
    for layer in smaller:
        assert sums_are_exact(layer, Grid(1.0, np.ones(layer.n_inputs)))


def test_weights_pruned_before_quantisation_stay_zero(float_graph):
    x = np.random.default_rng(0).random((64, 12))
    smaller, _ = optimize(float_graph(7), passes=[("prune", {"sparsity": 0.5}), "quantize"], data=x)
    assert all(np.count_nonzero(layer.weights) <= layer.weights.size / 2 for layer in smaller)


@pytest.mark.parametrize("data", [False, True])
def test_a_matrix_of_low_rank_becomes_two_thin_ones_that_multiply_to_it(data):
    rng = np.random.default_rng(0)
    W = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 50))
    graph = SNNGraph([LayerNode("a", 50, 40, W, "IF"), LayerNode("b", 40, 2, rng.normal(size=(2, 40)), "IF")])
    x = rng.random((64, 50)) if data else None
    smaller, report = optimize(graph, passes=["factorize"], data=x, input_range=(0, 1))
    assert [layer.name for layer in smaller] == ["a.low_rank", "a", "b"]
    assert smaller["a.low_rank"].n_neurons == 3
    assert np.allclose(smaller["a"].weights @ smaller["a.low_rank"].weights, W)
    assert report.pass_results[0].certificate.bound < 1e-10
    assert report.params_after < report.params_before


def rated(rates):
    rng = np.random.default_rng(0)
    n = len(rates)
    return SNNGraph(
        [
            LayerNode("a", 3, n, rng.normal(size=(n, 3)), "IF", rates),
            LayerNode("b", n, 2, rng.normal(size=(2, n)), "IF", bias=[0.5, 0.0]),
        ]
    )


def test_a_dead_neuron_is_replaced_by_its_mean():
    graph = rated([0.5, 0.0005, 0.2, 0.0])
    smaller, result = dead_neuron_elimination(graph)
    assert np.array_equal(smaller["a"].weights, graph["a"].weights[[0, 2]])
    assert np.array_equal(smaller["b"].weights, graph["b"].weights[:, [0, 2]])
    assert np.allclose(smaller["b"].bias, graph["b"].bias + graph["b"].weights[:, 1] * 0.0005)
    assert result.certificate.level == "unchecked", "rates of data not seen here prove nothing"
    assert "firing_rates given" in result.certificate.reason
    assert smaller["a"].firing_rates.tolist() == [0.5, 0.2]


def test_of_a_dead_layer_the_most_active_neuron_stays():
    smaller, _ = dead_neuron_elimination(rated([0.0, 0.0, 0.0005, 0.0001]))
    assert smaller["a"].firing_rates.tolist() == [0.0005]


def test_rates_are_measured_where_there_are_data_and_proven_where_there_is_nothing():
    graph = SNNGraph(
        [
            LayerNode("a", 2, 3, [[1.0, 0.0], [-1.0, -1.0], [0.0, 0.0]], "IF"),
            LayerNode("b", 3, 2, np.ones((2, 3)), "IF"),
        ]
    )
    proven, result = dead_neuron_elimination(graph)
    assert (proven["a"].n_neurons, result.certificate.level) == (2, "exact")
    measured, result = dead_neuron_elimination(graph, data=np.random.default_rng(0).random((32, 2)))
    assert measured["a"].n_neurons == 1
    certificate = result.certificate
    assert (certificate.level, certificate.samples) == ("measured", 32)
    x = np.random.default_rng(0).random((32, 2))
    runs = [g.run(x, T=16).drive.argmax(axis=1) for g in (graph, measured)]
    assert certificate.agreement == (runs[0] == runs[1]).mean()


def test_layers_without_rates_are_measured_on_the_data_though_others_have_rates():
    graph = SNNGraph(
        [
            LayerNode("a", 2, 2, [[1.0, 0.0], [0.0, 1.0]], "IF", [0.5, 0.5]),
            LayerNode("b", 2, 2, [[1.0, 1.0], [0.0, -1.0]], "IF"),
            LayerNode("c", 2, 2, np.eye(2), "IF"),
        ]
    )
    smaller, _ = dead_neuron_elimination(graph, data=np.random.default_rng(0).random((32, 2)))
    assert [layer.n_neurons for layer in smaller] == [2, 1, 2]


def test_weights_too_small_for_a_scale_become_zero_and_not_nan():
    graph = SNNGraph([LayerNode("a", 2, 2, np.eye(2) * 1e-322, "IF"), LayerNode("b", 2, 2, np.eye(2), "IF")])
    for options in ({}, {"bits": 4, "power_of_two": True}):
        smaller, _ = optimize(graph, passes=[("quantize", options)])
        assert not smaller["a"].weights.any()


@pytest.mark.parametrize(
    "request_",
    [
        ("prune", {"sparsity": 1.0}),
        ("prune", {"sparsity": "half"}),
        ("prune", {"pattern": (4, 2)}),
        ("prune", {"pattern": (1.5, 4)}),
        ("prune", {"pattern": ("one", "four")}),
        ("prune", {"by": "luck"}),
        ("prune", {"by": "activity"}),
        ("prune", {"tolerance": -1.0}),
        ("prune", {"strength": 3}),
        ("prune_neurons", {"keep": 0.0}),
        ("quantize", {"bits": 3}),
        ("quantize", {"bits": True}),
        ("factorize", {"energy": 0.0}),
        ("eliminate_dead", {"threshold": -0.1}),
    ],
)
def test_options_that_make_no_sense_are_refused(float_graph, request_):
    with pytest.raises(GraphError):
        optimize(float_graph(0), passes=[request_])
