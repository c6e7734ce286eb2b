import re
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
    RobertaModel,
)

from spikeport.roberta import (
    STBIF,
    QuantisedRobertaForSequenceClassification,
    RobertaError,
    SpikingRobertaForSequenceClassification,
    Transform,
    calibrate,
    convert_to_spiking,
    quantise,
)
from spikeport.roberta.modules.stream import Clock
from spikeport.roberta.network.quantised import check_weights
from spikeport.roberta.network.timeline import Record, plan_chunks


def pair(random_network, random_batch, level=8, seed=0, **changes):
    model = random_network(seed, **changes)
    quantised = quantise(model, Transform.default(level))
    calibrate(quantised, [random_batch(100 + i) for i in range(3)])
    return quantised, convert_to_spiking(quantised)


@given(
    st.integers(0, 1000),
    st.sampled_from([4, 5, 8, 32]),
    st.sampled_from([(1, 1), (2, 2), (3, 4)]),
    st.sampled_from([1, 2, 3]),
)
@settings(max_examples=20)
def test_once_settled_the_spiking_logits_are_the_quantised_ones(
    random_network, random_batch, seed, level, size, classes
):
    layers, heads = size
    changes = {"num_hidden_layers": layers, "num_attention_heads": heads, "num_labels": classes}
    quantised, spiking = pair(random_network, random_batch, level, seed, **changes)
    batch = random_batch(seed)
    with torch.inference_mode():
        run = spiking.run(**batch, timesteps=2000)
        expected = quantised(**batch).logits
    assert (run.settled_at >= level).all(), "a sentence did not settle"
    assert torch.allclose(run.logits, expected, rtol=0, atol=1e-9)


def test_before_it_has_settled_the_answer_is_another_one(random_network, random_batch):
    quantised, spiking = pair(random_network, random_batch)
    with torch.inference_mode():
        run = spiking.run(**random_batch(), timesteps=4)
        expected = quantised(**random_batch()).logits
    assert run.steps == 4
    assert (run.settled_at == -1).all()
    assert (run.logits - expected).abs().max() > 1e-3


@given(st.integers(1, 40))
@settings(max_examples=10)
def test_how_the_steps_are_cut_into_chunks_changes_nothing(random_network, random_batch, chunk):
    _, spiking = pair(random_network, random_batch)
    with torch.inference_mode():
        whole = spiking.run(**random_batch(), timesteps=40, early_stop=False, chunk=40)
        cut = spiking.run(**random_batch(), timesteps=40, early_stop=False, chunk=chunk)
    torch.testing.assert_close(cut.trajectory, whole.trajectory, rtol=0, atol=1e-12)
    assert torch.equal(cut.settled_at, whole.settled_at)
    assert all(torch.equal(cut.spikes[name], whole.spikes[name]) for name in whole.spikes)


def test_a_sentence_gives_the_same_alone_and_padded_in_a_batch(random_network, random_batch):
    _, spiking = pair(random_network, random_batch)
    batch = random_batch(batch=5)
    with torch.inference_mode():
        together = spiking.run(**batch)
        for i in range(5):
            length = int(batch["attention_mask"][i].sum())
            alone = spiking.run(batch["input_ids"][i : i + 1, :length])
            torch.testing.assert_close(alone.logits[0], together.logits[i], rtol=0, atol=1e-9)
            assert alone.settled_at[0] == together.settled_at[i]
            for name, count in alone.spikes.items():
                assert count[0] == together.spikes[name][i], name


def test_early_stop_ends_with_what_the_full_run_ends_with(random_network, random_batch):
    _, spiking = pair(random_network, random_batch)
    with torch.inference_mode():
        short = spiking.run(**random_batch(), chunk=4, timesteps=200)
        full = spiking.run(**random_batch(), early_stop=False, timesteps=200)
    assert short.steps < 200 == full.steps
    torch.testing.assert_close(short.logits, full.logits, rtol=0, atol=1e-12)
    assert torch.equal(short.settled_at, full.settled_at)
    assert all(torch.equal(short.spikes[name], full.spikes[name]) for name in full.spikes)


def test_groups_of_sentences_that_stop_at_different_steps_keep_their_order(random_network, random_batch, monkeypatch):
    quantised, spiking = pair(random_network, random_batch)
    monkeypatch.setattr("spikeport.roberta.network.spiking.CPU_BYTES", 1)
    batch = random_batch(batch=6)
    with torch.inference_mode():
        run = spiking.run(**batch, timesteps=200)
        expected = quantised(**batch).logits
    assert len(set(run.steps_run.tolist())) > 1
    assert run.steps == run.steps_run.max()
    torch.testing.assert_close(run.logits, expected, rtol=0, atol=1e-9)


@given(st.integers(1, 64), st.integers(1, 10**7), st.integers(1, 10**8), st.integers(1, 200), st.integers(0, 70))
def test_a_plan_covers_every_step_once_and_cuts_where_the_biases_end(batch, sentence, budget, limit, border):
    plan = plan_chunks(batch, sentence, budget, limit, border, None)
    ends = torch.tensor(list(plan.chunks())).cumsum(0).tolist()
    assert ends[-1] == limit
    assert border == 0 or border >= limit or border in ends
    assert 1 <= plan.sentences <= batch
    assert plan.sentences * plan.steps * sentence <= max(budget, sentence)


@pytest.mark.parametrize("kind", ["quantised", "spiking"])
def test_what_was_saved_gives_the_same_logits_when_loaded(random_network, random_batch, tmp_path, kind):
    model = dict(zip(("quantised", "spiking"), pair(random_network, random_batch), strict=True))[kind].float()
    model.save_pretrained(tmp_path)
    own = {
        "quantised": QuantisedRobertaForSequenceClassification,
        "spiking": SpikingRobertaForSequenceClassification,
    }[kind]
    with torch.inference_mode():
        expected = model(**random_batch()).logits
        for kind_of_loader in (own, AutoModelForSequenceClassification):
            loaded = kind_of_loader.from_pretrained(tmp_path).eval()
            assert torch.equal(loaded(**random_batch()).logits, expected)


def test_scales_that_no_file_has_begin_at_one_in_every_layer(random_network, tmp_path):
    random_network().float().save_pretrained(tmp_path)
    quantised = QuantisedRobertaForSequenceClassification.from_pretrained(tmp_path)
    assert len(quantised.quantisers()) == 17
    assert [q.scale.item() for q in quantised.quantisers().values()] == [1.0] * 17
    spiking = SpikingRobertaForSequenceClassification.from_pretrained(tmp_path)
    assert [neuron.threshold.item() for neuron in spiking.neurons().values()] == [1.0] * 17


def test_a_number_that_is_not_finite_and_a_scale_of_nought_are_found_by_name(random_network):
    quantised = quantise(random_network())
    check_weights(quantised)
    dense = quantised.roberta.encoder.layer[1].output.dense.weight
    with torch.no_grad():
        dense[0, 3] = float("nan")
    with pytest.raises(RobertaError, match=r"1 of the 512 numbers of roberta.encoder.layer.1.output.dense.weight"):
        check_weights(quantised)
    with torch.no_grad():
        dense[0, 3] = 1.0
        quantised.classifier.quantiser.scale.fill_(0.0)
    with pytest.raises(RobertaError, match=r"classifier.quantiser.scale is 0"):
        check_weights(quantised)


def test_layers_without_a_bias_are_converted_saved_and_loaded_without_one(random_network, random_batch, tmp_path):
    model = random_network()
    for layer in model.roberta.encoder.layer:
        layer.intermediate.dense.bias = None
        layer.attention.self.key.bias = None
    quantised = quantise(model, Transform.default(8))
    calibrate(quantised, [random_batch()])
    spiking = convert_to_spiking(quantised)
    spiking.save_pretrained(tmp_path)
    loaded = SpikingRobertaForSequenceClassification.from_pretrained(tmp_path, dtype=torch.float64)
    with torch.inference_mode():
        expected = quantised(**random_batch()).logits
        assert torch.allclose(spiking(**random_batch()).logits, expected, atol=1e-9)
        assert torch.allclose(loaded(**random_batch()).logits, expected, atol=1e-9)


def test_blocks_that_are_not_quantised_still_settle_on_the_same_answer(random_network, random_batch):
    data = Transform.default(8).to_dict()
    keep = r"roberta\.encoder\.layer\.\d+\.attention\.self"
    data["quantization_config"] = {"by": "regex", keep: data["quantization_config"][keep]}
    quantised = quantise(random_network(), Transform.from_dict(data))
    calibrate(quantised, [random_batch()])
    spiking = convert_to_spiking(quantised)
    assert "ReluDifference" in {type(m).__name__ for m in spiking.modules()}
    with torch.inference_mode():
        run = spiking.run(**random_batch(), timesteps=300)
        expected = quantised(**random_batch()).logits
    assert (run.settled_at > 0).all()
    assert torch.allclose(run.logits, expected, atol=1e-9)


def test_token_types_reach_the_embedding(random_network, random_batch):
    quantised, spiking = pair(random_network, random_batch, type_vocab_size=2)
    batch = random_batch()
    kinds = (torch.arange(9) > 4).long().expand(4, -1)
    with torch.inference_mode():
        expected = quantised(**batch, token_type_ids=kinds).logits
        assert torch.allclose(spiking(**batch, token_type_ids=kinds).logits, expected, atol=1e-9)
        assert not torch.allclose(spiking(**batch).logits, expected, atol=1e-3)


def test_gradients_in_the_spiking_domain_are_those_of_the_quantised_network_once_settled(random_network, random_batch):
    quantised, spiking = pair(random_network, random_batch)
    batch, labels = random_batch(batch=4), torch.tensor([0, 1, 1, 0])
    for layer in quantised.roberta.encoder.layer:  # as in the spiking network: half a level below 0 differs else
        layer.intermediate.intermediate_act_fn = torch.nn.Identity()
    quantised(**batch, labels=labels).loss.backward()
    spiking(**batch, labels=labels).loss.backward()
    ours = {name.replace(".threshold", ".scale"): p.grad for name, p in spiking.named_parameters()}
    assert ours.keys() == dict(quantised.named_parameters()).keys()
    for name, parameter in quantised.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-7, atol=1e-9, msg=name)
    assert all(ours[f"{name}.scale"] != 0 for name in quantised.quantisers())


@pytest.mark.parametrize("budget", [1, 2**13, 2**32])
def test_the_gradient_of_a_threshold_is_the_same_however_the_batch_is_cut(
    random_network, random_batch, monkeypatch, budget
):
    quantised, spiking = pair(random_network, random_batch)
    batch, labels = random_batch(batch=5), torch.tensor([0, 1, 1, 0, 1])
    quantised(**batch, labels=labels).loss.backward()
    monkeypatch.setattr("spikeport.roberta.network.spiking.CPU_BYTES", budget)
    spiking(**batch, labels=labels).loss.backward()
    neuron, quantiser = spiking.classifier.quantiser, quantised.classifier.quantiser
    torch.testing.assert_close(neuron.threshold.grad, quantiser.scale.grad, rtol=1e-7, atol=1e-9)
    monkeypatch.setattr("spikeport.roberta.network.spiking.CPU_BYTES", 2**32)
    whole = convert_to_spiking(quantised)
    whole(**batch, labels=labels).loss.backward()
    for name, other in whole.neurons().items():
        cut = spiking.neurons()[name].threshold.grad
        torch.testing.assert_close(cut, other.threshold.grad, rtol=1e-7, atol=1e-9, msg=name)


def test_dropout_plays_no_part_in_the_spiking_domain(random_network, random_batch):
    _, spiking = pair(random_network, random_batch, hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5)
    batch = random_batch()
    assert torch.equal(spiking.train()(**batch).logits, spiking.eval()(**batch).logits)


def test_calibration_needs_data(random_network):
    with pytest.raises(RobertaError, match="at least one batch"):
        calibrate(quantise(random_network()), [])


def test_calibration_moves_every_scale_and_the_quantised_network_close_to_the_float_one(random_network, random_batch):
    model = random_network()
    quantised = quantise(model)
    batch = random_batch(batch=16)
    with torch.inference_mode():
        before = (quantised(**batch).logits - model(**batch).logits).abs().mean()
    scales = calibrate(quantised, [random_batch(i) for i in range(5)])
    with torch.inference_mode():
        after = (quantised(**batch).logits - model(**batch).logits).abs().mean()
    assert set(scales) == set(quantised.quantisers())
    assert all(scale not in (0.0, 1.0) for scale in scales.values())
    assert after < before / 2


def test_calibration_is_the_same_however_the_sentences_are_batched_and_padded(random_network, random_batch):
    batch = random_batch(batch=6)
    lengths = batch["attention_mask"].sum(1).tolist()
    one_by_one = [{name: value[i : i + 1, :n] for name, value in batch.items()} for i, n in enumerate(lengths)]
    wider = {"input_ids": torch.nn.functional.pad(batch["input_ids"], (0, 7), value=1)}
    wider["attention_mask"] = torch.nn.functional.pad(batch["attention_mask"], (0, 7))
    expected = calibrate(quantise(random_network()), [batch])
    for others in (one_by_one, [wider]):
        found = calibrate(quantise(random_network()), others)
        assert found == pytest.approx(expected, rel=1e-6)


def test_scales_of_probabilities_follow_the_attention_and_not_the_length(random_network, random_batch):
    scales = []
    for sharper in (1.0, 30.0):
        model = random_network()
        with torch.no_grad():
            for layer in model.roberta.encoder.layer:
                layer.attention.self.query.weight.mul_(sharper)
        found = calibrate(quantise(model), [random_batch(batch=16)])
        scales.append(found["roberta.encoder.layer.0.attention.self.probability_quantiser"])
    assert scales[1] > scales[0]
    assert scales[1] == pytest.approx(1 / 31, rel=0.1)


def test_quantising_leaves_the_model_and_the_random_numbers_of_the_caller_alone(random_network, random_batch):
    model = random_network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    quantised = quantise(model)
    calibrate(quantised, [random_batch()])
    convert_to_spiking(quantised)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("activation", ["gelu", "silu", "gelu_new"])
def test_another_activation_than_relu_is_refused_with_the_way_out(random_network, activation):
    with pytest.raises(RobertaError, match="--relufy") as caught:
        quantise(random_network(hidden_act=activation))
    assert caught.value.code == "activation"


def test_only_a_quantised_roberta_becomes_spiking(random_network):
    with pytest.raises(RobertaError, match="quantise"):
        convert_to_spiking(random_network())
    with pytest.raises(RobertaError, match="not a RobertaForSequenceClassification"):
        quantise(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("arguments", [{"timesteps": 0}, {"timesteps": 2.5}, {"chunk": 0}, {"timesteps": True}])
def test_a_run_needs_a_whole_number_of_steps(random_network, random_batch, arguments):
    _, spiking = pair(random_network, random_batch)
    with pytest.raises(RobertaError, match="whole number above 0"):
        spiking.run(**random_batch(), **arguments)


@pytest.mark.parametrize("plain", [RobertaForSequenceClassification, RobertaModel, RobertaForMaskedLM])
def test_plain_roberta_loads_neither_network_and_the_error_names_the_class_that_does(
    random_network, random_batch, tmp_path, plain
):
    for network in pair(random_network, random_batch):
        name = type(network).__name__
        network.save_pretrained(tmp_path / name)
        with pytest.raises(KeyError, match=f"relu, in spikeport.roberta.{name}"):
            plain.from_pretrained(tmp_path / name)


def test_a_saved_config_comes_back_as_it_was(random_network, random_batch, tmp_path):
    def contents(config):
        return config.to_dict() | {"_name_or_path": None}

    for network in pair(random_network, random_batch):
        network.config.save_pretrained(tmp_path)
        for loaded in (type(network.config).from_pretrained(tmp_path), AutoConfig.from_pretrained(tmp_path)):
            assert type(loaded) is type(network.config)
            assert loaded.hidden_act == "relu"
            assert contents(loaded) == contents(network.config)
        saved = (tmp_path / "config.json").read_text()
        (tmp_path / "config.json").write_text(re.sub(r"(relu), in [^\"]*", r"\1", saved))
        assert contents(AutoConfig.from_pretrained(tmp_path)) == contents(network.config), "a plain relu does not load"


def test_neither_network_is_made_of_what_was_saved_of_the_other(random_network, random_batch, tmp_path):
    quantised, spiking = pair(random_network, random_batch)
    for saved, other in ((quantised, type(spiking)), (spiking, type(quantised))):
        saved.save_pretrained(tmp_path)
        with pytest.raises(RobertaError, match=f"this is a {type(saved).__name__}, not a {other.__name__}") as caught:
            other.from_pretrained(tmp_path)
        assert caught.value.code == "model"


AS_A_STRANGER = """
import sys
from transformers import AutoModelForSequenceClassification
for ready in (False, True):
    if ready:
        from spikeport.roberta import SpikingRobertaForSequenceClassification
    try:
        print(type(AutoModelForSequenceClassification.from_pretrained(sys.argv[1])).__name__)
    except ValueError as error:
        print(str(error).split(" but ")[1])
"""


def test_auto_classes_know_a_network_once_the_package_is_imported(random_network, random_batch, tmp_path):
    pair(random_network, random_batch)[1].save_pretrained(tmp_path)
    command = [sys.executable, "-W", "ignore", "-c", AS_A_STRANGER, tmp_path]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0].startswith("Transformers does not recognize this architecture")
    assert said[-1] == "SpikingRobertaForSequenceClassification"


@pytest.mark.parametrize(
    "ids, others, message",
    [
        (torch.zeros(5, dtype=torch.long), {}, r"shape \(batch, tokens\), not \(5,\)"),
        (torch.zeros(2, 0, dtype=torch.long), {}, r"not \(2, 0\)"),
        ([[0, 7, 2]], {}, "not list"),
        (torch.full((1, 23), 7), {}, "longer than the 22 tokens"),
        (torch.full((1, 5), 7), {"attention_mask": torch.ones(1, 4)}, r"attention_mask of shape \(1, 4\)"),
        (torch.full((1, 5), 7), {"token_type_ids": torch.zeros(5)}, r"token_type_ids of shape \(5,\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(random_network, random_batch, ids, others, message):
    _, spiking = pair(random_network, random_batch)
    with pytest.raises(RobertaError, match=message) as caught:
        spiking.run(ids, **others)
    assert caught.value.code == "samples"


def test_sentences_padded_at_the_front_or_as_long_as_can_be_settle_on_the_quantised_answer(
    random_network, random_batch
):
    quantised, spiking = pair(random_network, random_batch)
    front = {name: value.flip(1) for name, value in random_batch(batch=6).items()}
    longest = {"input_ids": torch.full((2, 22), 7), "attention_mask": torch.ones(2, 22)}
    shortest = {"input_ids": torch.tensor([[0, 2]]), "attention_mask": torch.ones(1, 2)}
    with torch.inference_mode():
        for batch in (front, longest, shortest):
            run = spiking.run(**batch, timesteps=400)
            assert (run.settled_at > 0).all()
            torch.testing.assert_close(run.logits, quantised(**batch).logits, rtol=0, atol=1e-9)


def test_a_sentence_has_not_settled_while_the_token_that_the_classifier_reads_still_moves():
    neuron = STBIF(-4, 3)
    clock = Clock()
    record = Record({"layer": neuron}, torch.tensor([[0.0, 1.0]]), unfolding_steps=1)
    for activity, settled in (([5.0, 0.0], False), ([0.0, 0.0], True)):  # padding at the front
        clock.advance(2)
        neuron.activity = torch.tensor(activity).expand(2, 1, 2)
        assert record.add(clock) is settled
    assert record.run(torch.zeros(4, 1, 2)).settled_at.tolist() == [2]
