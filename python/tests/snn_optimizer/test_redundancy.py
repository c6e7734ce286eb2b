"""Merging: equal neurons and no others, near ones within their tolerance."""

import numpy as np
import pytest

from spikeport import GraphError, LayerNode, SNNGraph
from spikeport.snn_optimizer import optimize, redundancy_elimination
from spikeport.snn_optimizer.passes.redundancy import first_equal, summed_columns


def two_layers(first, outputs=3, seed=0):
    weights = np.random.default_rng(seed).integers(-8, 9, (outputs, first.n_neurons)) / 8
    return SNNGraph([first, LayerNode("out", first.n_neurons, outputs, weights, "IF")])


def test_outgoing_columns_are_summed_and_two_equal_ones_are_the_documented_doubling():
    graph = SNNGraph(
        [
            LayerNode("a", 2, 3, [[1.0, 0.5], [0.5, 1.0], [1.0, 0.5]], "IF"),
            LayerNode("out", 3, 2, [[0.25, 1.0, 0.25], [0.5, 1.0, -0.125]], "IF"),
        ]
    )
    smaller, result = redundancy_elimination(graph)
    assert np.array_equal(smaller["out"].weights, [[0.5, 1.0], [0.375, 1.0]])
    assert (result.neurons_removed, result.params_before, result.params_after) == (1, 12, 8)


def test_a_neuron_scaled_by_a_power_of_two_with_its_threshold_is_the_same_neuron():
    weights = np.array([[1.0, 0.75], [4.0, 3.0], [0.5, 0.375]])
    layer = LayerNode(
        "a", 2, 3, weights, "IF", bias=[0.25, 1, 0.125], threshold=[1.5, 6, 0.75], v_reset=[-0.5, -2, -0.25]
    )
    smaller, report = optimize(two_layers(layer), passes=["merge"])
    assert smaller["a"].n_neurons == 1
    assert report.certificate.level == "exact"
    assert report.verification.identical


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": [1.0, 2.0]},
        {"v_init": [0.0, 0.5]},
        {"beta": [0.5, 0.75]},
        {"v_reset": [0.0, -1.0]},
        {"bias": [0.0, 0.5]},
    ],
)
def test_neurons_that_differ_in_anything_stay_apart(change):
    layer = LayerNode("a", 2, 2, [[1.0, 0.5], [1.0, 0.5]], "LIF", **change)
    assert first_equal(layer).tolist() == [0, 1]


def test_minus_zero_is_zero_and_the_dtype_does_not_matter():
    for dtype in (np.float32, np.float64):
        layer = LayerNode("a", 2, 2, np.array([[0.0, 0.5], [-0.0, 0.5]], dtype), "IF", bias=[0.0, -0.0])
        assert first_equal(layer).tolist() == [0, 0]


def test_a_row_that_points_the_same_way_but_is_longer_stays():
    layer = LayerNode("a", 3, 2, [[1.0, 0.5, 0.25], [4.0, 2.0, 1.0]], "IF")
    for tolerance in (0.0, 0.5):
        smaller, _ = redundancy_elimination(two_layers(layer), correlation_threshold=0.99, tolerance=tolerance)
        assert smaller["a"].n_neurons == 2


@pytest.mark.parametrize("seed", range(10))
def test_near_neurons_merge_within_the_tolerance_and_none_is_missed(seed):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(40, 200))
    near = base[:15] + rng.normal(size=(15, 200)) * 1e-5
    order = rng.permutation(55)
    layer = LayerNode("a", 200, 55, np.vstack([base, near])[order], "IF", threshold=2.0)
    smaller, result = redundancy_elimination(two_layers(layer), tolerance=0.01, input_range=(0, 1))
    assert smaller["a"].n_neurons == 40
    apart = [np.abs(base[k] - near[k]).sum() / 2 for k in range(15)]
    assert result.certificate.level == "bounded"
    assert result.certificate.bound == pytest.approx(max(apart))


@pytest.mark.parametrize("seed", range(10))
def test_no_pair_further_apart_than_the_tolerance_is_merged(seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 2, (60, 5)) + rng.normal(size=(60, 5)) * 0.02
    graph = two_layers(LayerNode("a", 5, 60, weights, "IF"))
    tolerance = 0.15
    smaller, _ = redundancy_elimination(graph, correlation_threshold=-1, tolerance=tolerance)
    kept = smaller["a"].weights
    distance = np.abs(weights[:, None] - kept[None]).sum(axis=2).min(axis=1)
    assert distance.max() <= tolerance
    among = np.abs(kept[:, None] - kept[None]).sum(axis=2) + np.eye(len(kept))
    assert among.min() > tolerance, "two neurons that stayed are within the tolerance of each other"


def test_columns_are_summed_in_ascending_order():
    weights = np.array([[1e16, 1.0, -1e16, 3.0]])
    assert summed_columns(weights, np.array([0, 0, 0, 3]))[0].tolist()[0] == (1e16 + 1.0) - 1e16


@pytest.mark.parametrize("options", [{"tolerance": -1.0}, {"tolerance": np.nan}, {"correlation_threshold": 2.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(GraphError):
        redundancy_elimination(two_layers(LayerNode("a", 2, 2, np.eye(2), "IF")), **options)
