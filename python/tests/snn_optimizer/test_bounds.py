"""Interval bounds: sound on any floats, attained, and tight enough to find what can be found."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeport import GraphError, LayerNode, Neuron, SNNGraph
from spikeport.kernels.layer import fire, weighted_sum
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from spikeport.snn_optimizer import propagate
from spikeport.snn_optimizer.proofs.bounds import always_fires, drive_bounds, never_fires

seeds = st.integers(0, 2**32 - 1)


def random_layer(rng, n_in=6, n=8):
    kind = str(rng.choice(["IF", "LIF", "ST-BIF"]))
    dtype = np.float32 if rng.random() < 0.5 else np.float64
    return LayerNode(
        "a",
        n_in,
        n,
        (rng.normal(size=(n, n_in)) - rng.choice([0, 0.8])).astype(dtype),
        kind,
        bias=rng.normal(size=n) / 2,
        threshold=rng.uniform(0.3, 2, n),
        v_init=rng.uniform(-1, 1.2, n),
        v_reset=float(rng.uniform(-1, 0.2)) if kind != "ST-BIF" and rng.random() < 0.5 else None,
        beta=rng.uniform(0, 1, n) if kind == "LIF" else 1.0,
        tracer_min=int(rng.choice([0, -3])),
        tracer_max=int(rng.choice([0, 5])),
    )


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_the_bound_on_the_current_is_attained_at_a_corner_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    layer = random_layer(rng)
    low = rng.uniform(-1, 0.5, 6)
    high = low + rng.choice([0, 1, 0.3], 6)
    corners = np.array(list(itertools.product(*zip(low, high, strict=True)))).astype(layer.weights.dtype)
    currents = weighted_sum(corners, layer.weights, layer.bias)
    smallest, largest = drive_bounds(layer, low, high)
    assert np.array_equal(smallest, currents.min(axis=0))
    assert np.array_equal(largest, currents.max(axis=0))


@settings(max_examples=300, deadline=None)
@given(seeds, st.sampled_from([None, 1, 7, 40]))
def test_a_neuron_proven_silent_is_silent_and_one_proven_to_fire_fires_at_every_step(seed, horizon):
    rng = np.random.default_rng(seed)
    layer, steps = random_layer(rng), horizon or 200
    low = rng.normal(size=8).astype(layer.weights.dtype)
    high = low + rng.choice([0, 0.5], 8).astype(layer.weights.dtype)
    mixing = rng.choice([0.0, 1.0, 0.5], (steps, 12, 8))
    mixing[:, 0], mixing[:, 1] = 0, 1  # the extremes themselves
    currents = np.clip(low + mixing * (high - low), low, high).astype(layer.weights.dtype)
    spikes = fire(currents, layer.neuron).spikes
    silent = never_fires(layer, low, high, horizon)
    assert not spikes[:, :, silent].any()
    if layer.neuron_type != "ST-BIF":
        assert (spikes[:, :, always_fires(layer, low, horizon)] == 1).all()


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_an_integrate_and_fire_neuron_that_is_not_proven_silent_can_be_made_to_fire(seed):
    rng = np.random.default_rng(seed)
    layer = LayerNode("a", 3, 6, rng.integers(-8, 9, (6, 3)) / 8, "IF", bias=rng.integers(-8, 9, 6) / 8, v_init=0.25)
    low, high = drive_bounds(layer, np.zeros(3), np.ones(3))
    silent = never_fires(layer, low, high)
    spikes = fire(np.broadcast_to(high, (64, 1, 6)), layer.neuron).spikes
    assert np.array_equal(silent, ~spikes.any(axis=(0, 1)))


def test_a_leaky_neuron_is_silent_below_its_steady_state_and_not_above():
    layer = LayerNode("a", 1, 2, [[0.49], [0.51]], "LIF", beta=0.5)
    assert never_fires(layer, *drive_bounds(layer, np.zeros(1), np.ones(1))).tolist() == [True, False]


def test_a_finite_horizon_proves_more():
    layer = LayerNode("a", 1, 1, [[0.125]], "IF")
    ends = drive_bounds(layer, np.zeros(1), np.ones(1))
    assert [bool(never_fires(layer, *ends, T)[0]) for T in (7, 8)] == [True, False]
    assert not never_fires(layer, *ends)


@pytest.mark.parametrize("beta, kind", [(1.0, "IF"), (0.5, "LIF")])
def test_a_proof_for_very_long_runs_ends_when_nothing_is_open_any_more(beta, kind):
    layer = LayerNode("a", 1, 4, [[0.25], [-0.25], [0.75], [1e-9]], kind, beta=beta)
    ends = drive_bounds(layer, np.ones(1), np.ones(1))
    forever = never_fires(layer, *ends), always_fires(layer, ends[0])
    assert np.array_equal(never_fires(layer, *ends, 10**12), forever[0])
    assert np.array_equal(always_fires(layer, ends[0], 10**12), forever[1])


def test_nothing_is_assumed_of_inputs_without_a_range():
    graph = SNNGraph([LayerNode("a", 2, 2, [[-1.0, 0.0], [0.0, 0.0]], "IF"), LayerNode("b", 2, 1, [[1.0, 1.0]], "IF")])
    first, second = propagate(graph).values()
    assert first.output_high.tolist() == [1, 0]
    assert second.drive_high.tolist() == [1]


@pytest.mark.parametrize(
    "bad",
    [(1.0, 0.0), (0.0,), 3, (np.zeros(3), 1.0), (np.nan, 1.0), (np.inf, np.inf), (-np.inf, -np.inf), "01", ("0", "1")],
)
def test_a_range_that_is_none_is_refused(bad):
    graph = SNNGraph([LayerNode("a", 2, 2, np.eye(2))])
    with pytest.raises(GraphError) as caught:
        propagate(graph, bad)
    assert caught.value.code == "input_range"


def corners(low, high):
    """Every corner of a box, as (corners, *shape)."""
    found = itertools.product(*zip(low.ravel(), high.ravel(), strict=True))
    return np.array(list(found)).reshape(-1, *low.shape)


def random_box(rng, shape):
    low = rng.uniform(-1, 0.5, shape)
    return low, low + rng.choice([0, 1, 0.3], shape)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_every_place_of_a_convolution_attains_its_bound_at_a_corner_of_its_own_borders_included(seed):
    rng = np.random.default_rng(seed)
    dtype = np.float32 if rng.random() < 0.5 else np.float64
    groups = int(rng.choice([1, 2]))
    weight = rng.normal(size=(4, 2 // groups, 2, 2)).astype(dtype)
    bias = rng.normal(size=4).astype(dtype) if rng.random() < 0.7 else None
    geometry = {"stride": int(rng.choice([1, 2])), "padding": int(rng.choice([0, 1, 2]))}
    layer = LayerNode.of("a", Conv(weight, bias, groups=groups, **geometry), Neuron("IF"))
    graph = SNNGraph([layer], (2, 2, 3))
    low, high = random_box(rng, (2, 2, 3))
    currents = layer.operation.currents(corners(low, high).astype(dtype)[None])[0]
    bound = propagate(graph, (low, high))["a"]
    assert bound.drive_low.shape == layer.shape
    assert np.array_equal(bound.drive_low, currents.min(axis=0))
    assert np.array_equal(bound.drive_high, currents.max(axis=0))


@pytest.mark.parametrize("operation", [SumPool(2, 1, 1), AvgPool(3, 2, 1), Add(), Concat()], ids=lambda op: op.kind)
@pytest.mark.parametrize("seed", range(10))
def test_sums_without_weights_attain_their_bounds_too(operation, seed):
    rng = np.random.default_rng(seed)
    low, high = random_box(rng, (1, 3, 3))
    joins = operation.kind in ("add", "concat")
    graph = SNNGraph([LayerNode.of("a", operation, inputs=["input"] * (2 if joins else 1))], (1, 3, 3))
    x = corners(low, high)[None]
    currents = operation.currents(x, x)[0] if joins else operation.currents(x)[0]
    bound = propagate(graph, (low, high))["a"]
    assert np.array_equal(bound.drive_low, currents.min(axis=0))
    assert np.array_equal(bound.drive_high, currents.max(axis=0))


def pooled(pool, weights, bias=None, kind="IF"):
    """Channels of single places, pooled."""
    first = Conv(np.reshape(weights, (-1, 1, 1, 1)), bias)
    return SNNGraph([LayerNode.of("a", first, Neuron(kind)), LayerNode.of("pool", pool)], (1, 4, 4))


def test_a_max_pool_of_spikes_gives_spikes_and_of_silent_ones_nothing():
    graph = pooled(MaxPool(2, padding=1), [1.0, -1.0])
    bound = propagate(graph, (0.0, 1.0))["pool"]
    assert not bound.output_low.any()
    assert np.array_equal(bound.output_high, np.broadcast_to([[[1.0]], [[0.0]]], (2, 3, 3)))


@pytest.mark.parametrize("horizon, low", [(None, 0.0), (100, 1.0), (2**60, 0.0)])
def test_a_max_pool_of_what_always_fires_is_known_as_long_as_it_can_count(horizon, low):
    """At 2^52 a count in double precision has no room for halves; beyond the bits of a float it stands still."""
    graph = pooled(MaxPool(2), [0.0], np.array([1.5]))
    assert (propagate(graph, (0.0, 1.0), horizon)["pool"].output_low == low).all()


def test_nothing_is_known_of_a_max_pool_of_graded_values_but_that_zeros_stay_so():
    bound = propagate(pooled(MaxPool(2), [0.5, 0.0], kind="identity"), (0.0, 1.0))["pool"]
    assert np.isposinf(bound.output_high[0]).all() and np.isneginf(bound.output_low[0]).all()
    assert not bound.output_high[1].any() and not bound.output_low[1].any()


@pytest.mark.parametrize("seed", range(30))
def test_what_runs_through_a_graph_stays_within_its_bounds(seed):
    from random_graphs import random_graph

    graph, rng = random_graph(seed), np.random.default_rng(seed)
    bounds = propagate(graph, (0.0, 1.0), 7)
    x = rng.integers(0, 2, (12, *graph.input_shape)) * rng.choice([1.0, 0.3], (12, *graph.input_shape))
    spikes = graph.run(x, T=7, record=True).spikes
    for node, sent in zip(graph, spikes, strict=True):
        bound = bounds[node.name]
        assert (sent >= bound.output_low).all() and (sent <= bound.output_high).all(), node


def test_a_neuron_of_a_pool_is_silent_by_its_own_threshold():
    layers = [
        LayerNode.of("a", Conv(np.ones((2, 1, 1, 1))), Neuron("IF")),
        LayerNode.of("pool", AvgPool(2), Neuron("LIF", threshold=[0.5, 4.0], beta=0.5)),
        LayerNode.of("out", Linear(np.ones((1, 8))), Neuron("IF")),
    ]
    bound = propagate(SNNGraph(layers, (1, 4, 4)))["pool"]
    assert bound.output_high.max(axis=(1, 2)).tolist() == [1, 0]


def test_a_neuron_of_several_spikes_sends_up_to_so_many_and_is_never_taken_for_constant():
    several = Neuron("IF", threshold=0.5, max_spikes=4)
    layers = [
        LayerNode.of("a", Conv(np.ones((1, 1, 1, 1)), np.array([0.5])), several),
        LayerNode.of("pool", MaxPool(2)),
    ]
    bounds = propagate(SNNGraph(layers, (1, 2, 2)), (0.0, 1.0), 8)
    assert (bounds["a"].output_low == 0).all() and (bounds["a"].output_high == 4).all()
    assert (bounds["pool"].output_high == 4).all()
    assert np.isinf(propagate(SNNGraph(layers, (1, 2, 2)), (0.0, 1.0))["pool"].output_high).all()
