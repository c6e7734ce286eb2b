"""Laws of integer networks: what whole numbers can say stays, all else stays inside its bound, all inside 32 bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from integers.graphs import IF, dyadic, normal, residual

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.integers import quantize
from spikeport.kernels.bounds import check_network
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import AvgPool, Linear, MaxPool, SumPool

REFERENCE = {"backend": "reference"}
ST_BIF = Neuron("ST-BIF", v_init=0.5, tracer_max=7)
seeds = st.integers(0, 2**32 - 1)


def pixels(rng, count, shape, levels=15):
    return rng.integers(0, levels + 1, (count, *shape)) / levels


@given(seeds, st.sampled_from([IF, Neuron("IF", v_init=0.0), Neuron("IF", v_init=0.5, max_spikes=3), ST_BIF]))
def test_weights_that_whole_numbers_can_say_give_the_same_spikes(seed, neuron):
    rng = np.random.default_rng(seed)
    graph = SNNGraph(
        [
            LayerNode.of("hidden", Linear(dyadic(rng, 6, 5), dyadic(rng, 6, 1)[:, 0]), neuron),
            LayerNode.of("out", Linear(dyadic(rng, 3, 6)), neuron),
        ]
    )
    x = rng.integers(-3, 4, (4, 5))
    whole = quantize(graph, 8, timesteps=16, input_step=1, input_largest=3)
    before, after = graph.run(x, T=16, record=True, **REFERENCE), whole.graph.run(x, T=16, record=True, **REFERENCE)
    assert all(np.array_equal(a, b) for a, b in zip(before.spikes, after.spikes, strict=True))
    assert np.array_equal(before.drive, after.drive * whole.units.drive_step)
    assert whole.certificate.level == "bounded" and whole.certificate.bound == 0


@pytest.mark.parametrize("pool", [AvgPool, SumPool])
@given(seed=seeds)
def test_sums_and_pools_of_what_whole_numbers_can_say_give_the_same_spikes(pool, seed):
    rng = np.random.default_rng(seed)
    graph, x = residual(rng, pool=pool), np.random.default_rng(seed).integers(0, 4, (2, 2, 8, 8))
    if pool is AvgPool:
        averaged = graph["mixed"].weights[:, :4]
        averaged[:] = np.rint(averaged * 16) / 16  # a quarter of it is whole at a scale of 64, too
        graph["mixed"].weights[:, 4] = 127 / 64
    whole = quantize(graph, 8, timesteps=8, input_step=1, input_largest=3)
    before, after = graph.run(x, T=8, record=True, **REFERENCE), whole.graph.run(x, T=8, record=True, **REFERENCE)
    spikes = dict(zip([layer.name for layer in whole.graph], after.spikes, strict=True))
    for layer, expected in zip(graph, before.spikes, strict=True):
        if layer.neuron.is_spiking:
            assert np.array_equal(spikes[layer.name], expected), layer.name


neurons = st.one_of(
    st.builds(
        Neuron,
        st.just("IF"),
        threshold=st.floats(0.3, 3),
        v_init=st.sampled_from([0.0, 0.5, 0.25, 1 / 3, 0.3, -0.7, 1.5]),
        v_reset=st.one_of(st.none(), st.floats(-1, 0.2)),
    ),
    st.builds(Neuron, st.just("IF"), threshold=st.floats(0.3, 3), v_init=st.just(0.5), max_spikes=st.integers(1, 127)),
    st.builds(Neuron, st.just("ST-BIF"), threshold=st.floats(0.3, 3), v_init=st.just(0.5)),
)


@given(seeds, neurons, st.sampled_from([8, 16]), st.sampled_from([1, 16, 256]), st.sampled_from([AvgPool, MaxPool]))
def test_a_run_at_the_bounds_is_not_refused(seed, neuron, bits, timesteps, pool):
    rng = np.random.default_rng(seed)
    graph = residual(rng, normal, neuron, pool)
    whole = quantize(graph, bits, rng.normal(size=(5, 2, 8, 8)), timesteps, T=1, **REFERENCE)
    check_network(whole.graph.network("reference").placed, timesteps, whole.units.input.largest)
    arrays = [array for layer in whole.graph for array in layer.operation.arrays().values()]
    assert {array.dtype.name for array in arrays} <= {f"int{bits}", "int32"}


@given(seeds, neurons, st.sampled_from([8, 16]))
def test_no_current_is_further_off_than_its_layer_says(seed, neuron, bits):
    rng = np.random.default_rng(seed)
    real = LayerNode.of("layer", Linear(normal(rng, 6, 9), normal(rng, 6, 1)[:, 0]), neuron)
    out = LayerNode.of("out", Linear(normal(rng, 2, 6)))
    graph = SNNGraph([real, out])
    found = quantize(graph, bits, timesteps=64, input_step=0.5, input_largest=20)
    p = rng.integers(-20, 21, (1, 50, 9))
    whole = found.graph["layer"]
    scale = np.asarray(whole.neuron.threshold) / neuron.threshold
    off = np.abs(whole.operation.currents(p) / scale - real.operation.currents(p / 2)) / neuron.threshold
    said = found.certificate.details["layers"]["layer"]["shift"]
    assert off.max() <= said * (1 + 1e-9) + 1e-12
    assert said <= found.certificate.bound < (0.5 if bits == 8 else 0.01) * 9 * 20 / min(1, neuron.threshold)


@given(seeds, st.sampled_from([8, 16]))
def test_real_and_whole_network_answer_alike(seed, bits):
    rng = np.random.default_rng(seed)
    graph, x = residual(rng, normal), pixels(rng, 40, (2, 8, 8))
    found = quantize(graph, bits, x, 64, T=64, **REFERENCE)
    drive = found.drive(x, T=64, **REFERENCE)
    real = graph.run(x, T=64, **REFERENCE).drive
    assert np.abs(drive - real).mean() < (0.2 if bits == 8 else 0.02) * real.std()


def test_without_neurons_whole_numbers_are_what_they_stand_for():
    rng = np.random.default_rng(3)
    layers = [
        LayerNode.of(f"layer_{n}", Linear(normal(rng, m, n), normal(rng, m, 1)[:, 0])) for n, m in ((9, 8), (8, 5))
    ]
    graph, x = SNNGraph(layers), pixels(rng, 20, (9,))
    found = quantize(graph, 16, x, 1, T=1, **REFERENCE)
    real = graph.run(x, T=1, **REFERENCE).drive
    assert np.abs(found.drive(x, T=1, **REFERENCE) - real).max() < 0.001 * real.std()
    with pytest.raises(GraphError, match="fold them") as caught:  # four layers of weights, and sums between them
        quantize(residual(rng, normal, PASS_ON), 16, pixels(rng, 20, (2, 8, 8)), 256, T=1, **REFERENCE)
    assert caught.value.code == "bits"
