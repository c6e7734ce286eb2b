"""On which networks what settles is the quantised network, bit for bit, and how near it comes elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeport.conversion.lossless.grid import on_grid, why_inexact
from spikeport.conversion.lossless.quantised import quantised
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool

BIPOLAR = Neuron("ST-BIF", 1.0, 0.5, tracer_min=0, tracer_max=5)


def graph_of(rng, values):
    """All operations on numbers that ``values`` draws; only the first layer reads the input."""
    pool = [MaxPool(2), AvgPool(2), SumPool(2)][rng.integers(3)]
    return SNNGraph(
        [
            LayerNode.of("stem", Conv(values(3, 2, 3, 3), values(3), padding=1), BIPOLAR),
            LayerNode.of("block", Conv(values(3, 1, 3, 3), values(3), padding=1, groups=3)),
            LayerNode.of("join", Add(), BIPOLAR, ["block", "stem"]),
            LayerNode.of("pool", pool),
            LayerNode.of("largest", MaxPool(2), PASS_ON, ["stem"]),
            LayerNode.of("both", Concat(), PASS_ON, ["pool", "largest"]),
            LayerNode.of("hidden", Linear(values(4, 24), values(4)), BIPOLAR),
            LayerNode.of("out", Linear(values(2, 4), values(2))),
        ],
        (2, 4, 4),
    )


def is_equal(graph, x, T=400, backend="reference"):
    """Return which samples settled, and whether all their counts and drives are the quantised network's bits."""
    run, expected = graph.run(x, T=T, encoding="pulse", backend=backend), quantised(graph, x, backend)
    settled = run.settled >= 0
    same = [
        np.array_equal(got[settled], value[settled])
        for layer, got, value in zip(graph, run.counts, expected.values, strict=True)
        if layer.neuron.is_spiking
    ]
    return settled, all(same) and np.array_equal(run.drive[settled], expected.drive[settled])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20))
def test_on_dyadic_numbers_what_settles_is_the_quantised_network(seed):
    rng = np.random.default_rng(seed)
    graph = graph_of(rng, lambda *shape: rng.integers(-16, 17, shape) / 16)
    assert why_inexact(graph) is None
    settled, equal = is_equal(graph, rng.integers(-16, 17, (4, 2, 4, 4)) / 16)
    assert settled.any() and equal


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from([np.float64, np.float32]))
def test_any_weights_come_onto_a_grid_on_which_it_is_exact_on_any_input(seed, dtype):
    rng = np.random.default_rng(seed)
    graph = graph_of(rng, lambda *shape: rng.normal(0, 0.4, shape).astype(dtype))
    assert why_inexact(graph) is not None
    near = on_grid(graph)
    if why_inexact(near) is not None:  # 24 digits rarely have room for weights of 20 and sums of them
        assert dtype is np.float32
        return
    for before, after in zip(graph, near, strict=True):
        for name, array in before.operation.arrays().items():
            assert np.abs(after.operation.arrays()[name] - array).max() <= 2.0**-27 * max(1, np.abs(array).max())
    settled, equal = is_equal(near, rng.normal(0, 2, (4, 2, 4, 4)))
    assert settled.any() and equal


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20))
def test_off_the_grid_a_count_differs_only_where_a_membrane_lies_on_the_edge_of_a_level(seed):
    rng = np.random.default_rng(seed)
    W, b = rng.normal(0, 0.4, (6, 8)).astype(np.float32), rng.normal(0, 0.4, 6).astype(np.float32)
    first = LayerNode.of("first", Linear(np.eye(8, dtype=np.float32)), BIPOLAR)
    graph = SNNGraph([first, LayerNode.of("second", Linear(W, b), BIPOLAR), LayerNode.of("out", Linear(W.T.copy()))])
    x = rng.uniform(-1, 6, (64, 8)).astype(np.float32)
    run, expected = graph.run(x, T=400, encoding="pulse", backend="reference"), quantised(graph, x, "reference")
    settled = run.settled >= 0
    counts = np.clip(np.floor(x + np.float32(0.5)), 0, 5)
    assert np.array_equal(run.counts[0][settled], counts[settled])
    z = counts.astype(np.float64) @ W.T.astype(np.float64) + b + 0.5
    away = np.abs(z - np.round(z)) > 1e-5
    assert away.mean() > 0.9
    assert np.array_equal(run.counts[1][settled][away[settled]], expected.values[1][settled][away[settled]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: setattr(g["join"], "neuron", Neuron("ST-BIF", 0.3, 0.5, tracer_max=5)), "no power of two"),
        (lambda g: setattr(g["join"], "neuron", Neuron("LIF", beta=0.5)), "LIF"),
        (lambda g: setattr(g["join"], "neuron", Neuron("IF", v_reset=0.0)), "IF"),
        (lambda g: setattr(g["stem"], "neuron", Neuron("ST-BIF", 1.0, 0.5, tracer_min=-5)), "below 0"),
        (lambda g: setattr(g["hidden"], "weights", g["hidden"].weights * 0.1), "too many binary places"),
        (lambda g: setattr(g["block"], "inputs", ("given",)), "input alone"),
        (lambda g: setattr(g["pool"], "operation", AvgPool((1, 3), stride=2, padding=(0, 1))), "average of 3"),
    ],
)
def test_what_may_round_is_not_certified_and_says_which_layer(change, words):
    rng = np.random.default_rng(3)
    graph = graph_of(rng, lambda *shape: rng.integers(-16, 17, shape) / 16)
    graph = SNNGraph(
        [
            LayerNode.of("given", MaxPool(1)),
            LayerNode.of("stem", Conv(np.ones((3, 2, 1, 1))), BIPOLAR),
            *graph.layers[1:],
        ],
        (2, 4, 4),
    )
    if words == "input alone":
        graph["block"].operation = Conv(np.ones((3, 2, 1, 1)))
    graph["pool"].operation = AvgPool(2)
    assert why_inexact(graph) is None
    change(graph)
    assert words in why_inexact(graph)
