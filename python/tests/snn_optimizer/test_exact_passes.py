"""Exact passes change no output spike at any step, and find what is there to be found."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph
from spikeport.operations import Linear
from spikeport.snn_optimizer import EXACT_PASSES, PASSES, OptimizationReport, optimize
from spikeport.snn_optimizer.proofs.scope import Scope

RANGES = (None, (0.0, 1.0), (-1.0, 1.0), (0.5, 1.0))


class Optimised(NamedTuple):
    """A random graph, what the exact passes made of it, and drives to run both on."""

    seed: int
    graph: SNNGraph
    copy_before: SNNGraph
    smaller: SNNGraph
    report: OptimizationReport
    options: dict[str, Any]
    drives: np.ndarray
    timesteps: int


@pytest.fixture(scope="module", params=range(20), ids=lambda block: f"block{block}")
def optimised(request, random_graph):
    """A hundred random graphs, each optimised by the exact passes in an order of its own."""
    return [_optimised(random_graph, seed) for seed in range(request.param * 100, request.param * 100 + 100)]


def _optimised(random_graph, seed):
    rng = np.random.default_rng(seed)
    graph, input_range, T = random_graph(seed), RANGES[seed % 4], int(rng.integers(1, 20))
    copy_before = graph.copy()
    options = {"input_range": input_range, "horizon": None if seed % 3 else T, "verification": False}
    smaller, report = optimize(graph, passes=list(rng.permutation(EXACT_PASSES)), **options)
    low, high = input_range or (-2.0, 2.0)
    drives = low + rng.integers(0, 9, (12, graph.n_inputs)) / 8 * (high - low)
    return Optimised(seed, graph, copy_before, smaller, report, options, drives, T)


def test_exact_passes_change_no_output_spike_at_any_step(optimised):
    for case in optimised:
        wanted, got = (g.run(case.drives, T=case.timesteps, record=True) for g in (case.graph, case.smaller))
        assert np.array_equal(wanted.spikes[-1], got.spikes[-1]), f"seed {case.seed}\n{case.report}"
        assert np.array_equal(wanted.drive, got.drive), f"seed {case.seed}\n{case.report}"


def test_exact_passes_leave_the_graph_that_was_given_as_it_was(optimised):
    for case in optimised:
        assert case.graph == case.copy_before, f"seed {case.seed}"


def test_exact_passes_give_the_same_result_in_any_order(optimised):
    for case in optimised[::4]:
        again, _ = optimize(case.graph, passes=EXACT_PASSES, **case.options)
        assert again == case.smaller, f"seed {case.seed}"


def test_exact_passes_find_nothing_more_in_their_own_result(optimised):
    for case in optimised[::4]:
        fixed, report = optimize(case.smaller, passes=EXACT_PASSES, **case.options)
        assert fixed == case.smaller, f"seed {case.seed}\n{report}"


@pytest.mark.parametrize("block", range(5))
def test_a_pass_that_says_exact_is_exact_on_ordinary_floats_too(float_graph, block):
    """Silent, unread and scale passes claim equality on any floats: bit for bit, no dyadic numbers needed."""
    passes = ["eliminate_silent", "eliminate_unread", "fold_scales"]
    for seed in range(block * 20, block * 20 + 20):
        rng = np.random.default_rng(seed)
        dtype = np.float32 if seed % 2 else np.float64
        graph = float_graph(seed, kind="LIF" if seed % 3 else "IF", dtype=dtype)
        layers = []
        for k, layer in enumerate(graph):
            weights, bias = layer.weights.copy(), layer.bias.copy()
            silent = rng.random(layer.n_neurons) < 0.3
            weights[silent], bias[silent] = -np.abs(weights[silent]), -np.abs(bias[silent])
            if k:
                weights[:, rng.random(layer.n_inputs) < 0.2] = 0
            beta = 0.9 if layer.neuron_type == "LIF" else 1.0
            θ = rng.choice([0.5, 1.0, 0.7, 4.0], layer.n_neurons)
            layers.append(
                LayerNode(
                    layer.name,
                    layer.n_inputs,
                    layer.n_neurons,
                    weights,
                    layer.neuron_type,
                    bias=bias,
                    beta=beta,
                    threshold=θ,
                )
            )
        graph = SNNGraph(layers)
        smaller, report = optimize(graph, passes=passes, input_range=(0, 1), verification=False)
        x = rng.random((16, graph.n_inputs))
        wanted, got = graph.run(x, T=25, record=True), smaller.run(x, T=25, record=True)
        assert report.certificate.level == "exact"
        assert report.neurons_after < report.neurons_before
        assert np.array_equal(wanted.spikes[-1], got.spikes[-1]), f"seed {seed}"
        assert np.array_equal(wanted.drive, got.drive), f"seed {seed}"


@dataclass
class Middle:
    """The middle one of three layers: its rows, its biases, and what the last layer reads of each of its neurons."""

    weights: np.ndarray
    bias: np.ndarray
    outgoing: np.ndarray


NEURONS = {"IF": {}, "LIF": {"beta": 0.5}, "ST-BIF": {"tracer_max": 7, "v_init": 0.5}}


def neurons_that_must_stay(rng, n):
    """Neurons that differ, each of which input 0 alone can make fire, and each of which the last layer reads."""
    weights = rng.integers(1, 9, (n, 10)) / 8.0 * rng.choice([-1, 1], (n, 10))
    weights[:, 0] = 1 + np.arange(n) / 32
    return Middle(weights, np.zeros(n), rng.integers(1, 9, (6, n)) / 8.0)


def plant_duplicates(middle, places, sources):
    middle.weights[places], middle.bias[places] = middle.weights[sources], middle.bias[sources]


def plant_silent(middle, places):
    middle.weights[places], middle.bias[places] = -np.abs(middle.weights[places]), -0.125


def plant_constant(middle, places):
    middle.weights[places], middle.bias[places] = np.abs(middle.weights[places]), 2.0


def plant_unread(middle, places):
    middle.outgoing[:, places] = 0


@pytest.mark.parametrize("kind", NEURONS)
@pytest.mark.parametrize("seed", range(40))
def test_every_planted_neuron_is_found_and_no_other(kind, seed):
    rng = np.random.default_rng(seed)
    middle = neurons_that_must_stay(rng, 30)
    n_constant = 0 if kind == "ST-BIF" else 3  # an ST-BIF neuron's tracer ends every constant train
    duplicates, silent, constant, unread, live = np.split(rng.permutation(30), np.cumsum([5, 4, n_constant, 2]))
    plant_duplicates(middle, duplicates, rng.choice(live, len(duplicates)))
    plant_silent(middle, silent)
    plant_constant(middle, constant)
    plant_unread(middle, unread)
    graph = SNNGraph(
        [
            LayerNode("first", 10, 10, np.eye(10), "IF"),
            LayerNode("middle", 10, 30, middle.weights, kind, bias=middle.bias, **NEURONS[kind]),
            LayerNode("last", 30, 6, middle.outgoing, "IF"),
        ]
    )
    smaller, report = optimize(graph, passes=EXACT_PASSES, verification=False)
    assert smaller["middle"].n_neurons == len(live)
    x = rng.integers(0, 9, (16, 10)) / 8
    assert np.array_equal(graph.run(x, T=20, record=True).spikes[-1], smaller.run(x, T=20, record=True).spikes[-1])
    assert report.certificate.level == "exact"


def test_a_wholly_silent_layer_keeps_one_neuron_and_frees_the_layers_before_it():
    W = -np.ones((6, 4))
    graph = SNNGraph(
        [
            LayerNode("a", 4, 4, np.eye(4), "IF"),
            LayerNode("silent", 4, 6, W, "IF"),
            LayerNode("out", 6, 3, np.ones((3, 6)), "IF", bias=[0.5, 0.25, 1.0]),
        ]
    )
    smaller, _ = optimize(graph, passes=EXACT_PASSES)
    assert [layer.n_neurons for layer in smaller] == [1, 1, 3]
    x = np.random.default_rng(0).random((8, 4))
    assert np.array_equal(graph.run(x, T=9, record=True).spikes[-1], smaller.run(x, T=9, record=True).spikes[-1])


def test_the_output_layer_keeps_every_class_even_silent_and_equal_ones():
    graph = SNNGraph([LayerNode("a", 3, 4, np.ones((4, 3)), "IF"), LayerNode("out", 4, 5, -np.ones((5, 4)), "IF")])
    smaller, _ = optimize(graph, passes=EXACT_PASSES)
    assert smaller.n_outputs == 5


def test_an_input_that_is_always_zero_loses_its_weights_but_not_its_place():
    high = np.array([1.0, 0.0, 1.0])
    graph = SNNGraph([LayerNode("a", 3, 2, [[1.0, 2.0, 3.0], [1.0, 1.0, 0.5]], "IF"), LayerNode("o", 2, 2, np.eye(2))])
    smaller, report = optimize(graph, passes=["fold_constants"], input_range=(0.0, high))
    assert smaller.n_inputs == 3
    assert not smaller["a"].weights[:, 1].any()
    assert report.certificate.level == "exact"


def test_an_input_of_one_value_moves_into_the_bias():
    low, high = np.array([0.0, 0.5]), np.array([1.0, 0.5])
    graph = SNNGraph([LayerNode("a", 2, 2, [[1.0, 1.0], [1.0, 0.5]], "IF"), LayerNode("o", 2, 2, np.eye(2), "IF")])
    smaller, _ = optimize(graph, passes=["fold_constants"], input_range=(low, high))
    assert np.array_equal(smaller["a"].bias, [0.5, 0.25])
    x = np.array([[0.25, 0.5], [1.0, 0.5]])
    assert np.array_equal(graph.run(x, T=8).counts[-1], smaller.run(x, T=8).counts[-1])


def test_constants_are_added_in_ascending_order_on_every_machine():
    layers = [
        LayerNode("a", 4, 2, [[1e16, 3.0, -1e16, 1.0], [3.0, -1e16, 1e16, 1.0]], "IF", threshold=64.0),
        LayerNode("o", 2, 2, np.eye(2), "IF"),
    ]
    ends = np.array([1.0, 1.0, 1.0, 0.0]), np.ones(4)
    smaller, _ = optimize(SNNGraph(layers), passes=["fold_constants"], input_range=ends, verification=False)
    assert smaller["a"].bias.tolist() == [(1e16 + 3.0) - 1e16, (3.0 - 1e16) + 1e16] != [3.0, 3.0]


def test_thresholds_that_are_powers_of_two_become_one_number():
    graph = SNNGraph(
        [
            LayerNode(
                "a", 2, 3, [[1.0, 2.0], [4.0, 1.0], [0.5, 0.25]], "IF", threshold=[0.5, 2.0, 8.0], bias=np.zeros(3)
            ),
            LayerNode("o", 3, 2, np.ones((2, 3)), "IF", threshold=[4.0, 4.0]),
        ]
    )
    smaller, report = optimize(graph, passes=["fold_scales"])
    assert smaller["a"].threshold == 1.0
    assert smaller["a"].bias is None
    assert smaller["o"].threshold == 4.0, "the output layer's scale is the readout's"
    assert report.verification.identical
    assert report.after.bytes < report.before.bytes


class Unknown(Linear):
    """An operation that the passes do not know."""

    kind = "unknown"


def test_a_layer_of_an_operation_the_passes_do_not_know_is_passed_by(random_graph):
    """Neither it nor what feeds it loses a neuron; nothing is assumed of what it sends."""
    for seed in range(100):
        graph = random_graph(seed, depth=4)
        known = graph.layers[2].operation
        graph.layers[2].operation = Unknown(known.weight, known.bias)
        for one in PASSES.values():
            if one.name == "low_rank_factorization":
                continue  # adds a layer
            after = one.apply(graph, Scope(input_range=(0.0, 1.0))).graph
            kept = {layer.name: layer for layer in after}
            assert kept["layer2"] is graph.layers[2], one.name
            assert kept["layer1"].n_neurons == graph.layers[1].n_neurons, one.name
            assert kept["layer3"].n_inputs == graph.layers[3].n_inputs, one.name
