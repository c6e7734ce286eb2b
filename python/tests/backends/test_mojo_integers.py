"""Integers in the Mojo backend: the reference's numbers and refusals, whole or in parts, and no bound asked twice."""

import numpy as np
import pytest
from bits import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from mojo_here import MOJO

from spikeport.backends import get_backend, parts
from spikeport.errors import KernelError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.operations import Add, Concat, Conv, Linear, MaxPool, SumPool

REFERENCE = get_backend("reference")
LARGEST = 2**31 - 1

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
weights = st.sampled_from([np.int8, np.int16])
encodings = pytest.mark.parametrize("encoding", ["current", "spikes", "pulse"])


def whole(random, shape, high, dtype=np.int32):
    return random.integers(-high, high + 1, shape, np.int64).astype(dtype)


def assert_agree(call):
    assert_same_bits(call(MOJO), call(REFERENCE))


def even(random, n):
    """Thresholds of which the half is a whole number: one for all, or one for each."""
    return 2.0 * random.integers(1, 30, n if random.integers(2) else ())


@given(seeds, st.sampled_from([(0, 3), (4, 0), (5, 1), (3, 2, 4), (9, 77)]), st.booleans(), st.sampled_from([1, 3]))
@settings(max_examples=80, deadline=None)
def test_integrate_and_fire_gives_the_same_numbers(random, shape, constant, most):
    I, threshold = whole(random, shape, 40), even(random, shape[-1])
    reset = None if most > 1 or random.integers(2) else whole(random, shape[-1], 9) - 8.0
    given = {"threshold": threshold, "v_init": 0.5, "v_reset": reset, "max_spikes": most}
    if constant:
        assert_agree(lambda backend: backend.if_constant(I, timesteps=7, **given))
    else:
        assert_agree(lambda backend: backend.if_multistep(I, **given))


@given(seeds, st.sampled_from([(0, 3), (4, 0), (5, 1), (3, 2, 4), (9, 77)]), st.integers(-3, 0))
@settings(max_examples=60, deadline=None)
def test_st_bif_gives_the_same_numbers(random, shape, lowest):
    I, threshold = whole(random, shape, 40), even(random, shape[-1])
    given = {"threshold": threshold, "v_init": 0.5, "tracer_min": lowest, "tracer_max": 4}
    assert_agree(lambda backend: backend.st_bif_multistep(I, **given))


def residual(random, dtype):
    """Every operation that integers have, on (1, 8, 8): graded values and spikes, one a step and several."""

    def conv(out, channels, kernel, **window):
        return Conv(whole(random, (out, channels, *kernel), 90, dtype), whole(random, out, 300), **window)

    several = Neuron("IF", 2.0 * random.integers(20, 300, 5), 0.5, max_spikes=5)
    return [
        LayerNode.of("sum", SumPool(2)),
        LayerNode.of("largest", MaxPool(2, stride=1), inputs=["input"]),
        LayerNode.of("first", conv(5, 1, (3, 3), padding=1), several, ["sum"]),
        LayerNode.of("second", conv(5, 1, (1, 1), stride=2), Neuron("IF", 8.0, v_reset=-3.0), ["largest"]),
        LayerNode.of("join", Add(), Neuron("ST-BIF", 2.0, 0.5, tracer_min=-2), ["first", "second"]),
        LayerNode.of("all", Concat(), inputs=["join", "sum", "first"]),
        LayerNode.of("out", Linear(whole(random, (4, 11 * 16), 9, dtype)), Neuron("IF", 6.0, 0.5)),
    ]


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
@encodings
def test_a_residual_network_gives_the_same_numbers_whole_and_in_parts(monkeypatch, encoding, dtype):
    random = np.random.default_rng(5)
    nodes = residual(random, dtype)
    x = whole(random, (6, 3, 1, 8, 8) if encoding == "spikes" else (3, 1, 8, 8), 9)
    options = {"timesteps": 6, "encoding": encoding, "record": True, "input_shape": (1, 8, 8)}
    expected = REFERENCE.network_run(nodes, x, **options)
    assert_same_bits(MOJO.network_run(nodes, x, **options), expected)
    monkeypatch.setattr(parts, "OPERATIONS_AT_ONCE", 40)
    assert_same_bits(MOJO.network_run(nodes, x, **options), expected)
    monkeypatch.setattr("spikeport.backends.network.VALUES_AT_ONCE", 200)
    assert_same_bits(MOJO.network_run(nodes, x, **options), expected)
    assert expected.drive.dtype == np.int32 and expected.drive.any()


@given(seeds, weights, st.sampled_from(["current", "spikes", "pulse"]))
@settings(max_examples=40, deadline=None)
def test_layers_of_any_width_give_the_same_numbers(random, dtype, encoding):
    widths = [int(n) for n in random.choice([1, 3, 63, 64, 65, 130], 3)]
    kinds = [Neuron("IF", 40.0, 0.5), Neuron("ST-BIF", 40.0, 0.5), Neuron("identity")]
    nodes = [
        LayerNode.of(str(k), Linear(whole(random, (n_out, n_in), 40, dtype), whole(random, n_out, 99)), neuron)
        for k, (n_in, n_out, neuron) in enumerate(zip(widths, widths[1:], random.choice(kinds, 2), strict=False))
    ]
    x = whole(random, (5, 4, widths[0]) if encoding == "spikes" else (4, widths[0]), 9)
    assert_agree(lambda backend: backend.network_run(nodes, x, timesteps=5, encoding=encoding, record=True))
    assert_agree(lambda backend: backend.layer_forward(x.reshape(-1, 4, widths[0]), nodes[0].weights, None, kinds[0]))


def test_a_large_batch_is_not_taken_for_many_steps():
    """What neurons of steady currents could reach hangs on the steps, not on the samples."""
    for neuron in (Neuron("ST-BIF", 2.0, 0.5), Neuron("IF", 2.0, 0.5)):
        nodes = [
            LayerNode.of("graded", Linear(np.full((1, 1), 100, np.int8))),
            LayerNode.of("spiking", Linear(np.full((1, 1), 100, np.int8)), neuron),
        ]
        x = np.full((3000, 1), 100)
        assert 3000 * x[0, 0] * 100 * 100 > LARGEST
        assert_agree(lambda backend, nodes=nodes, x=x: backend.network_run(nodes, x, timesteps=2))


@pytest.mark.parametrize("backend", [MOJO, REFERENCE], ids=["mojo", "reference"])
def test_the_largest_run_that_fits_is_exact_and_one_more_is_refused(backend):
    graph = [LayerNode.of("out", Linear(np.array([[2**14, -(2**15)]], np.int16), np.array([2**14 - 1], np.int32)))]
    x = np.array([[-(2**15) - 1, 2**15]])  # each weight counts with the larger of the two
    most = (2**14 + 2**15) * (2**15 + 1) + 2**14 - 1
    assert backend.network_run(graph, x, timesteps=1).drive[0, 0] == 2**14 - 1 - 2**14 * (2**15 + 1) - 2**30
    assert most <= LARGEST < 2 * most
    with pytest.raises(KernelError) as refused:
        backend.network_run(graph, x, timesteps=2)
    assert refused.value.code == "overflow"


def test_a_graph_of_integers_runs_by_name():
    random = np.random.default_rng(8)
    graph = SNNGraph([LayerNode.of("hidden", Linear(whole(random, (9, 6), 90, np.int8)), Neuron("IF", 64.0, 0.5))])
    x = whole(random, (3, 6), 12)
    ours, theirs = (graph.run(x, T=7, backend=backend) for backend in ("mojo", "reference"))
    assert_same_bits(ours, theirs)
    assert theirs.counts[0].any()
    with pytest.raises(KernelError) as refused:
        graph.run(x + 0.5, T=7, backend="mojo")
    assert refused.value.code == "not_whole"
