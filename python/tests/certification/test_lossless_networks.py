"""Lossless networks beside their trained and their quantised ones: by layer, and over the steps."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from spikeport import certify, sweep
from spikeport.conversion import QCFSActivation, convert
from spikeport.errors import ConversionError
from spikeport.neuron import Neuron

quiet = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")


@pytest.fixture(scope="module")
def lossless(torch, digits_mlp, digits):
    return convert(digits_mlp, torch.tensor(digits[0]), T=200, neuron="st_bif", levels=15)


def test_what_settled_is_exact_and_the_rest_is_clipping_and_rounding(lossless, digits_mlp, digits):
    report = certify(digits_mlp, lossless, digits[1])
    settled = report.settled
    assert settled.certificate.level == "exact" and settled.share == 1 and settled.levels == 15
    _, steps = lossless.run(digits[1], with_settled=True)
    assert settled.mean_steps == steps.mean() and settled.most_steps == steps.max()
    assert settled.steps == tuple(np.bincount(steps))
    assert report.encoding == "pulse" and report.certificate.level == "measured"
    for layer in report.layers:
        assert layer.unevenness < 1e-12 and layer.quantisation > 0 and layer.levels == 15
        assert layer.threshold == pytest.approx(1) and layer.weights < 1e-6 and layer.shift == 0
    first, second = report.layers
    assert first.inherited < 1e-6 < second.inherited


def test_the_answers_are_those_of_the_quantised_network(lossless, digits_mlp, digits, torch):
    report = certify(digits_mlp, lossless, digits[1])
    with torch.no_grad():
        logits = digits_mlp(torch.tensor(digits[1])).double().numpy()
    quantised = lossless.quantised(digits[1])
    assert report.agreement == (quantised.argmax(1) == logits.argmax(1)).mean()
    assert report.logit_error == pytest.approx(np.sqrt(np.square(quantised - logits).mean()) / logits.std(), rel=1e-6)


@quiet
def test_more_levels_lose_less_in_each_layer(torch, lossless, digits_mlp, digits):
    coarse = convert(digits_mlp, torch.tensor(digits[0]), T=200, neuron="st_bif", levels=3)
    coarse, fine = (certify(digits_mlp, snn, digits[1][:100]) for snn in (coarse, lossless))
    for one, other in zip(coarse.layers, fine.layers, strict=True):
        assert other.arrives["all"] < one.arrives["all"] and other.quantisation < one.quantisation
    assert any("levels=7" in said for said in coarse.advice)


def test_samples_that_have_not_settled_are_told_and_what_they_lack_is_unevenness(lossless, digits_mlp, digits):
    report = certify(digits_mlp, lossless, digits[1], T=3)
    assert report.settled.share == 0 and report.settled.mean_steps is None and report.settled.steps == ()
    assert max(layer.unevenness for layer in report.layers) > 0
    assert any("had not settled" in said and "T=12" in said for said in report.advice)
    assert "0.00% of the samples settled" in str(report)


@quiet
def test_a_graph_with_skips_and_pools_is_told_layer_by_layer(torch, residual):
    model, images = residual
    snn = convert(model, images, T=400, neuron="st_bif", levels=15)
    report = certify(model, snn, images)
    assert report.settled.share == 1 and report.settled.certificate.level == snn.certificate.level
    assert {layer.name for layer in report.layers} == {layer.name for layer in snn.graph if layer.neuron.is_spiking}
    assert all(layer.threshold == pytest.approx(1, rel=1e-2) for layer in report.layers)
    assert all(layer.unevenness < 1e-9 for layer in report.layers)


@quiet
def test_a_network_trained_with_the_rounding_loses_nothing(torch):
    nn = torch.nn
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Linear(6, 12), QCFSActivation(4, 2.0), nn.Linear(12, 12), QCFSActivation(7), nn.Linear(12, 3)
    )
    x = torch.rand(60, 6)
    report = certify(model.double(), convert(model, x, T=200, neuron="st_bif"), x.numpy())
    assert report.logit_error < 1e-6 and all(layer.arrives["all"] < 1e-6 for layer in report.layers)


def test_weights_off_the_grid_are_measured_and_why_is_said(lossless, digits_mlp, digits):
    off = copy.deepcopy(lossless)
    off.weights[1] = off.weights[1] * (1 + 1e-9)
    settled = certify(digits_mlp, off, digits[1][:50]).settled
    assert settled.certificate.level == "measured" and "binary places" in settled.certificate.reason


@quiet
def test_over_the_steps_samples_settle_and_the_last_answer_is_the_quantised_networks(lossless, digits_mlp, digits):
    x, y = digits[1], digits[3]
    found = sweep(lossless, x, y, T=[1, 8, 32, 200], model=digits_mlp)
    assert found.encoding == "pulse"
    shares = [point.settled for point in found.points]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    quantised = lossless.quantised(x)
    assert found[200].accuracy == (quantised.argmax(1) == y).mean()
    for T in (8, 32):
        answers, steps = lossless.run(x, T=T, with_settled=True)
        assert found[T].settled == (steps >= 0).mean()
        assert found[T].accuracy == (answers.argmax(1) == y).mean()
    assert {point.levels for point in found.points} == {15} and {point.energy.bits for point in found.points} == {4}
    assert "quantised network's answer" in found.note and "settled" in str(found)
    assert found.to_dict()["points"][-1]["settled"] == 1


def test_the_work_ends_where_a_sample_has_settled(lossless, digits):
    few = sweep(lossless, digits[1][:20], T=[200])
    many = sweep(lossless, digits[1][:20], T=[400])
    assert few.points[0].spikes == many.points[0].spikes and few.points[0].operations == many.points[0].operations
    assert few.points[0].energy.spiking == many.points[0].energy.spiking
    first = few.points[0].layers[0]
    assert first.accumulates == (0, 0)  # the image is graded, and comes once
    counted = np.count_nonzero(digits[1][:20], axis=1) @ np.ones(20) / 20
    assert first.multiply_accumulates[0] == pytest.approx(counted * lossless.graph[0].n_neurons)


def test_pages_and_data_say_it_too(lossless, digits_mlp, digits, tmp_path):
    pytest.importorskip("matplotlib")
    report = certify(digits_mlp, lossless, digits[1][:40])
    page = report.save_html(tmp_path / "a.html").read_text()
    assert "Beside the quantised network" in page and "exact" in page
    assert report.to_dict()["settled"]["certificate"]["level"] == "exact" and '"steps"' in report.to_json()
    lengths = sweep(lossless, digits[1][:40], digits[3][:40], T=[1, 200])
    assert "settled" in lengths.save_html(tmp_path / "b.html").read_text()


def test_neurons_that_do_not_settle_are_refused(lossless, digits_mlp, digits):
    other = copy.deepcopy(lossless)
    name = other.names[0]
    other.graph[name].neuron = Neuron("IF", v_init=0.5)
    with pytest.raises(ConversionError, match="ST-BIF") as caught:
        certify(digits_mlp, other, digits[1])
    assert caught.value.code == "neuron"
    other.graph[name].neuron = replace(lossless.graph[name].neuron)
    assert certify(digits_mlp, other, digits[1][:5]).settled.share == 1
