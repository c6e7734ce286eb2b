"""What `quantize` does with the parts of a graph, what it says of it, and what it refuses."""

from itertools import pairwise

import numpy as np
import pytest
from integers.graphs import IF, normal, residual

from spikeport.errors import GraphError, KernelError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.integers import InputStep, quantize
from spikeport.integers.inputs.grids import exact_step
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Conv, Linear

REFERENCE = {"backend": "reference"}
FED = {"input_step": 1, "input_largest": 1}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def chain(rng, *widths, neuron=IF):
    layers = [
        LayerNode.of(f"layer_{k}", Linear(normal(rng, m, n), normal(rng, m, 1)[:, 0] / 9), neuron)
        for k, (n, m) in enumerate(pairwise(widths))
    ]
    return SNNGraph(layers)


# Inputs


@pytest.mark.parametrize(("levels", "largest"), [(255, 255), (16, 31), (1, 1), (200, 255)])
def test_an_image_is_exact(rng, levels, largest):
    x = (rng.integers(0, levels + 1, (50, 30)) / levels * 3).astype(np.float32)
    x[0, :2] = 3, 3 / levels
    found = exact_step(x)
    assert found.exact and found.largest == largest and found.step == pytest.approx(3 / levels, rel=1e-6)
    assert np.array_equal(found.whole(x), np.rint(x * levels / 3))


def test_values_of_many_sizes_have_a_measured_step_and_room_beyond_them(rng):
    x = rng.normal(size=(100, 6))
    assert exact_step(x) is None
    eight, sixteen = (quantize(chain(rng, 6, 4, 3), bits, x, **REFERENCE).units.input for bits in (8, 16))
    assert not eight.exact and np.abs(eight.whole(x)).max() == 127 and eight.largest == 159
    assert np.abs(sixteen.whole(x)).max() > 2 * 127
    positive = quantize(chain(rng, 6, 4, 3), 8, np.abs(x), **REFERENCE).units.input
    assert positive.whole(np.abs(x)).max() == 255


def test_data_of_zeros_alone_are_whole_numbers_too(rng):
    found = quantize(chain(rng, 6, 4, 3), 8, np.zeros((3, 6)), **REFERENCE)
    assert not found.whole(np.zeros((3, 6))).any() and found.certificate.agreement == 1


def test_inputs_that_are_no_numbers_or_too_large_are_refused():
    step = InputStep(0.5, 10)
    assert step.whole([0.76, -1.0]).tolist() == [2, -2] and step.off([0.6]) == pytest.approx(0.2)
    for value, code in ((np.nan, "non_finite"), (np.inf, "non_finite"), (2.0**31, "overflow")):
        with pytest.raises(GraphError) as caught:
            step.whole([value])
        assert caught.value.code == code


def test_an_input_beyond_the_bound_is_refused_by_the_run_not_wrapped(rng):
    found = quantize(chain(rng, 6, 4, 3), 16, timesteps=256, input_step=1, input_largest=255)
    with pytest.raises(KernelError) as caught:
        found.graph.run(np.full((1, 6), 255 * 40000), T=256, **REFERENCE)
    assert caught.value.code == "overflow"


# Parts


def test_an_average_becomes_a_sum_and_its_division_goes_into_the_next_weights(rng):
    graph = SNNGraph(
        [LayerNode.of("pool", AvgPool(2)), LayerNode.of("out", Linear(rng.normal(size=(3, 8))))], input_shape=(2, 4, 4)
    )
    found = quantize(graph, 16, input_step=1, input_largest=9, timesteps=1)
    x = rng.integers(0, 10, (5, 2, 4, 4))
    assert [layer.operation.kind for layer in found.graph] == ["sum_pool", "linear"]
    assert np.allclose(found.drive(x, T=1, **REFERENCE), graph.run(x, T=1, **REFERENCE).drive, atol=0.01)


def test_spikes_that_are_added_to_currents_are_multiplied_by_a_whole_number(rng):
    found = quantize(residual(rng, normal), 8, input_step=1, input_largest=1)
    names = [layer.name for layer in found.graph]
    assert names.index("sum.stem") == names.index("sum") - 1
    assert found.graph["sum"].inputs == ("branch", "sum.stem")
    factor, θ = found.graph["sum.stem"].weights.ravel(), np.broadcast_to(found.graph["sum"].neuron.threshold, 4)
    assert np.array_equal(factor, θ)  # a spike weighs what the threshold, which was 1, weighs now
    assert found.certificate.details["layers"]["sum"]["put_before"] == ["sum.stem"]


def test_a_factor_of_more_than_a_weight_holds_is_two(rng):
    small = Conv(normal(rng, 3, 3, 1, 1) / 1000)
    layers = [
        LayerNode.of("spikes", Conv(normal(rng, 3, 1, 1, 1)), IF),
        LayerNode.of("little", small, inputs=["spikes"]),
        LayerNode.of("sum", Add(), Neuron("IF", threshold=0.01, v_init=0.5), ["little", "spikes"]),
        LayerNode.of("out", Linear(normal(rng, 2, 12))),
    ]
    graph = SNNGraph(layers, input_shape=(1, 2, 2))
    x = rng.integers(0, 2, (200, 1, 2, 2))
    found = quantize(graph, 8, x, 64, T=64, **REFERENCE)
    assert [layer.name for layer in found.graph if layer.name.startswith("sum.")] == ["sum.spikes.1", "sum.spikes"]
    assert found.certificate.agreement > 0.9


def test_the_output_has_one_scale_whatever_the_size_of_its_rows(rng):
    W = rng.normal(size=(4, 9)) * np.array([[1], [0.1], [10], [0.01]])
    for neuron in (IF, Neuron("IF", threshold=np.array([1, 2.5, 0.7, 3]), v_init=0.5), Neuron("identity")):
        graph = SNNGraph([LayerNode.of("out", Linear(W), neuron)])
        x = rng.integers(0, 2, (60, 9))
        found = quantize(graph, 16, timesteps=4, **FED)
        assert np.allclose(found.drive(x, T=4, **REFERENCE), graph.run(x, T=4, **REFERENCE).drive, atol=0.05)


def test_rows_of_nothing_stay_rows_of_nothing(rng):
    graph = chain(rng, 6, 4, 3)
    graph["layer_0"].weights[1:] = 0
    graph["layer_0"].bias[:2] = 0
    graph["layer_1"].weights[:] = 0
    found = quantize(graph, 8, **FED)
    x = rng.integers(0, 2, (20, 6))
    before, after = (g.run(x, T=9, **REFERENCE) for g in (graph, found.graph))
    assert np.array_equal(before.counts[0][:, 1:], after.counts[0][:, 1:])
    assert not found.graph["layer_1"].weights.any()


@pytest.mark.parametrize("v_init", [0.3, 1 / 3, np.array([0.1, 0.2, 0.7, -0.4])])
def test_a_start_is_a_whole_number(rng, v_init):
    neuron = Neuron("IF", v_init=v_init)
    found = quantize(chain(rng, 6, 4, 4, neuron=neuron), 8, **FED)
    for layer in found.graph:
        start = np.asarray(layer.neuron.v_init) * np.asarray(layer.neuron.threshold)
        assert np.array_equal(start, np.rint(start))
        assert np.abs(np.asarray(layer.neuron.v_init) - v_init).max() <= 1 / np.min(layer.neuron.threshold)


def test_a_hard_reset_is_rounded_below_its_threshold(rng):
    found = quantize(chain(rng, 6, 4, 3, neuron=Neuron("IF", threshold=0.5, v_init=0.5, v_reset=0.499)), 8, **FED)
    for layer in found.graph:
        reset, θ = np.asarray(layer.neuron.v_reset), np.asarray(layer.neuron.threshold)
        assert np.array_equal(reset, np.rint(reset)) and (reset < θ).all()


# Rounding by data


def test_weights_are_rounded_by_the_data_where_that_is_better_on_other_data(rng):
    mixed = rng.normal(size=(4, 24))  # 24 inputs that say the same four things
    x = np.clip(np.rint(rng.normal(size=(400, 4)) @ mixed * 40 + 128), 0, 255) / 255
    graph = chain(rng, 24, 12, 5)
    found = quantize(graph, 8, x, 32, **REFERENCE)
    said = found.certificate.details["layers"]["layer_0"]
    assert said["by_data"] > 0.5 and said["error"] < 0.7 * said["error_plain"]
    assert found.certificate.level == "measured" and found.certificate.samples == 200
    few = quantize(graph, 8, x[:20], 32, **REFERENCE)
    assert "by_data" not in few.certificate.details["layers"]["layer_0"] and few.certificate.samples == 20


def test_weights_that_were_pruned_stay_0(rng):
    graph = chain(rng, 24, 12, 5)
    graph["layer_0"].weights[rng.random((12, 24)) < 0.8] = 0
    found = quantize(graph, 8, rng.integers(0, 256, (200, 24)) / 255, 32, **REFERENCE)
    assert found.certificate.details["layers"]["layer_0"]["by_data"] > 0
    assert not found.graph["layer_0"].weights[graph["layer_0"].weights == 0].any()


def test_measured_rates_stay_with_their_layers(rng):
    graph = chain(rng, 6, 4, 3)
    graph["layer_0"].firing_rates = np.arange(4) / 8
    assert np.array_equal(quantize(graph, 8, **FED).graph["layer_0"].firing_rates, np.arange(4) / 8)


# Refusals


def test_a_layer_that_is_called_as_the_input_is_refused(rng):
    layers = [LayerNode(name, n, m, normal(rng, m, n), "IF") for name, n, m in (("input", 6, 4), ("b", 4, 3))]
    with pytest.raises(GraphError) as caught:
        quantize(SNNGraph(layers), 16, **FED)
    assert caught.value.code == "name"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"bits": 4}, "bits"),
        ({"timesteps": 0}, "timesteps"),
        ({"timesteps": 4, "T": 5}, "timesteps"),
        ({"encoding": "poisson"}, "encoding"),
        ({"input_step": None}, "input_step"),
        ({"input_largest": None}, "input_step"),
        ({"input_step": 0.0}, "input_step"),
        ({"input_largest": 0.5}, "input_step"),
        ({"data": np.zeros((3, 5))}, "shape"),
        ({"data": np.full((3, 6), np.nan)}, "non_finite"),
    ],
)
def test_what_cannot_be_is_refused(rng, given, code):
    with pytest.raises(GraphError) as caught:
        quantize(chain(rng, 6, 4, 3), **{**FED, **given})
    assert caught.value.code == code


def test_neurons_that_leak_and_graphs_of_integers_are_refused(rng):
    with pytest.raises(GraphError, match="LIF") as caught:
        quantize(chain(rng, 6, 4, 3, neuron=Neuron("LIF", beta=0.9)), 8, **FED)
    assert caught.value.code == "neuron_kind"
    with pytest.raises(GraphError, match="already") as caught:
        quantize(quantize(chain(rng, 6, 4, 3), 8, **FED).graph, 8, **FED)
    assert caught.value.code == "dtype"
    with pytest.raises(GraphError, match=r"\.graph") as caught:
        quantize(quantize(chain(rng, 6, 4, 3), 8, **FED), 8, **FED)
    assert caught.value.code == "graph"


def test_weights_far_beyond_their_threshold_are_refused_with_a_way_out(rng):
    graph = chain(rng, 6, 4, 3)
    graph["layer_0"].weights[0, 0] = 200.0
    with pytest.raises(GraphError, match="bits=16") as caught:
        quantize(graph, 8, **FED)
    assert caught.value.code == "bits" and "layer_0" in str(caught.value)
    quantize(graph, 16, **FED)


def test_sums_too_long_for_32_bits_are_refused(rng):
    with pytest.raises(GraphError, match="fewer timesteps") as caught:
        quantize(chain(rng, 3000, 4, 3), 16, timesteps=10**6, input_step=1, input_largest=255)
    assert caught.value.code == "bits"
