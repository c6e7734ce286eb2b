"""Calibration's second look: scales by what they cost the logits, and not by a tensor's own squared error alone."""

import pytest
import torch
from safetensors.torch import save_file

from spikeport.roberta import Transform, calibrate, convert_to_spiking, quantise
from spikeport.roberta.glue.model_loading import load_weights
from spikeport.roberta.modules.lsq import levels
from spikeport.roberta.network import calibration, logit_error
from spikeport.roberta.network.logit_error import RATIOS

HEAD = "classifier.quantiser"


@pytest.fixture
def by_own_error(monkeypatch):
    """A function (model, batches, level) -> it quantised, each scale by its tensor's own squared error, and these."""

    def calibrated(model, batches, level=32):
        with monkeypatch.context() as patch:
            patch.setattr(calibration, "fit_scales_to_logits", lambda *_: None)
            quantised = quantise(model, Transform.default(level))
            return quantised, calibrate(quantised, batches)

    return calibrated


@pytest.fixture
def one_that_counts(random_network):
    """A network whose answer hangs on a small value of the head alone, beside many large ones."""
    model = random_network()
    with torch.no_grad():
        head = model.classifier
        head.dense.bias.zero_()
        head.dense.weight[0] *= 0.05
        head.dense.weight[1:] *= 5
        head.out_proj.weight.zero_()
        head.out_proj.weight[0, 0] = 10.0
    return model


def error_of(quantised, model, batches):
    """Return the squared error of the logits; of several, without what they share."""
    with torch.no_grad():
        moved = torch.cat([quantised(**batch).logits - model(**batch).logits for batch in batches])
    return float((moved - moved.mean(1, keepdim=True) if moved.shape[1] > 1 else moved).square().sum())


def test_the_scale_of_the_head_is_the_best_of_those_tried_one_by_one(one_that_counts, random_batch, by_own_error):
    batch = random_batch(1, batch=40)
    _, before = by_own_error(one_that_counts, batch)
    chosen = calibrate(quantise(one_that_counts), batch)[HEAD]
    alone = quantise(one_that_counts)  # the logits are linear in what the head quantises, so the law is exact there
    for name in alone.quantisers().keys() - {HEAD}:
        alone.set_submodule(name, torch.nn.Identity())
    errors = []
    for ratio in RATIOS:
        with torch.no_grad():
            alone.quantisers()[HEAD].scale.fill_(before[HEAD] * ratio)
        errors.append(error_of(alone, one_that_counts, [batch]))
    best = errors.index(min(errors))
    assert chosen == pytest.approx(before[HEAD] * RATIOS[best], rel=1e-5)
    assert errors[best] < 0.5 * errors[RATIOS.index(1)], "its own squared error would have done as well"


@pytest.mark.parametrize("level", [8, 32])
@pytest.mark.parametrize("labels", [1, 2, 3])
def test_logits_are_never_further_from_the_float_ones_than_by_each_tensors_own_error(
    random_network, random_batch, by_own_error, labels, level
):
    for seed in range(3):
        model, batches = random_network(seed, num_labels=labels), [random_batch(seed, 64)]
        by_own, _ = by_own_error(model, batches, level)
        by_logits = quantise(model, Transform.default(level))
        calibrate(by_logits, batches)
        assert error_of(by_logits, model, batches) <= error_of(by_own, model, batches) * (1 + 1e-9)


def test_scales_that_bring_the_logits_no_nearer_are_not_kept(random_network, random_batch, by_own_error, monkeypatch):
    model, batch = random_network(), random_batch(1, batch=40)
    _, before = by_own_error(model, batch)

    def worse(_, values, __):  # says that to double every scale is best
        parts = values.shape[1] if values.dim() == 4 else 1
        return torch.arange(len(RATIOS), 0, -1.0).expand(len(values), parts, -1)

    monkeypatch.setattr(logit_error, "_moved_logits", worse)
    quantised = quantise(model)
    assert calibrate(quantised, batch) == before
    assert all((factors.scale == 1).all() for factors in quantised.head_scales().values())


def test_heads_that_look_at_one_token_and_at_all_take_factors_of_their_own(random_network, random_batch, by_own_error):
    model, batch = random_network(), random_batch(1, batch=64)
    with torch.no_grad():
        for layer in model.roberta.encoder.layer:
            attention = layer.attention.self
            attention.query.weight[:8] *= 30
            attention.query.weight[8:] *= 0.1
            attention.query.bias[8:] *= 0.1
    quantised, (by_own, _) = quantise(model), by_own_error(model, batch)
    calibrate(quantised, batch)
    for factors in quantised.head_scales().values():
        one, all_of_them = factors.scale.tolist()
        assert one > all_of_them
    assert error_of(quantised, model, [batch]) < error_of(by_own, model, [batch])
    again = [factors.scale.clone() for factors in quantised.head_scales().values()]
    calibrate(quantised, batch)
    assert all(torch.equal(f.scale, old) for f, old in zip(quantised.head_scales().values(), again, strict=True))


@pytest.fixture
def with_factors(random_network, random_batch):
    """A calibrated network whose heads have factors far from 1."""
    quantised = quantise(random_network())
    calibrate(quantised, random_batch(batch=16))
    with torch.no_grad():
        for factors in quantised.head_scales().values():
            factors.scale.copy_(torch.tensor([0.37, 1.9]))
    return quantised


def test_a_factor_is_a_scale_of_its_own_for_the_head(with_factors, random_batch):
    batch, attention = random_batch(2), with_factors.roberta.encoder.layer[0].attention.self
    entering = []
    hook = attention.probability_quantiser.register_forward_hook(lambda _, given, __: entering.append(given[0]))
    attention.context_quantiser = torch.nn.Identity()
    rows = torch.randn(2, 5, 16, dtype=torch.float64)
    with torch.no_grad():
        _, found = attention(rows)
        hook.remove()
        factors = torch.tensor([0.37, 1.9]).view(-1, 1, 1)
        for head in range(2):
            plain = entering[0][:, head] * factors[head]
            scale = attention.probability_quantiser.scale * factors[head]
            expected = levels(plain, scale, 0, 31) * scale
            torch.testing.assert_close(found[:, head], expected.double(), rtol=0, atol=1e-6)
    assert with_factors(**batch).logits.isfinite().all()


def test_the_spiking_network_settles_on_factors_of_heads_and_keeps_them_in_its_file(
    with_factors, random_batch, tmp_path
):
    batch = random_batch(2)
    spiking = convert_to_spiking(with_factors)
    with torch.no_grad():
        expected = with_factors(**batch).logits
        run = spiking.run(batch["input_ids"], batch["attention_mask"])
        torch.testing.assert_close(run.logits, expected, rtol=0, atol=1e-9)
        spiking.save_pretrained(tmp_path / "snn")
        with_factors.save_pretrained(tmp_path / "quantised")
        again = type(spiking).from_pretrained(tmp_path / "snn").double().eval()
        assert torch.equal(again.run(batch["input_ids"], batch["attention_mask"]).logits, run.logits)
        loaded = type(with_factors).from_pretrained(tmp_path / "quantised").double().eval()
        assert torch.equal(loaded(**batch).logits, expected)


def test_weights_from_before_there_were_factors_load_with_factors_of_one(with_factors, tmp_path):
    weights = {k: v.clone() for k, v in with_factors.state_dict().items() if not k.endswith(".head_scales.scale")}
    save_file(weights, tmp_path / "model.safetensors")
    load_weights(with_factors, tmp_path)
    assert all((factors.scale == 1).all() for factors in with_factors.head_scales().values())


def test_where_nothing_reaches_the_logits_scales_stay(random_network, random_batch, by_own_error):
    model, batch = random_network(), random_batch()
    torch.nn.init.zeros_(model.classifier.out_proj.weight)
    _, before = by_own_error(model, batch)
    assert calibrate(quantise(model), batch) == before


def test_calibration_leaves_no_gradient_no_hook_and_every_weight_as_it_was(random_network, random_batch):
    quantised = quantise(random_network())
    quantised.classifier.dense.weight.requires_grad_(False)
    asked = {name: value.requires_grad for name, value in quantised.named_parameters()}
    weights = {name: value.clone() for name, value in quantised.state_dict().items() if not name.endswith(".scale")}
    calibrate(quantised, random_batch())
    assert {name: value.requires_grad for name, value in quantised.named_parameters()} == asked
    assert all(value.grad is None for value in quantised.parameters())
    assert not any(module._forward_hooks for module in quantised.modules())
    assert all(torch.equal(quantised.state_dict()[name], value) for name, value in weights.items())


@pytest.mark.parametrize("built_outside", [True, False])
def test_calibration_in_inference_mode_gives_the_same_scales(random_network, random_batch, built_outside):
    model, expected = random_network(), calibrate(quantise(random_network()), random_batch(batch=16))
    quantised = quantise(model)
    with torch.inference_mode():
        quantised = quantised if built_outside else quantise(model)
        assert calibrate(quantised, random_batch(batch=16)) == expected


def test_the_spiking_network_settles_on_these_scales_too(one_that_counts, random_batch):
    quantised, batch = quantise(one_that_counts), random_batch(2)
    calibrate(quantised, batch)
    with torch.no_grad():
        expected = quantised(**batch).logits
        run = convert_to_spiking(quantised).run(batch["input_ids"], batch["attention_mask"])
    torch.testing.assert_close(run.logits, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("labels", [2, 3, 4, 7])
def test_signs_weigh_every_difference_of_two_logits_alike(labels):
    signs = logit_error._balanced_signs(4000, labels).double()
    assert not signs.sum(1).any(), "what all logits share has a part"
    square = signs.T @ signs / len(signs)
    expected = torch.eye(labels, dtype=torch.float64) - 1 / labels
    torch.testing.assert_close(square / square.trace(), expected / expected.trace(), rtol=0, atol=0.02)
