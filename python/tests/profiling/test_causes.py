"""Causes are named before what follows from them, and a number is said only where it was tried."""

import json

import jsonschema
import numpy as np
import pytest

from spikeport.profiling import ProfilingError, SpikeProfiler, schema
from spikeport.profiling.stored import load_report

DEAD, WANTED = 0.01, 0.025


@pytest.fixture(scope="module")
def small(torch, digits, spiking):
    """A namespace: ``profiled(model, …) -> report`` of a few updates, and the first batch that it saw."""
    x, y = (torch.from_numpy(array)[:64] for array in (digits[0], digits[2]))

    def profiled(model, *, scale=1.0, lr=2e-3, updates=3, optimiser=torch.optim.Adam, told=False, watched=None):
        steps = optimiser(model.parameters(), lr=lr)
        profiler = SpikeProfiler()
        with profiler.watch(watched or model, every=1, optimizer=steps if told else None):
            for _ in range(updates):
                loss = torch.nn.functional.cross_entropy(model(scale * x), y)
                steps.zero_grad()
                loss.backward()
                steps.step()
        return profiler.report()

    return profiled, x


def first(report):
    found = report.pathologies[0]
    assert report.start_here is None or found.suggestion in report.start_here
    return found


# The learning rate: Adam's first update moves every weight that has a gradient by the learning rate itself.


@pytest.mark.parametrize("lr", [0.05, 0.1, 0.5])
def test_a_learning_rate_that_is_too_high_is_named_first_with_one_to_try(spiking, small, lr):
    found = first(small[0](spiking.network(), lr=lr, told=True))
    assert (found.category, found.severity.value) == ("learning_rate", "critical")
    assert lr / 0.08 < found.value < lr / 0.05, "weights are uniform in ±1/8: 0.072 in the mean, some pixels are black"
    assert f"from {lr:g} to {lr * WANTED / found.value:.2g}"[:-2] in found.suggestion
    assert "Tried on the first recorded batch: body.lif1 has a rate of 0." in found.suggestion


def test_without_the_optimizer_a_divisor_is_given(spiking, small):
    found = first(small[0](spiking.network(), lr=0.5))
    assert found.category == "learning_rate"
    assert f"Divide the learning rate by {float(f'{found.value / WANTED:.2g}'):g}," in found.suggestion


def test_a_learning_rate_with_the_divisor_applied_is_well(spiking, small):
    divisor = small[0](spiking.network(), lr=0.5).layer_stats["body.lif1"].update.divisor
    assert "learning_rate" not in {p.category for p in small[0](spiking.network(), lr=0.5 / divisor).pathologies}


def test_weights_that_begin_at_zero_are_not_torn_away_from_it(spiking, small):
    model = spiking.network()
    model.body.fc2.weight.data.zero_()
    assert "learning_rate" not in {p.category for p in small[0](model).pathologies}


def test_weights_that_do_not_move_are_no_update(spiking, small):
    stats = small[0](spiking.network(), lr=0.0).layer_stats
    assert all(layer.update is None for layer in stats.values())


def test_no_number_is_said_for_a_rate_that_rises_late(spiking, torch):
    model, profiler = spiking.network(), SpikeProfiler()
    with profiler.watch(model, every=1):
        for share in (1e-3, 1e-3, 5.0):
            model(torch.rand(8, 64)).sum().backward()
            model.body.fc1.weight.data += share * model.body.fc1.weight.data.abs()
    found = next(p for p in profiler.report().pathologies if p.category == "learning_rate")
    assert (found.layer, found.first_step) == ("body.lif1", 2) and found.value == pytest.approx(5)
    assert found.suggestion.startswith("Lower the learning rate, and") and "Tried" not in found.suggestion


def test_an_optimizer_that_is_none_is_refused(spiking):
    with pytest.raises(ProfilingError, match="param_groups"):
        SpikeProfiler().watch(spiking.network(), optimizer="adam")


# The input's scale


@pytest.mark.parametrize(("scale", "word"), [(1 / 255, "small"), (255.0, "large")])
def test_an_input_of_another_scale_is_named_first_with_the_factor_that_undoes_it(spiking, small, scale, word):
    report = small[0](spiking.network(), scale=scale)
    found = first(report)
    assert (found.category, found.layer) == ("input_scale", "body.lif1") and f"too {word}" in found.message
    assert report.layer_stats["body.lif1"].entry.factor * scale == pytest.approx(1, rel=0.01)
    assert "255" in found.suggestion and "Tried on the first recorded batch: body.lif1 has" in found.suggestion


def test_the_rates_that_are_said_are_those_that_the_factor_gives(spiking, small, torch):
    profiled, x = small
    model = spiking.network()
    entry = profiled(model, scale=1 / 255, lr=0.0).layer_stats["body.lif1"].entry
    with torch.no_grad():
        model(entry.factor * (x / 255))
    for name, rate in entry.rates.items():
        assert float(model.rates[name.removeprefix("body.")].mean()) == pytest.approx(rate, abs=1e-3)


def test_a_small_input_that_the_weights_make_up_for_is_well(spiking, small):
    model = spiking.network()
    model.body.fc1.weight.data *= 255
    assert "input_scale" not in {p.category for p in small[0](model, scale=1 / 255, lr=1e-4).pathologies}


def test_large_weights_are_not_taken_for_a_large_input(spiking, small):
    model = spiking.network()
    model.body.fc1.weight.data *= 255
    assert "input_scale" not in {p.category for p in small[0](model, lr=1e-4).pathologies}


def test_no_factor_is_said_for_neurons_that_cannot_be_run(spiking, small, torch):
    class Adapting(torch.nn.Module):
        """Each spike raises the threshold, and a filter stands between the current and the membrane."""

        spike_layout, threshold = "TB", 1.0

        def __init__(self):
            super().__init__()
            self.on_membrane = None

        def forward(self, currents):
            v = synapse = torch.zeros_like(currents[0])
            spikes = []
            for current in currents:
                synapse = 0.7 * synapse + current
                v = 0.9 * v + synapse
                if self.on_membrane is not None:
                    self.on_membrane(v)
                spikes.append(torch.sigmoid(5 * (v - 1)) + ((v > 1).float() - torch.sigmoid(5 * (v - 1))).detach())
            return torch.stack(spikes)

    model = spiking.network()
    model.body.lif1 = Adapting()
    found = next(p for p in small[0](model, scale=1 / 255).pathologies if p.category == "input_scale")
    assert "No factor" in found.suggestion and "Multiply" not in found.suggestion


# Thresholds


def test_thresholds_that_are_said_give_the_network_the_rates_that_are_said(spiking, small, torch):
    profiled, x = small
    model = spiking.network(threshold=20.0)
    report = profiled(model, lr=0.0)
    remedies = {name: stats.remedy for name, stats in report.layer_stats.items()}
    found = first(report)
    assert found.category == "silent_network"
    each = [p for p in report.pathologies if p.category == "dead_neurons"]
    assert len(each) == 2 and all(found.suggestion == p.suggestion for p in each[:1]), "tried together, said together"
    assert f"body.lif1 to {remedies['body.lif1'].threshold:g}, body.lif2 to " in found.suggestion
    for name, remedy in remedies.items():
        getattr(model.body, name.removeprefix("body.")).threshold = remedy.threshold
    with torch.no_grad():
        model(x)
    for name, remedy in remedies.items():
        assert remedy.before < DEAD < 0.1 <= remedy.after
        assert float(model.rates[name.removeprefix("body.")].mean()) == pytest.approx(remedy.after, abs=1e-3)


def test_only_the_layer_whose_threshold_is_too_high_is_told_to_lower_it(spiking, small):
    model = spiking.network()
    model.body.fc1.weight.data *= 3  # so that the first layer is well
    model.body.lif2.threshold = 20.0
    stats = small[0](model, lr=0.0).layer_stats
    assert stats["body.lif1"].remedy is None and stats["body.lif2"].remedy.threshold < 2


def test_no_threshold_is_said_behind_what_was_not_seen(spiking, small, torch):
    model = spiking.network(threshold=20.0)
    model.body.fc2 = torch.nn.Sequential(torch.nn.Hardtanh(), torch.nn.Linear(64, 64))  # between spikes and weights
    stats = small[0](model, lr=0.0).layer_stats
    assert stats["body.lif1"].remedy is not None and stats["body.lif2"].remedy is None


def test_an_iteration_that_is_too_large_is_not_kept(spiking, small, monkeypatch):
    from spikeport.profiling.watching import opening

    monkeypatch.setattr(opening, "_LARGEST", 64 * 64 + 1000)  # the first weights and a part of what they make
    report = small[0](spiking.network(threshold=20.0))
    assert all(stats.entry is None and stats.remedy is None for stats in report.layer_stats.values())
    assert "Lower the thresholds: " not in first(report).suggestion
    assert first(small[0](spiking.network(), lr=0.5)).suggestion.startswith("Lower the learning rate, and")


def test_trying_changes_nothing_that_the_training_sees(spiking, small, torch):
    def trained(watch):
        model, other, state = spiking.network(threshold=20.0), spiking.network(), []
        with torch.random.fork_rng():
            torch.manual_seed(1)
            small[0](model, scale=1 / 255, watched=None if watch else other)
            state.append(torch.rand(1))
        return [*state, *(p.detach() for p in model.parameters())]

    assert all(torch.equal(a, b) for a, b in zip(trained(True), trained(False), strict=True))


# A gradient that is cut off


def test_spikes_without_a_surrogate_are_named_first(spiking, small, torch, monkeypatch):
    from spikeport.profiling import Recording, register_neuron
    from spikeport.profiling.watching.libraries import registry

    class Compared(torch.nn.Module):
        def forward(self, current):
            return (current > 0.1).float()

    monkeypatch.setattr(registry, "_REGISTRY", list(registry._REGISTRY))
    register_neuron(Compared, lambda module, inputs, output: Recording(output, "TB"))
    model = spiking.network()
    model.body.lif1 = Compared()
    report = small[0](model)
    found = first(report)
    assert (found.category, found.layer) == ("no_gradient", "body.lif1") and "surrogate" in found.suggestion
    model.body.lif2 = Compared()
    found = first(small[0](model))
    assert (found.category, found.layer) == ("no_gradient", "body.lif2") and "None" in found.message


def test_an_evaluation_and_frozen_weights_cut_nothing_off(spiking, torch):
    from spikeport.profiling import LIF

    model, profiler = spiking.network(), SpikeProfiler()
    model.body.fc1.requires_grad_(False)
    with profiler.watch(model, every=1):
        with torch.no_grad():
            model(torch.rand(4, 64))
        model(torch.rand(4, 64)).sum().backward()
    assert isinstance(model.body.lif1, LIF) and profiler.report().layer_stats["body.lif1"].passes_gradient
    assert "no_gradient" not in {p.category for p in profiler.report().pathologies}


def test_a_zero_behind_a_surrogate_that_is_inactive_everywhere_was_not_cut_off():
    profiler = SpikeProfiler()
    for _ in range(5):
        profiler.record_step("a", np.zeros((4, 5)), gradients=np.zeros(3))
        profiler.record_step("b", np.zeros((4, 5)), gradients=np.ones(3), surrogate=np.zeros(9), surrogate_peak=1.0)
    assert "no_gradient" not in {p.category for p in profiler.report().pathologies}


# What is kept


@pytest.mark.parametrize(
    ("cause", "options"),
    [
        ("entry", {"scale": 1 / 255}),
        ("update", {"lr": 0.5, "told": True}),
        ("remedy", {"lr": 0.0}),
        ("passes_gradient", {}),
    ],
)
def test_every_cause_is_in_the_json_as_its_schema_says_and_comes_back(spiking, small, torch, tmp_path, cause, options):
    model = spiking.network(threshold=20.0 if cause == "remedy" else 1.0)
    if cause == "passes_gradient":
        model.body.lif1.register_forward_hook(lambda module, inputs, output: output.detach())
    report = small[0](model, **options)
    layer = report.layer_stats["body.lif1"]
    expected = getattr(layer, cause)
    assert expected is False if cause == "passes_gradient" else expected is not None
    stored = json.loads(report.to_json(tmp_path / "report.json"))
    jsonschema.validate(stored, schema())
    kept = stored["layers"]["body.lif1"][cause]
    assert kept == (expected if cause == "passes_gradient" else vars(expected))
    again = load_report(tmp_path / "report.json")
    assert getattr(again.layer_stats["body.lif1"], cause) == expected
    assert again.to_dict() == report.to_dict() and again.summary() == report.summary()
