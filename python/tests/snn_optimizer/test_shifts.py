"""Bounds on currents hold at the worst inputs there are: corners, chains without a neuron, either dtype."""

import itertools

import numpy as np
import pytest

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.kernels.layer import weighted_sum
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.snn_optimizer import PASSES, layer_fusion
from spikeport.snn_optimizer.proofs.grids import input_grids
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import largest_shift as largest
from spikeport.snn_optimizer.proofs.shifts import own_shift, shifts
from spikeport.snn_optimizer.surgery.weighted import rebuilt
from spikeport.snn_optimizer.surgery.wiring import replace

REQUESTS = [
    ("redundancy_elimination", {"tolerance": 0.3, "correlation_threshold": -1.0}),
    ("layer_fusion", {}),
    ("weight_pruning", {"tolerance": 0.3}),
    ("weight_quantization", {"bits": 8}),
    ("weight_quantization", {"bits": 4, "power_of_two": True}),
    ("low_rank_factorization", {"energy": 0.7}),
]


def chained(seed):
    """A graph on ordinary floats, every other layer without a neuron, with near copies among the neurons."""
    rng = np.random.default_rng(seed)
    dtype = np.float32 if seed % 2 else np.float64
    layers, sizes = [], [int(rng.integers(1, 9)) for _ in range(5)]
    for k, (n_in, n) in enumerate(itertools.pairwise(sizes)):
        weights = rng.normal(size=(n, n_in))
        for j in range(1, n):
            if rng.random() < 0.4:
                weights[j] = weights[j - 1] + rng.normal(size=n_in) * 1e-2
        kind = "identity" if rng.random() < 0.5 else str(rng.choice(["IF", "LIF", "ST-BIF"]))
        bias = rng.normal(size=n) if rng.random() < 0.5 else None
        θ = rng.uniform(0.3, 3, n) if rng.random() < 0.5 else 1.0
        layers.append(LayerNode(f"layer{k}", n_in, n, weights.astype(dtype), kind, bias=bias, threshold=θ))
    return SNNGraph(layers)


def runs_between_neurons(graph):
    """The layers in runs, each of which ends in a layer with a neuron (or at the output)."""
    runs = [[]]
    for layer in graph:
        runs[-1].append(layer)
        if layer.neuron.is_spiking:
            runs.append([])
    return [run for run in runs if run]


def currents(layers, x):
    found = {}
    for layer in layers:
        x = found[layer.name] = weighted_sum(x.astype(layer.weights.dtype), layer.weights, layer.bias)
    return found


def largest_shift(before, rewrite, rng, in_thresholds):
    """The largest shift of any current on the same spikes (and, at the input, the same corners of [-1, 1])."""
    largest, previous = 0.0, None
    for old, new in zip(runs_between_neurons(before), runs_between_neurons(rewrite.graph), strict=True):
        if previous is None:
            x = as_before = rng.choice([-1.0, 1.0], (200, before.n_inputs))
        else:
            low = -1 if previous.neuron_type == "ST-BIF" else 0
            speakers = rewrite.speakers.get(previous.name, np.arange(previous.n_neurons))
            x = rng.integers(low, 2, (200, int(speakers.max()) + 1)).astype(float)
            as_before = x[:, speakers]
        was, now = currents(old, as_before), currents(new, x)
        for layer, after in itertools.product(old, new):
            if layer.name == after.name:
                speakers = rewrite.speakers.get(layer.name, np.arange(layer.n_neurons))
                units = [layer.threshold, after.threshold] if in_thresholds and layer.neuron.is_spiking else [1.0, 1.0]
                moved = was[layer.name] / units[0] - (now[layer.name] / units[1])[:, speakers]
                largest = max(largest, float(np.abs(moved).max()))
        previous = old[-1]
    return largest


@pytest.mark.parametrize("name, options", REQUESTS)
def test_no_current_moves_further_than_the_bound(name, options):
    bounded, closest = 0, 0.0
    for seed in range(150):
        graph = chained(seed)
        rewrite = PASSES[name].apply(graph, Scope(input_range=(-1.0, 1.0)), **options)
        bound = rewrite.certificate.bound
        if bound is None:
            continue
        in_thresholds = name in ("redundancy_elimination", "weight_pruning")
        moved = largest_shift(graph, rewrite, np.random.default_rng(seed), in_thresholds)
        assert moved <= bound, f"seed {seed}: {rewrite.certificate}"
        bounded, closest = bounded + 1, max(closest, moved / bound if bound else 0.0)
    assert bounded > 20
    assert closest > (0.01 if name == "layer_fusion" else 0.9), "bounds so wide say nothing"


def test_what_a_layer_without_a_neuron_passes_on_is_part_of_the_bound():
    """The small weight in front is multiplied by 100 behind: the neuron's current moves by 100 times as much."""
    graph = SNNGraph([LayerNode("a", 2, 1, [[1.0, 0.001]], "identity"), LayerNode("b", 1, 2, [[100.0], [1.0]], "IF")])
    rewrite = PASSES["weight_pruning"].apply(graph, Scope(input_range=(0.0, 1.0)), tolerance=0.001)
    assert rewrite.certificate.bound == pytest.approx(0.1)


def test_a_range_that_is_open_is_closed_at_one_and_said_to_be():
    """Behind a layer without a neuron inputs of at most 1 are not at most 1 any more."""
    layers = [LayerNode("a", 1, 2, [[50.0], [50.0]], "identity"), LayerNode("b", 2, 1, [[1.0, 0.1]], "IF")]
    certificate = PASSES["weight_quantization"].apply(SNNGraph(layers), Scope(), bits=4).certificate
    assert "magnitude at most 1" in certificate.reason
    assert certificate.bound == pytest.approx((1 / 7 - 0.1) * 50)


def test_a_product_of_several_layers_is_bounded_as_one():
    rng = np.random.default_rng(0)
    kinds = ["identity", "identity", "identity", "IF"]
    layers = [LayerNode(f"{k}", 6, 6, rng.normal(size=(6, 6)).astype(np.float32), kind) for k, kind in enumerate(kinds)]
    _, report = layer_fusion(SNNGraph(layers))
    assert report.certificate.level == "unchecked"
    one = PASSES["layer_fusion"].apply(SNNGraph(layers[2:]), Scope(input_range=(-1.0, 1.0))).certificate.bound
    all_four = PASSES["layer_fusion"].apply(SNNGraph(layers), Scope(input_range=(-1.0, 1.0))).certificate.bound
    assert all_four > 10 * one


def graded(rng, dtype, pool):
    """Nodes without neurons of every kind that hands a shift on, behind a convolution, and a neuron at the end."""

    def drawn(*shape):
        return rng.normal(size=shape).astype(dtype)

    of = LayerNode.of
    return SNNGraph(
        [
            of("a", Conv(drawn(3, 1, 2, 2), drawn(3), padding=1)),
            of("sum_pool", SumPool(2, 1)),
            of("pool", pool, inputs=["a"]),
            of("conv", Conv(drawn(3, 3, 1, 1)), inputs=["sum_pool"]),
            of("add", Add(), inputs=["conv", "pool", "pool"]),
            of("concat", Concat(), inputs=["add", "conv"]),
            of("grouped", Conv(drawn(4, 3, 2, 2), groups=2)),
            of("out", Linear(drawn(3, 4 * 4)), Neuron("IF")),
        ],
        (1, 3, 3),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_shift_is_handed_on_by_everything_that_stands_behind_it(dtype):
    closest = 0.0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        before = graded(rng, dtype, AvgPool(2, 1))
        moved = (before["a"].weights * (1 + rng.normal(size=(3, 1, 2, 2)) * 10.0 ** -rng.integers(0, 6))).astype(dtype)
        after = replace(before, "a", rebuilt(before["a"], moved))
        grids, _ = input_grids(before, (-1.0, 1.0))
        bound = shifts(after, {"a": own_shift(before["a"], after["a"], grids["a"])}, grids)
        x = rng.choice([-1.0, 1.0], (400, 1, 3, 3))
        runs = [graph.run(x, T=1, record=True) for graph in (before, after)]
        for k, node in enumerate(before):
            was, now = (run.drive if node.name == "out" else run.spikes[k][0] for run in runs)
            shift = np.abs(was.astype(np.float64) - now).reshape(len(x), node.shape[0], -1).max(axis=(0, 2))
            assert (shift <= bound[node.name]).all(), (seed, node)
            closest = max(closest, float(shift.max() / bound[node.name].max()) if node.name == "add" else 0.0)
    assert closest > 0.3, "bounds so wide say nothing"


def test_of_a_max_pool_of_values_that_are_shifted_nothing_is_known():
    before = graded(np.random.default_rng(0), np.float64, MaxPool(2, 1))
    grids, _ = input_grids(before, (-1.0, 1.0))
    found = shifts(before, {"a": np.full(3, 1e-3)}, grids)
    assert np.isfinite(found["conv"]).all() and np.isinf(found["pool"]).all() and largest(found) == np.inf
