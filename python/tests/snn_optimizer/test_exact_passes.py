"""Exact passes change no output spike at any step, and find what is there to be found."""

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph
from spikeport.snn_optimizer import EXACT_PASSES, optimize

GRAPHS_AT_ONCE = 100
RANGES = (None, (0.0, 1.0), (-1.0, 1.0), (0.5, 1.0))


def dyadic_drives(rng, graph, input_range, count=12):
    low, high = input_range or (-2.0, 2.0)
    return low + rng.integers(0, 9, (count, graph.n_inputs)) / 8 * (high - low)


@pytest.mark.parametrize("block", range(20))
def test_exact_passes_change_no_spike_in_any_order(random_graph, block):
    for seed in range(block * GRAPHS_AT_ONCE, (block + 1) * GRAPHS_AT_ONCE):
        rng = np.random.default_rng(seed)
        graph, input_range, T = random_graph(seed), RANGES[seed % 4], int(rng.integers(1, 20))
        options = {"input_range": input_range, "horizon": None if seed % 3 else T, "verification": False}
        before = graph.copy()
        smaller, report = optimize(graph, passes=list(rng.permutation(EXACT_PASSES)), **options)
        x = dyadic_drives(rng, graph, input_range)
        wanted, got = graph.run(x, T=T, record=True), smaller.run(x, T=T, record=True)
        assert np.array_equal(wanted.spikes[-1], got.spikes[-1]), f"seed {seed}\n{report}"
        assert np.array_equal(wanted.drive, got.drive), f"seed {seed}\n{report}"
        assert graph == before
        if seed % 4:
            continue
        again, _ = optimize(graph, passes=EXACT_PASSES, **options)
        assert again == smaller, f"seed {seed}: the order of the passes changed the result"
        fixed, report = optimize(smaller, passes=EXACT_PASSES, **options)
        assert fixed == smaller, f"seed {seed}: not a fixed point\n{report}"


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


def planted(rng, kind, n=30, duplicates=5, silent=4, constant=3, unread=2):
    """Three layers whose middle one holds so many neurons that must go; the rest differ and can all fire."""
    neuron = {"IF": {}, "LIF": {"beta": 0.5}, "ST-BIF": {"tracer_max": 7, "v_init": 0.5}}[kind]
    weights = rng.integers(1, 9, (n, 10)) / 8.0 * rng.choice([-1, 1], (n, 10))
    weights[:, 0] = 1 + np.arange(n) / 32  # rows differ, and input 0 alone can make each fire
    bias = np.zeros(n)
    place = iter(rng.permutation(n))
    live = [next(place) for _ in range(n - duplicates - silent - constant - unread)]
    gone = []
    for _ in range(duplicates):
        j, source = next(place), live[int(rng.integers(len(live)))]
        weights[j], bias[j] = weights[source], bias[source]
        gone.append(j)
    for _ in range(silent):
        j = next(place)
        weights[j], bias[j] = -np.abs(weights[j]), -0.125
        gone.append(j)
    for _ in range(constant):
        j = next(place)
        weights[j], bias[j] = np.abs(weights[j]), 2.0
        gone.append(j)
    outgoing = rng.integers(1, 9, (6, n)) / 8.0
    for _ in range(unread):
        j = next(place)
        outgoing[:, j] = 0
        gone.append(j)
    first = LayerNode("first", 10, 10, np.eye(10), "IF")
    middle = LayerNode("middle", 10, n, weights, kind, bias=bias, **neuron)
    return SNNGraph([first, middle, LayerNode("last", n, 6, outgoing, "IF")]), gone


@pytest.mark.parametrize("kind", ["IF", "LIF", "ST-BIF"])
@pytest.mark.parametrize("seed", range(40))
def test_every_planted_neuron_is_found_and_no_other(kind, seed):
    rng = np.random.default_rng(seed)
    constant = 0 if kind == "ST-BIF" else 3  # an ST-BIF neuron's tracer ends every constant train
    graph, gone = planted(rng, kind, constant=constant)
    smaller, report = optimize(graph, passes=EXACT_PASSES, verification=False)
    assert smaller["middle"].n_neurons == 30 - len(gone)
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


def test_a_layer_of_an_operation_the_passes_do_not_know_is_passed_by(random_graph):
    """Neither it nor what feeds it loses a neuron; nothing is assumed of what it sends."""
    from spikeport.snn_optimizer import PASSES
    from spikeport.snn_optimizer.proofs.scope import Scope

    for seed in range(100):
        graph = random_graph(seed, depth=4)
        graph.layers[2].operation = "conv2d"
        for one in PASSES.values():
            if one.name == "low_rank_factorization":
                continue  # adds a layer
            after = one.apply(graph, Scope(input_range=(0.0, 1.0))).graph
            kept = {layer.name: layer for layer in after}
            assert kept["layer2"] is graph.layers[2], one.name
            assert kept["layer1"].n_neurons == graph.layers[1].n_neurons, one.name
            assert kept["layer3"].n_inputs == graph.layers[3].n_inputs, one.name
