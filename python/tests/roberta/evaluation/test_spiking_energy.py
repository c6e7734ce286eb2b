import contextlib
import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import RobertaConfig

from spikeport.roberta import (
    RobertaError,
    Transform,
    calibrate,
    convert_to_spiking,
    evaluate_spiking,
    explain,
    quantise,
)
from spikeport.roberta.evaluation.energy import TABLES, energy, multiply_adds, quantised_work, spiking_work
from spikeport.roberta.evaluation.evaluate import agreement_of, readers_of_values
from spikeport.roberta.evaluation.tasks import TASKS
from spikeport.roberta.modules.linear import UnfoldBiasLinear
from spikeport.roberta.network.signals import EMBEDDING, signals


@pytest.fixture(scope="module")
def networks(random_network, random_batch):
    quantised = quantise(random_network(num_hidden_layers=3), Transform.default(8))
    calibrate(quantised, [random_batch(i) for i in range(3)])
    return quantised, convert_to_spiking(quantised)


def test_multiply_adds_are_those_of_the_products_that_one_step_computes(networks, random_batch):
    _, spiking = networks
    counted = []
    hooks = [
        module.register_forward_hook(lambda m, inputs, _: counted.append(inputs[0][..., 0].numel() * m.weight.numel()))
        for module in spiking.modules()
        if isinstance(module, UnfoldBiasLinear)
    ]
    ids = random_batch(batch=1, tokens=7)["input_ids"]
    with torch.inference_mode():
        spiking.run(ids, timesteps=1)
    for hook in hooks:
        hook.remove()
    in_attention = 2 * (7 * 7 + 7 * 7 + 1 * 7) * spiking.config.hidden_size  # the last layer asks for one token
    assert multiply_adds(spiking.config, torch.tensor([7])).item() == sum(counted) + in_attention


def sent_by(config, tokens):
    return {signal.sender: signal for signal in signals(config, tokens)}


def transform_without(*blocks, level=8):
    """The default without the rules whose pattern is in ``blocks``."""
    data = Transform.default(level).to_dict()
    data["quantization_config"] = {
        name: rule for name, rule in data["quantization_config"].items() if name not in blocks
    }
    return Transform.from_dict(data)


LAYER = r"roberta\.encoder\.layer\.\d+\."
OUTSIDE_ATTENTION = (LAYER + r"attention\.output", LAYER + "intermediate", LAYER + "output", "classifier")


def test_a_spike_reaches_as_many_synapses_as_its_target_is_wide(networks):
    _, spiking = networks
    config, tokens = spiking.config, torch.tensor([5, 9])
    hidden, between = config.hidden_size, config.intermediate_size
    layer = "roberta.encoder.layer.{}."
    expected = {
        layer.format(0) + "attention.self.query_quantiser": tokens,
        layer.format(0) + "attention.self.key_quantiser": tokens,
        layer.format(0) + "attention.self.value_quantiser": tokens,
        layer.format(0) + "attention.self.probability_quantiser": hidden // config.num_attention_heads,
        layer.format(0) + "attention.self.context_quantiser": hidden,
        layer.format(0) + "attention.output.quantiser": between + 1,
        layer.format(0) + "intermediate.quantiser": hidden,
        layer.format(0) + "output.quantiser": 3 * hidden + 1,
        layer.format(2) + "attention.self.query_quantiser": tokens,
        layer.format(2) + "output.quantiser": hidden,
        "classifier.quantiser": config.num_labels,
    }
    found = sent_by(config, tokens)
    assert found.keys() - {EMBEDDING} == spiking.neurons().keys()
    for name, targets in expected.items():
        assert torch.equal(found[name].fan_out, torch.as_tensor(targets).expand(2)), name
        assert torch.equal(found[name].first_fan_out, torch.as_tensor(targets).expand(2)), name


def test_the_last_layer_is_charged_for_the_queries_of_the_first_token_alone(networks):
    config, tokens = networks[1].config, torch.tensor([5, 9])
    hidden, found = config.hidden_size, sent_by(networks[1].config, tokens)
    last = "roberta.encoder.layer.2.attention.self."
    assert found[last + "key_quantiser"].fan_out.tolist() == [1, 1]
    assert found[last + "value_quantiser"].fan_out.tolist() == [1, 1]
    before = found["roberta.encoder.layer.1.output.quantiser"]
    assert before.fan_out.tolist() == [2 * hidden] * 2
    assert before.first_fan_out.tolist() == [3 * hidden + 1] * 2
    spikes, of_first = torch.tensor([10, 10]), torch.tensor([0, 4])
    assert before.operations(spikes, of_first).tolist() == [20 * hidden, 20 * hidden + 4 * (hidden + 1)]


@given(
    st.integers(1, 3),
    st.lists(st.integers(1, 30), min_size=1, max_size=3),
    st.data(),
)
def test_products_of_all_signals_are_the_multiply_adds_of_the_quantised_network(layers, lengths, data):
    heads = data.draw(st.sampled_from([1, 2, 4]))
    config = RobertaConfig(hidden_size=8, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=12)
    tokens = torch.tensor(lengths)
    other_side = (".key_quantiser", ".probability_quantiser")  # each product of attention has two operands
    once = sum(s.products for s in signals(config, tokens) if not s.sender.endswith(other_side))
    residuals = quantised_work(config, tokens, ())["products"].multiply_adds - multiply_adds(config, tokens)
    assert torch.equal(once, multiply_adds(config, tokens) + residuals)
    assert torch.equal(residuals, (2 * 8 * (tokens * (layers - 1) + 1)).double())


def test_the_first_tokens_spikes_are_those_of_a_run_that_is_counted_by_hand(networks, random_batch):
    _, spiking = networks
    name = "roberta.encoder.layer.1.output.quantiser"
    seen = []
    hook = spiking.neurons()[name].register_forward_hook(lambda m, *_: seen.append(m.activity.clone()))
    with torch.inference_mode():
        run = spiking.run(random_batch(batch=2)["input_ids"], timesteps=12)
    hook.remove()
    counted = torch.cat([activity.sum(0) for activity in seen])
    assert len(counted) % 2 == 0
    by_token = sum(counted.split(2))
    assert torch.equal(run.first_spikes[name], by_token[:, 0].long())
    assert torch.equal(run.spikes[name], by_token.sum(1).long())
    assert torch.equal(run.first_spikes["classifier.quantiser"], run.spikes["classifier.quantiser"])


def evaluated(quantised, random_batch, **options):
    samples = [{"input_ids": row} for row in random_batch(batch=3)["input_ids"].tolist()]
    return evaluate_spiking(convert_to_spiking(quantised), quantised, samples, [0, 1, 1], TASKS["sst2"], **options)


def test_energy_is_what_each_kind_of_work_costs_and_stands_beside_the_score(networks, random_batch):
    figures = evaluated(networks[0], random_batch).figures
    joule = figures["energy"]
    additions = sum(layer["synaptic_operations"] for layer in figures["layers"])
    assert joule["spiking_parts"]["synaptic operations"] == pytest.approx(additions * 0.9e-6)
    entering = 9 * (3 * 16 * 16 + 16)
    assert joule["spiking_parts"]["values"] == pytest.approx(entering * 4.6e-6)
    assert joule["spiking_parts"]["neurons"] > 0
    assert joule["spiking_parts"]["functions"] > joule["quantised_parts"]["functions"] > 0
    for network in ("spiking", "quantised"):
        assert joule[f"{network}_microjoule"] == pytest.approx(sum(joule[f"{network}_parts"].values()))
    assert joule["ratio"] == pytest.approx(joule["spiking_microjoule"] / joule["quantised_microjoule"])
    assert [row["costs"] for row in joule["tables"]] == list(TABLES)
    assert joule["tables"][0]["ratio"] == joule["ratio"]
    assert joule["score"] == {
        "name": "accuracy",
        "spiking": figures["metrics"]["accuracy"],
        "quantised": figures["quantised_metrics"]["accuracy"],
    }


def test_neurons_are_charged_for_every_step_that_a_sentence_takes_to_settle(networks, random_batch):
    figures = evaluated(networks[0], random_batch).figures
    config, tokens = networks[1].config, torch.tensor([9])
    neurons = sum(int(s.values) for s in signals(config, tokens) if s.sender != EMBEDDING)
    steps = figures["settling"]["mean"]
    assert figures["energy"]["spiking_parts"]["neurons"] == pytest.approx(neurons * steps * 2 * 0.9e-6)


@given(st.integers(1, 3), st.integers(1, 12), st.integers(1, 70), st.integers(1, 3), st.data())
def test_with_the_same_steps_a_network_of_which_less_spikes_never_costs_less(layers, length, steps, labels, data):
    config = RobertaConfig(
        hidden_size=8, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=12, num_labels=labels
    )
    tokens, T = torch.tensor([length]), torch.tensor([steps])
    possible = {s.sender: s for s in signals(config, tokens) if s.sender != EMBEDDING}
    spikes, first = {}, {}
    for name, signal in possible.items():  # a neuron sends a spike a step at most
        spikes[name] = torch.tensor([data.draw(st.integers(0, int(signal.values) * steps))])
        first[name] = spikes[name].clamp(max=min(signal.width, int(signal.values)) * steps)
    fewer = data.draw(st.sets(st.sampled_from(sorted(possible))))
    kept = {name: count for name, count in spikes.items() if name not in fewer}
    quantised = quantised_work(config, tokens, possible)
    rows = [energy(spiking_work(config, tokens, T, s, first), quantised)["tables"] for s in (spikes, kept)]
    for all_spike, less in zip(*rows, strict=True):
        assert less["spiking_microjoule"] >= all_spike["spiking_microjoule"], all_spike["costs"]


def test_leaving_quantisers_out_of_the_transform_raises_the_energy_and_names_what_values_enter(
    random_network, random_batch
):
    costs, named = [], []
    for missing in range(len(OUTSIDE_ATTENTION) + 1):
        quantised = quantise(random_network(), transform_without(*OUTSIDE_ATTENTION[:missing]))
        calibrate(quantised, [random_batch(i) for i in range(3)])
        evaluation = evaluated(quantised, random_batch, timesteps=6)  # none settles
        costs.append(evaluation.figures["energy"]["spiking_microjoule"])
        named.append(readers_of_values(evaluation.figures))
        assert evaluation.certificate.details["fed_by_values"] == named[-1]
    assert costs == sorted(costs)
    layer = "roberta.encoder.layer."
    assert named[0] == []
    assert named[1] == [f"{layer}{i}.{part}" for i in (0, 1) for part in ("intermediate.dense", "output")]
    assert "classifier.out_proj" in named[4]
    assert f"{layer}1.attention.self.query" in named[3]
    assert "classifier.dense" in named[3]


def test_explain_says_which_layers_values_enter(random_network):
    config = random_network().config
    whole = [row.name for row in explain(config, Transform.default(8)) if "values" in row.spiking]
    assert whole == []
    rows = {row.name: row.spiking for row in explain(config, transform_without(OUTSIDE_ATTENTION[1]))}
    fed = [name for name, spiking in rows.items() if spiking.endswith("fed by values at every step")]
    assert fed == [f"roberta.encoder.layer.{i}.output.dense" for i in (0, 1)]


def test_the_evaluation_is_the_same_however_many_processes_share_it(networks, random_batch):
    quantised, spiking = networks
    batch = random_batch(batch=7)
    samples = [
        {"input_ids": row[: int(mask.sum())].tolist()}
        for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]
    labels = [0, 1, 0, 1, 1, 0, 1]

    def evaluate(processes):
        parts = []

        def gather(mine):
            parts.append(mine)
            if len(parts) < processes:
                raise InterruptedError  # a process of its own would wait here for the others
            return [result for part in parts for result in part]

        for process in range(processes):
            arguments = {"batch_size": 2, "process": process, "processes": processes, "gather": gather}
            with contextlib.suppress(InterruptedError):
                result = evaluate_spiking(spiking, quantised, samples, labels, TASKS["sst2"], **arguments)
        return {name: value for name, value in result.figures.items() if name != "seconds"}

    assert evaluate(3) == evaluate(1)


def test_networks_that_answer_nan_never_agree(networks, random_batch):
    quantised = copy.deepcopy(networks[0])
    with torch.no_grad():
        quantised.classifier.quantiser.scale.fill_(float("nan"))
    with pytest.raises(RobertaError, match="are not finite"):
        evaluated(quantised, random_batch)
    for ours, theirs in ((np.nan, 0.0), (0.0, np.nan), (np.nan, np.nan), (np.inf, np.inf)):
        spiking_logits, quantised_logits = np.zeros((3, 2)), np.zeros((3, 2))
        spiking_logits[1], quantised_logits[1] = ours, theirs
        with pytest.raises(RobertaError, match="not finite for 1 of 3 sentences, the first of them number 1"):
            agreement_of(spiking_logits, quantised_logits, TASKS["sst2"], 1e-4)


def test_sentences_that_do_not_agree_are_counted_and_named(networks, random_batch):
    quantised, spiking = networks
    samples = [{"input_ids": row} for row in random_batch(batch=4)["input_ids"].tolist()]
    evaluation = evaluate_spiking(spiking, quantised, samples, [0, 1, 0, 1], TASKS["sst2"], timesteps=2)
    assert evaluation.figures["agreement"]["outside"] == [0, 1, 2, 3]
    assert evaluation.figures["settling"] == {"mean": None, "most": None, "unsettled": 4}
    assert "4 of 4 sentences were still moving after 2 steps" in str(evaluation.certificate)
