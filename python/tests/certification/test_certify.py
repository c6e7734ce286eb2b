"""`certify`: each loss is found where it was made, and the parts add up."""

import copy
import json
from dataclasses import replace

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from spikeport import LayerNode, Neuron, SNNGraph, certify
from spikeport.certification.layers.losses import KINDS, losses_of
from spikeport.certification.layers.trained import TrainedNetwork
from spikeport.conversion import ConvertedSNN, QCFSActivation, convert
from spikeport.errors import ConversionError

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")


def by_name(report):
    return {layer.name: layer for layer in report.layers}


def with_threshold(snn, layer, factor):
    """Only the threshold of a layer is another: each spike takes more charge than it stands for."""
    wrong = copy.deepcopy(snn)
    wrong.thresholds[layer] = wrong.thresholds[layer] * factor
    return wrong


def with_unit(snn, layer, factor):
    """θ of a layer was taken so much larger, and all weights follow it: too few of its levels are used."""
    wrong = copy.deepcopy(snn)
    wrong.weights[layer], wrong.biases[layer] = wrong.weights[layer] / factor, wrong.biases[layer] / factor
    wrong.weights[layer + 1] = wrong.weights[layer + 1] * factor
    wrong.scales[layer] *= factor
    return wrong


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("make", [with_threshold, with_unit])
def test_a_threshold_ten_times_too_large_is_named_as_that_layers_quantisation(
    digits_snn, digits_mlp, digits, layer, make
):
    pytest.importorskip("matplotlib")
    report = certify(digits_mlp, make(digits_snn, layer, 10.0), digits[1])
    assert (report.worst.name, report.worst.worst_kind) == (f"layer_{layer}", "quantisation")
    page = report.page().html()
    assert f"Most is lost in layer_{layer}, by quantisation" in page
    assert f"layer_{layer}: its" in report.advice[0]
    assert report.logit_error > 3 * certify(digits_mlp, digits_snn, digits[1]).logit_error


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_threshold_ten_times_too_large_in_a_graph_is_named_as_that_layers_quantisation(residual, residual_snn, place):
    pytest.importorskip("matplotlib")
    model, images = residual
    wrong = copy.deepcopy(residual_snn)
    name = [layer.name for layer in wrong.graph.layers[:-1] if layer.neuron.is_spiking][place]
    wrong.thresholds[wrong.names.index(name)] *= 10.0  # of an addition and of each channel too
    report = certify(model, wrong, images)
    assert (report.worst.name, report.worst.worst_kind) == (name, "quantisation")
    assert f"Most is lost in {name}, by quantisation" in report.page().html()
    assert f"{name}: its" in report.advice[0]
    assert report.logit_error > 1.5 * certify(model, residual_snn, images).logit_error


def test_a_threshold_that_does_not_fit_the_weights_is_told_from_one_that_is_only_large(digits_snn, digits_mlp, digits):
    alone = by_name(certify(digits_mlp, with_threshold(digits_snn, 1, 10.0), digits[1]))
    whole = by_name(certify(digits_mlp, with_unit(digits_snn, 1, 10.0), digits[1]))
    assert alone["layer_1"].threshold == pytest.approx(10) and alone["layer_0"].threshold == pytest.approx(1)
    assert whole["layer_1"].threshold == pytest.approx(1)
    assert whole["layer_1"].stands_for[0] == pytest.approx(10 * digits_snn.scales[1])


def test_a_low_percentile_is_named_as_clipping(torch, digits_mlp, digits):
    snn = convert(digits_mlp, torch.tensor(digits[0]), T=64, percentile=60)
    report = certify(digits_mlp, snn, digits[1])
    assert report.worst.worst_kind == "clipping" and report.worst.clipped > 0.2
    assert any("clips" in advice for advice in report.advice)


def test_spikes_that_come_too_early_are_named_as_unevenness(torch):
    """Two channels cancel on average, but the one that adds comes first: v_init makes it so."""
    nn = torch.nn
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 2))
    with torch.no_grad():
        for parameter, values in zip(
            model.parameters(), ([[1, 0], [0, 1]], [0, 0], [[1, -1]], [0], [[1], [-1]], [0, 0]), strict=True
        ):
            parameter.copy_(torch.tensor(values, dtype=torch.float32))
    eye = np.eye(2, dtype=np.float32)
    layers = [
        LayerNode("layer_0", 2, 2, eye, "IF", bias=np.zeros(2, np.float32), v_init=np.array([0.5, 0.0])),
        LayerNode("layer_1", 2, 1, np.array([[1, -1]], np.float32), "IF", bias=np.zeros(1, np.float32), v_init=0.5),
        LayerNode("layer_2", 1, 2, np.array([[1], [-1]], np.float32), "IF", bias=np.zeros(2, np.float32), v_init=0.5),
    ]
    snn = ConvertedSNN.from_graph(SNNGraph(layers), 4)
    x = np.array([[0.5, 0.5], [0.25, 0.25]], np.float32)
    found = by_name(certify(model, snn, x))
    assert snn.graph.run(x, T=4).counts[1].tolist() == [[1], [1]]  # the mean current is 0, so it should send none
    assert found["layer_0"].unevenness == 0 and found["layer_0"].quantisation == 0
    assert certify(model, snn, x).worst.name == "layer_1" and found["layer_1"].worst_kind == "unevenness"


def test_what_can_be_said_without_loss_is_said_without_loss(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(3, 4, bias=False), QCFSActivation(8), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor(np.random.default_rng(0).integers(-4, 5, (4, 3)) / 8))
    snn = convert(model, torch.rand(20, 3), T=8, percentile=99.9)
    report = certify(model, snn, np.random.default_rng(1).integers(0, 9, (30, 3)) / 8)
    assert report.agreement == 1 and report.changed == () and report.advice == ()
    assert report.worst is None or report.worst.arrives["all"] < 1e-6
    assert all(getattr(report.layers[0], kind) < 1e-6 for kind in ("inherited", *KINDS))


def test_behind_a_single_hidden_layer_what_arrives_is_the_whole_error(torch, train, digits):
    x, x_test, y, _ = digits
    nn = torch.nn
    model = train(lambda: [nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)], x, y, epochs=3)
    report = certify(model, convert(model, torch.tensor(x), T=3, percentile=99.9), x_test)
    assert report.layers[0].unevenness == 0  # its input is constant
    assert report.layers[0].arrives["all"] == pytest.approx(report.logit_error, rel=1e-3)


counts = arrays.arrays(np.int64, (3, 4), elements=some.integers(0, 5))
reals = arrays.arrays(np.float64, (3, 4), elements=some.floats(-3, 6, width=32))


scale = some.floats(0.25, 4)


@given(counts, reals, reals, scale, scale, scale, some.sampled_from([0.0, -0.5, 1.5]))
def test_the_parts_add_up_to_the_error(fired, membrane, activation, unit, current, threshold, shift):
    layer = LayerNode("a", 2, 4, np.zeros((4, 2)), "IF", threshold=threshold, v_init=0.5)
    activation = np.maximum(activation, 0)
    given_ = np.array([unit]), np.array([current]), np.array([shift])
    found = losses_of(layer, *given_, fired, membrane, 5, activation, lambda z: np.maximum(z, 0))
    total = found.inherited + found.own["all"]
    assert shift or not found.shift.any()
    np.testing.assert_allclose(total, fired * unit / 5 - activation, atol=1e-9)
    assert (found.clipping <= 0).all() and (found.clipping[activation <= unit] == 0).all()


def test_a_graph_with_skips_and_pools_is_told_layer_by_layer(residual, residual_snn):
    model, images = residual
    report = certify(model, residual_snn, images)
    spiking = [layer.name for layer in residual_snn.graph.layers[:-1] if layer.neuron.is_spiking]
    assert [layer.name for layer in report.layers] == spiking and len(spiking) == 3
    assert report.layers[0].inherited < 1e-5 and report.layers[0].unevenness == 0
    assert all(layer.threshold == pytest.approx(1, abs=1e-3) for layer in report.layers)
    assert all(layer.weights is None or layer.weights < 1e-3 for layer in report.layers)
    long = certify(model, residual_snn, images, T=512)
    assert long.logit_error < report.logit_error / 4
    assert [layer.quantisation < 0.02 for layer in long.layers] == [True] * 3


def test_running_the_trained_network_on_from_a_layer_gives_its_own_answer(torch, residual, residual_snn):
    from spikeport.reading.torch import evaluating

    model, images = residual
    with evaluating(model):
        trained = TrainedNetwork(model, residual_snn.graph, images)
        signals = trained.signals(trained.tensor(images))
        whole = trained.answer(signals.outputs)
        for name in signals.drives:
            assert np.array_equal(trained.onward(signals, name, signals.outputs[name]), whole), name
        moved = trained.onward(signals, "first", signals.outputs["first"] + 1)
        assert not np.array_equal(moved, whole)
        np.testing.assert_allclose(whole, model(torch.tensor(images)).numpy(), atol=1e-5)


def test_the_answers_are_those_of_the_networks(digits_snn, digits_mlp, digits, torch):
    x, y = digits[1], digits[3]
    for encoding in ("current", "poisson"):
        report = certify(digits_mlp, digits_snn, x, T=3, encoding=encoding, seed=5)
        spiking = digits_snn.classify(x, T=3, encoding=encoding, seed=5)
        trained = digits_mlp(torch.tensor(x)).argmax(1).numpy()
        assert report.agreement == (spiking == trained).mean()
        assert [sample.index for sample in report.changed] == np.flatnonzero(spiking != trained).tolist()
        assert [sample.spiking for sample in report.changed] == spiking[spiking != trained].tolist()
    assert report.drawing > max(layer.arrives["all"] for layer in report.layers)
    assert "drawing the input" in report.verdict and len(y) == report.certificate.samples


def test_the_report_is_data(digits_snn, digits_mlp, digits):
    report = certify(digits_mlp, digits_snn, digits[1][:40])
    data = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert data["worst"]["layer"] == report.worst.name and len(data["layers"]) == 2
    assert data["agreement_interval"] == list(report.certificate.agreement_interval)
    assert all(layer["arrives"].keys() == {*KINDS, "all"} for layer in data["layers"])
    text = str(report)
    assert max(map(len, text.split("\n")[3:7])) <= 110 and "layer_1" in text


def test_the_model_is_left_as_it_was(digits_snn, digits_mlp, digits):
    model = copy.deepcopy(digits_mlp).train()
    certify(model, digits_snn, digits[1][:5])
    assert model.training and all(module.training for module in model)


def test_outputs_that_are_values_have_no_agreement(torch):
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    snn = convert(model, torch.rand(20, 3), T=8, percentile=99.9, classes=False)
    report = certify(model, snn, np.random.default_rng(0).random((9, 3)))
    assert report.agreement is None and report.changed == () and report.logit_error > 0
    assert "agreement" not in str(report) and report.page().html().count("Samples with another answer") == 0


def replaced(snn, neuron):
    layers = snn.graph.copy().layers
    layers[0].neuron = neuron
    return ConvertedSNN.from_graph(SNNGraph(layers), snn.T, scales=snn.scales)


@pytest.mark.parametrize(
    "change, code, word",
    [
        ({"x": np.zeros((0, 64))}, "samples", "no sample"),
        ({"x": np.zeros((3, 63))}, "shape", "give"),
        ({"x": np.full((3, 64), np.nan)}, "non_finite", "NaN"),
        ({"x": np.array([["a"] * 64])}, "dtype", "numbers"),
        ({"T": 0}, "timesteps", "at least 1"),
        ({"encoding": "morse"}, "encoding", "morse"),
        ({"distributed": True}, "distributed", "torchrun"),
        ({"snn": "digits"}, "graph", "ConvertedSNN"),
    ],
)
def test_what_cannot_be_certified_is_refused_before_any_work(digits_snn, digits_mlp, digits, change, code, word):
    given_ = {"model": digits_mlp, "snn": digits_snn, "x": digits[1][:3]} | change
    with pytest.raises(ConversionError, match=word) as caught:
        certify(given_.pop("model"), given_.pop("snn"), given_.pop("x"), **given_)
    assert caught.value.code == code


def test_another_model_and_other_neurons_are_refused_by_name(torch, digits_snn, digits_mlp, digits):
    nn, x = torch.nn, digits[1][:3]
    narrow = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 10))
    for model, word in ((narrow, "32 in the model"), (nn.Sequential(nn.Linear(64, 10)), "none of the model's")):
        with pytest.raises(ConversionError, match=word) as caught:
            certify(model, digits_snn, x)
        assert caught.value.code == "graph"
    for neuron in (Neuron("LIF", beta=0.9), Neuron("IF", v_reset=0.0)):
        with pytest.raises(ConversionError, match="layer_0 has") as caught:
            certify(digits_mlp, replaced(digits_snn, neuron), x)
        assert caught.value.code == "neuron"


def test_weights_that_were_changed_are_told(digits_snn, digits_mlp, digits):
    pruned = copy.deepcopy(digits_snn)
    W = pruned.weights[1]
    W[np.abs(W) < np.quantile(np.abs(W), 0.3)] = 0
    report = certify(digits_mlp, pruned, digits[1])
    assert by_name(report)["layer_1"].weights > 0.01 and by_name(report)["layer_0"].weights < 1e-6
    assert any("layer_1: its weights differ" in advice for advice in report.advice)


def test_biases_that_calibration_moved_are_told_from_what_is_inherited(residual, residual_snn):
    model, images = residual
    before = by_name(certify(model, residual_snn, images))
    moved = copy.deepcopy(residual_snn)
    first, branch = (moved.names.index(name) for name in ("first", "second"))
    moved.biases[first] = moved.biases[first] + np.float32(0.05)
    alone = by_name(certify(model, moved, images))["first"]
    assert alone.shift > 0.01 and alone.inherited == pytest.approx(before["first"].inherited, abs=1e-6)
    moved = copy.deepcopy(residual_snn)
    moved.biases[branch] = moved.biases[branch] - np.float32(0.05)
    assert not moved.graph["second"].neuron.is_spiking
    joined = by_name(certify(model, moved, images))["add"]
    assert joined.shift > 0.01 and joined.inherited == pytest.approx(before["add"].inherited, abs=1e-6)
    assert all(layer.shift == 0 for layer in before.values())


def test_several_spikes_a_step_are_as_many_levels_more(digits_snn, digits_mlp, digits):
    few = by_name(certify(digits_mlp, digits_snn, digits[1], T=2))
    several = with_unit(with_unit(digits_snn, 0, 0.25), 1, 0.25)
    for layer in several.graph.layers[:2]:
        layer.neuron = replace(layer.neuron, max_spikes=4)
    many = by_name(certify(digits_mlp, several, digits[1], T=2))
    for name, layer in many.items():
        assert (layer.levels, few[name].levels) == (8, 2)
        assert layer.stands_for == pytest.approx(few[name].stands_for)
        assert layer.quantisation < 0.4 * few[name].quantisation and layer.threshold == pytest.approx(1)
    assert many["layer_0"].clipping == pytest.approx(few["layer_0"].clipping)


def test_a_late_start_and_the_bias_that_makes_good_for_it_are_no_quantisation(digits_snn, digits_mlp, digits):
    late, x = copy.deepcopy(digits_snn), digits[1]
    T, name = late.T, late.names[0]
    late.biases[0] = late.biases[0] + np.float32(0.5 / T)
    late.graph[name].neuron = replace(late.graph[name].neuron, v_init=0.0)
    before, after = (by_name(certify(digits_mlp, snn, x))[name] for snn in (digits_snn, late))
    assert after.shift < 1e-4 and after.quantisation == pytest.approx(before.quantisation, rel=1e-3)


def test_weights_that_conversion_fitted_are_no_mistake_and_keep_their_unit(digits_snn, digits_mlp, digits):
    fitted, x = copy.deepcopy(digits_snn), digits[1]
    fitted.weights[1] = fitted.weights[1] * np.float32(0.9)
    assert by_name(certify(digits_mlp, fitted, x))["layer_1"].threshold == pytest.approx(1 / 0.9, rel=1e-3)
    details = {**fitted.certificate.details, "weights": "ridge 0.03"}
    fitted.certificate = replace(fitted.certificate, details=details)
    report = certify(digits_mlp, fitted, x)
    found = by_name(report)["layer_1"]
    assert found.threshold == pytest.approx(1) and found.inherited > 0.01
    assert not any("layer_1: its" in advice for advice in report.advice)
