import contextlib

import pytest
import torch

from spikeport.roberta import Transform, calibrate, convert_to_spiking, evaluate_spiking, quantise
from spikeport.roberta.evaluation.energy import ADD_PICOJOULE, MULTIPLY_ADD_PICOJOULE, fan_out, multiply_adds
from spikeport.roberta.evaluation.tasks import TASKS
from spikeport.roberta.modules.linear import UnfoldBiasLinear


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


def test_a_spike_reaches_as_many_synapses_as_its_target_is_wide(networks):
    _, spiking = networks
    config, tokens = spiking.config, torch.tensor([5, 9])
    hidden, between = config.hidden_size, config.intermediate_size
    layer = "roberta.encoder.layer.{}."
    expected = {
        layer.format(0) + "attention.self.query_quantiser": tokens,
        layer.format(0) + "attention.self.value_quantiser": tokens,
        layer.format(0) + "attention.self.probability_quantiser": hidden // config.num_attention_heads,
        layer.format(0) + "attention.self.context_quantiser": hidden,
        layer.format(0) + "attention.output.quantiser": between + 1,
        layer.format(0) + "intermediate.quantiser": hidden,
        layer.format(0) + "output.quantiser": 3 * hidden + 1,
        layer.format(2) + "output.quantiser": hidden,
        "classifier.quantiser": config.num_labels,
    }
    assert expected.keys() <= spiking.neurons().keys()
    for name, targets in expected.items():
        assert torch.equal(fan_out(name, config, tokens), torch.as_tensor(targets).expand(2)), name


def test_energy_is_the_operations_of_the_spikes_times_what_an_addition_costs(networks, random_batch):
    quantised, spiking = networks
    ids = random_batch(batch=3)["input_ids"].tolist()
    samples = [{"input_ids": row} for row in ids]
    figures = evaluate_spiking(spiking, quantised, samples, [0, 1, 1], TASKS["sst2"]).figures
    additions = sum(layer["synaptic_operations"] for layer in figures["layers"])
    entering = 9 * 3 * 16 * 16
    expected = (additions * ADD_PICOJOULE + entering * MULTIPLY_ADD_PICOJOULE) * 1e-6
    assert figures["energy"]["spiking_microjoule"] == pytest.approx(expected)
    ratio = figures["energy"]["spiking_microjoule"] / figures["energy"]["quantised_microjoule"]
    assert figures["energy"]["ratio"] == pytest.approx(ratio)


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


def test_sentences_that_do_not_agree_are_counted_and_named(networks, random_batch):
    quantised, spiking = networks
    samples = [{"input_ids": row} for row in random_batch(batch=4)["input_ids"].tolist()]
    evaluation = evaluate_spiking(spiking, quantised, samples, [0, 1, 0, 1], TASKS["sst2"], timesteps=2)
    assert evaluation.figures["agreement"]["outside"] == [0, 1, 2, 3]
    assert evaluation.figures["settling"] == {"mean": None, "most": None, "unsettled": 4}
    assert "4 of 4 sentences were still moving after 2 steps" in str(evaluation.certificate)
