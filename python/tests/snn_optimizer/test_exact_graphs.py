"""Exact passes on graphs: no output spike changes, borders included, and what is there to be found is found."""

import os
from collections import Counter

import numpy as np
import pytest
from random_graphs import RANGES, check, random_graph

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.snn_optimizer import EXACT_PASSES, PASSES, layer_fusion, optimize
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.surgery.weighted import add_to_bias, constant_drive, rebuilt

COUNT = int(os.environ.get("SPIKEPORT_RANDOM_GRAPHS", "400"))
BLOCKS = 10
IF = Neuron("IF", v_init=0.5)
of = LayerNode.of


def eighths(rng, *shape):
    return rng.integers(-8, 9, shape) / 8.0


def same_answer(before, after, x, timesteps=9):
    """Whether all output spikes and the drive are the same, before in the reference, after in both backends."""
    wanted = before.run(x, T=timesteps, record=True, backend="reference")
    runs = [after.run(x, T=timesteps, record=True, backend=backend) for backend in ("reference", "rust")]
    return all(
        np.array_equal(wanted.spikes[-1], run.spikes[-1]) and np.array_equal(wanted.drive, run.drive) for run in runs
    )


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_graphs_keep_every_output_spike_where_the_certificate_says_exact(block):
    """``SPIKEPORT_RANDOM_GRAPHS`` says how many graphs there are in all."""
    size = -(-COUNT // BLOCKS)
    seen = Counter(check(seed) for seed in range(block * size, (block + 1) * size))
    assert seen["exact", True] > size / 3, "most graphs have something that goes"
    assert seen["exact", True] + seen["exact", False] > size / 2


@pytest.mark.parametrize("seed", range(0, 100, 3))
def test_the_order_of_exact_passes_does_not_matter_and_their_result_has_nothing_left_for_them(seed):
    graph, rng = random_graph(seed), np.random.default_rng(seed)
    options = {"input_range": RANGES[seed % 4], "verification": False}
    smaller, _ = optimize(graph, passes=EXACT_PASSES, **options)
    assert optimize(graph, passes=list(rng.permutation(EXACT_PASSES)), **options)[0] == smaller
    assert optimize(smaller, passes=EXACT_PASSES, **options)[0] == smaller


@pytest.mark.parametrize("seed", range(1, 100, 7))
def test_a_replay_from_the_inside_finds_nothing_against_exact_passes(seed):
    _, report = optimize(random_graph(seed), passes=EXACT_PASSES, input_range=RANGES[seed % 4], timesteps=5)
    if all(result.certificate.level == "exact" for result in report.pass_results):
        assert report.certificate.level == "exact", report


@pytest.mark.parametrize("pool, level", [(AvgPool(2), "exact"), (SumPool(3), "exact"), (AvgPool(3), "bounded")])
def test_sums_behind_an_average_are_exact_only_where_it_divides_by_a_power_of_two(pool, level):
    weights = np.ones((3, 1, 2, 2))
    weights[1] /= 2
    layers = [of("a", Conv(weights), IF), of("pool", pool), of("out", Conv(np.full((2, 3, 1, 1), 0.75)), IF)]
    smaller, report = optimize(SNNGraph(layers, (1, 7, 7)), passes=["merge"], verification=False)
    assert smaller["pool"].shape[0] == 2
    assert report.pass_results[0].certificate.level == level


def bordered(*between, padding=1, kernel=3, constant=2.5):
    """A channel that always fires, and one that does not, read by a convolution through what stands between.

    The convolution has no neurons: its currents are the answer.
    """
    rng = np.random.default_rng(0)
    first = eighths(rng, 2, 1, 3, 3)
    first[0] = 0
    return SNNGraph(
        [
            of("a", Conv(first, np.array([constant, 0.25]), padding=1), IF),
            *(of(f"between{k}", operation) for k, operation in enumerate(between)),
            of("b", Conv(rng.integers(1, 9, (3, 2, kernel, kernel)) / 32, padding=padding)),
        ],
        input_shape=(1, 6, 6),
    )


BORDERS = {
    "padding of the convolution": bordered(),
    "padding of an average": bordered(AvgPool(2, padding=1), padding=0, kernel=1),
    "padding of a sum": bordered(SumPool(2, 1, 1), padding=0, kernel=2),
    "padding behind a pool": bordered(MaxPool(2)),
    "two pools": bordered(AvgPool(3, 1, 1), AvgPool(2), padding=0, kernel=1),
}


@pytest.mark.parametrize("graph", BORDERS.values(), ids=BORDERS)
def test_a_constant_channel_is_no_bias_where_a_border_reads_less_of_it(graph):
    smaller, report = optimize(graph, passes=EXACT_PASSES, input_range=(0, 1))
    assert smaller["a"].shape[0] == 2
    assert report.certificate.level == "exact"
    x = np.random.default_rng(1).integers(0, 9, (16, 1, 6, 6)) / 8
    assert same_answer(graph, smaller, x)

    # a bias that says what the channel adds in the middle, as one would fold it without the rule
    node = graph["b"]
    middle = node.operation.matrix[0] * np.repeat([True, False], node.operation.matrix.shape[2] // 2)
    scale = 4.0 if any(node.operation.kind == "sum_pool" for node in graph) else 1.0
    weights = node.weights.copy()
    weights[:, 0] = 0
    folded = rebuilt(node, weights, bias=add_to_bias(node, middle.sum(axis=1) * scale))
    naive = SNNGraph([*graph.layers[:-1], folded], graph.input_shape)
    wanted, got = (g.run(x, T=9, record=True).spikes[-1] for g in (graph, naive))
    inner = np.zeros(wanted.shape[3:], bool)
    inner[1:-1, 1:-1] = True
    assert np.allclose(wanted[..., inner], got[..., inner]), "in the middle the bias would be right"
    assert np.abs(wanted - got)[..., ~inner].max() > 1 / 64, "at the border it would be wrong"


def test_a_constant_channel_folds_where_every_place_reads_all_of_it():
    for graph in (bordered(padding=0), bordered(AvgPool(2), padding=0), bordered(MaxPool(2), padding=0, kernel=1)):
        smaller, report = optimize(graph, passes=EXACT_PASSES, input_range=(0, 1), horizon=100)
        assert smaller["a"].shape[0] == 1
        assert smaller["b"].bias is not None
        assert report.certificate.level == "exact"
        assert same_answer(graph, smaller, np.random.default_rng(1).integers(0, 9, (16, 1, 6, 6)) / 8)


@pytest.mark.parametrize("between", [(), (AvgPool(2, padding=1),), (MaxPool(3, 1, 1), SumPool(2))])
def test_a_silent_channel_goes_whatever_the_padding(between):
    graph = bordered(*between, constant=-0.5)
    smaller, report = optimize(graph, passes=EXACT_PASSES, input_range=(0, 1))
    assert smaller["a"].shape[0] == 1
    assert report.certificate.level == "exact"
    assert same_answer(graph, smaller, np.random.default_rng(1).integers(0, 9, (16, 1, 6, 6)) / 8)


@pytest.mark.parametrize("padding, left", [(1, 2), (0, 1)])
def test_a_rare_channel_goes_with_its_mean_only_where_a_bias_can_say_it(padding, left):
    graph = bordered(padding=padding)
    rates = np.full((2, 6, 6), 0.5)
    rates[0] = 1 / 128
    graph["a"].firing_rates = rates
    rewrite = PASSES["dead_neuron_elimination"].apply(graph, Scope(), threshold=0.1)
    assert rewrite.graph["a"].shape[0] == left
    if left == 1:
        mean = constant_drive(graph["b"], np.repeat([1 / 128, 0.0], 9))
        assert np.array_equal(rewrite.graph["b"].bias, mean)
    rates[0] = 0
    graph["a"].firing_rates = rates
    assert PASSES["dead_neuron_elimination"].apply(graph, Scope(), threshold=0.1).graph["a"].shape[0] == 1


def test_a_channel_is_as_alive_as_its_busiest_place():
    graph = bordered()
    rates = np.full((2, 6, 6), 0.5)
    rates[0] = 0
    rates[0, 2, 3] = 0.2
    graph["a"].firing_rates = rates
    assert not PASSES["dead_neuron_elimination"].apply(graph, Scope(), threshold=0.1).changed


def network(rng, dtype=np.float64):
    """A convolution that is pooled, one beside it, both concatenated, read flat and by a residual block."""
    first, second = eighths(rng, 8, 2, 3, 3), eighths(rng, 6, 2, 3, 3)
    first_bias, second_bias = eighths(rng, 8), eighths(rng, 6)
    first[5], first_bias[5] = first[2], first_bias[2]  # twice the same
    first[6], first_bias[6] = -np.abs(first[6]), -0.5  # silent
    second[4], second_bias[4] = second[1], second_bias[1]
    block = eighths(rng, 14, 14, 3, 3) / 4
    block[3] = block[2]  # joins by addition: stays
    flat = eighths(rng, 4, 14 * 9)
    narrow, into = eighths(rng, 5, 14, 1, 1), eighths(rng, 14, 5, 1, 1)
    flat[:, :9], block[:, 0] = 0, 0  # nothing reads channel 0 of the first

    def of_type(array):
        return array.astype(dtype)

    layers = [
        of("first", Conv(of_type(first), of_type(first_bias), padding=1), IF),
        of("pool", MaxPool(2)),
        of("second", Conv(of_type(second), of_type(second_bias), stride=2, padding=1), IF, inputs=["input"]),
        of("both", Concat(), inputs=["pool", "second"]),
        of("block", Conv(of_type(block), padding=1), IF, inputs=["both"]),
        of("narrow", Conv(of_type(narrow)), IF),
        of("wide", Conv(of_type(into)), IF),
        of("join", Add(), IF, inputs=["block", "wide"]),
        of("mean", AvgPool(3)),
        of("out", Linear(of_type(eighths(rng, 4, 14))), inputs=["mean"]),
        of("flat", Linear(of_type(flat)), inputs=["both"]),
        of("sum", Add(), IF, inputs=["out", "flat"]),
    ]
    return SNNGraph(layers, (2, 6, 6))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(5))
def test_what_was_planted_goes_through_pools_concat_and_flattening_and_no_spike_changes(seed, dtype):
    rng = np.random.default_rng(seed)
    graph = network(rng, dtype)
    smaller, report = optimize(graph, passes=EXACT_PASSES, input_range=(0, 1))
    shapes = {node.name: node.shape for node in smaller}
    assert shapes["first"][0] == 5, "8 without the copy, the silent one and the one that nothing reads"
    assert shapes["pool"][0] == 5
    assert shapes["second"][0] == 5
    assert shapes["both"][0] == 10
    assert smaller["flat"].n_inputs == 10 * 9
    assert shapes["block"] == graph["block"].shape, "what is added keeps its channels"
    assert report.certificate.level == "exact"
    assert report.verification.identical
    assert same_answer(graph, smaller, rng.integers(0, 9, (8, 2, 6, 6)) / 8)
    again, _ = optimize(smaller, passes=EXACT_PASSES, input_range=(0, 1), verification=False)
    assert again == smaller


def test_equal_channels_stay_apart_where_a_pool_gives_them_other_neurons():
    weights = np.ones((2, 1, 2, 2))
    reader = Conv(np.array([[[[0.5]], [[0.25]]]]))
    for thresholds, left in (([0.5, 0.5], 1), ([0.5, 0.75], 2)):
        neuron = Neuron("IF", threshold=thresholds)
        layers = [of("a", Conv(weights), IF), of("pool", AvgPool(2), neuron), of("out", reader, IF)]
        graph = SNNGraph(layers, (1, 5, 5))
        smaller, _ = optimize(graph, passes=["merge"])
        assert smaller["pool"].shape[0] == left
        assert same_answer(graph, smaller, np.random.default_rng(0).random((8, 1, 5, 5)))


def test_layers_that_lead_nowhere_go_but_a_graph_in_single_precision_stays_so():
    for dtype in (np.float32, np.float64):
        layers = [
            of("nowhere", Conv(np.ones((2, 1, 2, 2), dtype)), IF),
            of("pool", AvgPool(3), inputs=["input"]),
            of("out", SumPool(2), inputs=["pool"]),
        ]
        graph = SNNGraph(layers, (1, 6, 6))
        smaller, _ = optimize(graph, passes=EXACT_PASSES)
        assert [node.name for node in smaller][-2:] == ["pool", "out"]
        assert len(smaller) == (3 if dtype == np.float32 else 2)
        assert same_answer(graph, smaller, np.random.default_rng(0).random((4, 1, 6, 6)))


def spiking_then(*nodes, shape=(2, 5, 5)):
    rng = np.random.default_rng(3)
    return SNNGraph([of("spikes", Conv(eighths(rng, 2, 2, 2, 2)), IF), *nodes], shape)


def single(rng, rows, channels, bias=True):
    return Conv(eighths(rng, rows, channels, 1, 1), eighths(rng, rows) if bias else None)


@pytest.mark.parametrize("stride, padding", [(1, 0), (2, 1)])
def test_a_convolution_and_one_of_single_places_behind_it_are_one(stride, padding):
    rng = np.random.default_rng(0)
    graph = spiking_then(
        of("a", Conv(eighths(rng, 4, 2, 3, 3), eighths(rng, 4), stride=stride, padding=padding)),
        of("b", single(rng, 3, 4), Neuron("IF", threshold=[1.0, 0.5, 0.75])),
    )
    smaller, result = layer_fusion(graph)
    assert [node.name for node in smaller] == ["spikes", "b"]
    assert (smaller["b"].operation.stride, smaller["b"].operation.padding) == ((stride,) * 2, (padding,) * 2)
    assert result.certificate.level == "exact"
    assert same_answer(graph, smaller, rng.integers(0, 9, (8, 2, 5, 5)) / 8)


@pytest.mark.parametrize("padding, bias, fused", [(0, True, True), (1, False, True), (1, True, False)])
def test_a_bias_in_front_of_a_padded_convolution_keeps_the_two_apart(padding, bias, fused):
    rng = np.random.default_rng(1)
    graph = spiking_then(
        of("a", single(rng, 6, 2, bias)), of("b", Conv(eighths(rng, 3, 6, 3, 3), eighths(rng, 3), padding=padding), IF)
    )
    smaller, result = layer_fusion(graph)
    assert result.layers_fused == fused
    assert result.certificate.level == "exact"
    assert same_answer(graph, smaller, rng.integers(0, 9, (8, 2, 5, 5)) / 8)


def test_a_convolution_of_single_places_and_a_linear_layer_are_one():
    rng = np.random.default_rng(2)
    graph = spiking_then(of("a", single(rng, 6, 2)), of("b", Linear(eighths(rng, 3, 6 * 16)), IF))
    smaller, result = layer_fusion(graph)
    assert smaller["b"].n_inputs == 2 * 16
    assert result.certificate.level == "exact"
    assert same_answer(graph, smaller, rng.integers(0, 9, (8, 2, 5, 5)) / 8)


def test_convolutions_whose_product_would_round_and_those_that_others_read_too_stay():
    rng = np.random.default_rng(4)
    rounds = single(rng, 6, 2)
    thirds = Conv(rounds.weight / 3, rounds.bias)
    inexact = spiking_then(of("a", thirds), of("b", Linear(eighths(rng, 3, 6 * 16)), IF))
    shared = spiking_then(
        of("a", rounds),
        of("b", Linear(eighths(rng, 3, 6 * 16)), inputs=["a"]),
        of("c", Linear(eighths(rng, 3, 6 * 16)), inputs=["a"]),
        of("d", Add(), IF, inputs=["b", "c"]),
    )
    for graph in (inexact, shared):
        assert layer_fusion(graph)[1].layers_fused == 0
