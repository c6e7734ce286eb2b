"""The lines are where the table says, and a report can be read, kept and compared."""

import json

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph
from spikeport.kernels import encode_poisson
from spikeport.neuron import Neuron
from spikeport.operations import Conv, Linear, SumPool
from spikeport.profiling import (
    Pathology,
    ProfilingError,
    Severity,
    SpikeProfiler,
    Thresholds,
    compare,
    schema,
)

jsonschema = pytest.importorskip("jsonschema")


def spikes(rate, shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.float32)


def recorded(thresholds=None, detectors=(), steps=60, **layers):
    """A profiler that saw ``steps`` recordings; each layer is a function of the step that returns the arguments."""
    profiler = SpikeProfiler(thresholds=thresholds, detectors=detectors)
    for step in range(steps):
        for name, recording in layers.items():
            profiler.record_step(name, **recording(step))
    return profiler


def healthy(step):
    return {"spikes": spikes(0.2, (8, 50), step), "voltages": np.random.default_rng(step).normal(size=(8, 50))}


def categories(profiler):
    return {p.category for p in profiler.report().pathologies}


@pytest.mark.parametrize("dead,severity", [(10, None), (11, "warning"), (50, "warning"), (51, "critical")])
def test_dead_neurons_are_judged_above_their_share(dead, severity):
    def record(step):
        spiked = spikes(0.3, (8, 100), step)
        spiked[:, :dead] = 0
        return {"spikes": spiked}

    found = {p.category: p.severity.value for p in recorded(layer=record).report().pathologies}
    assert found.get("dead_neurons") == severity


def test_a_layer_that_dies_late_is_dead_since_then():
    def record(step):
        return {"spikes": spikes(0.3, (64, 20), step) * (step < 150)}

    pathologies = recorded(steps=200, layer=record).report().pathologies
    found = next(p for p in pathologies if p.category == "dead_neurons")
    assert found.severity is Severity.CRITICAL and found.value == 1
    assert abs(found.first_step - 150) <= 8 and f"since step {found.first_step}" in found.message


def test_a_layer_that_was_dead_once_is_well():
    def record(step):
        return {"spikes": spikes(0.3, (64, 20), step) * (step >= 50)}

    assert "dead_neurons" not in categories(recorded(steps=200, layer=record))


def test_few_observations_are_said_to_be_few():
    report = recorded(steps=3, layer=lambda step: {"spikes": np.zeros((1, 4))}).report()
    assert "3 observations" in next(p for p in report.pathologies if p.category == "dead_neurons").message


def test_one_silent_layer_is_no_silent_network():
    profiler = recorded(a=healthy, b=lambda step: {"spikes": np.zeros((8, 5))})
    assert "silent_network" not in categories(profiler) and "dead_neurons" in categories(profiler)


def test_no_voltages_no_collapse():
    assert "voltage_collapse" not in categories(recorded(a=lambda step: {"spikes": spikes(0.2, (8, 5), step)}))


def membranes(*deviations):
    """Membranes of a given deviation in each recording, the last one for all that follow; the threshold is 1."""

    def record(step):
        deviation = deviations[min(step, len(deviations) - 1)]
        return {**healthy(step), "voltages": np.tile([-deviation, deviation], (8, 25)), "threshold": 1.0}

    return record


@pytest.mark.parametrize(
    ("deviations", "cause"),
    [((480.0,), "The input is too large"), ((2.0, 40.0, 1400.0), "lower the learning rate"), ((99.0,), None)],
)
def test_membranes_a_hundred_thresholds_away_name_the_input_or_the_learning_rate_first(deviations, cause):
    def dead(step):
        return {**membranes(*deviations)(step), "spikes": np.zeros((8, 50))}

    report = recorded(a=dead, b=dead, c=healthy).report()
    found = [p for p in report.pathologies if p.category == "exploding_membrane"]
    if cause is None:
        assert not found
        return
    assert [p.layer for p in found] == ["a"] and cause in found[0].suggestion
    assert report.pathologies[0] is found[0] and len(report.pathologies) > 2
    assert report.start_here.startswith("Start here: exploding_membrane @ a.")
    assert report.start_here.replace(" ", "") in report.summary(colour=False).replace("\n", "").replace(" ", "")


def gradient(*norms):
    return lambda step: {
        "spikes": spikes(0.2, (8, 50), step),
        "gradients": np.array([norms[min(step, len(norms) - 1)]]),
    }


def test_an_explosion_is_dated_and_measured_against_the_norms_before_it():
    norms = [1.0] * 20 + [150.0] + [1.0] * 20
    (found,) = recorded(steps=41, layer=gradient(*norms)).report().pathologies
    assert (found.category, found.first_step, found.value) == ("gradient_explosion", 20, pytest.approx(150))


def test_ninety_nine_times_is_no_explosion_and_the_first_norms_are_none():
    assert not categories(recorded(steps=41, layer=gradient(*([1.0] * 20 + [99.0] + [1.0] * 20))))
    assert "gradient_explosion" not in categories(recorded(steps=3, layer=gradient(1e-9, 1.0, 1.0)))


def test_vanishing_is_in_network_order_and_a_gradient_that_is_cut_off_is_not_called_so():
    profiler = recorded(a=gradient(0.0), b=gradient(1e-3), c=gradient(1.0))
    cut, vanishing = (p for p in profiler.report().pathologies if p.category in ("no_gradient", "gradient_vanishing"))
    assert (vanishing.layer, vanishing.value) == ("b", pytest.approx(1000)) and "layer a" not in vanishing.message
    assert (cut.category, cut.layer) == ("no_gradient", "a") and ".detach()" in cut.suggestion
    assert categories(recorded(a=gradient(0.0), b=gradient(1.0))) == {"no_gradient"}
    assert "no_gradient" not in categories(recorded(a=gradient(1.0), b=gradient(0.0)))  # the loss does not see b
    assert "no_gradient" not in categories(recorded(a=gradient(0.0, 1.0), b=gradient(1.0, 1.0)))
    assert "gradient_vanishing" not in categories(recorded(a=gradient(1.0), b=gradient(1e-3)))
    assert "gradient_vanishing" not in categories(recorded(a=gradient(0.0), b=gradient(0.0)))


def test_growth_needs_a_course_and_enough_of_it():
    growing = [1.05**step for step in range(100)]
    assert "gradient_growth" in categories(recorded(steps=100, layer=gradient(*growing)))
    assert "gradient_growth" not in categories(recorded(steps=100, layer=gradient(*growing[::-1])))
    assert "gradient_growth" not in categories(recorded(steps=30, layer=gradient(*growing)))


def test_a_rate_that_settles_after_the_first_quarter_does_not_drift():
    settling = lambda step: {"spikes": spikes(0.4 if step > 25 else 0.02, (8, 50), step)}  # noqa: E731
    rising = lambda step: {"spikes": spikes(0.05 + 0.004 * step, (8, 50), step)}  # noqa: E731
    assert "rate_drift" not in categories(recorded(steps=100, layer=settling))
    assert "rate_drift" in categories(recorded(steps=100, layer=rising))


def test_surrogates_are_judged_against_their_peak():
    flat = lambda step: healthy(step) | {"surrogate": np.full(100, 0.005), "surrogate_peak": 1.0}  # noqa: E731
    live = lambda step: healthy(step) | {"surrogate": np.full(100, 0.005), "surrogate_peak": 0.01}  # noqa: E731
    assert "surrogate_inactive" in categories(recorded(layer=flat))
    assert "surrogate_inactive" not in categories(recorded(layer=live))
    unseen = lambda step: flat(step) | {"gradients": np.zeros(3)}  # noqa: E731
    assert "surrogate_inactive" not in categories(recorded(readout=unseen)), "the loss does not see its spikes"


def test_every_line_can_be_moved():
    assert "dead_neurons" in categories(recorded(Thresholds(dead_rate=0.5), layer=healthy))
    assert "saturated_neurons" in categories(recorded(Thresholds(saturated_rate=0.1), layer=healthy))
    assert "voltage_collapse" in categories(recorded(Thresholds(voltage_std=10), layer=healthy))
    assert "silent_network" in categories(recorded(Thresholds(silent_rate=0.9), layer=healthy))
    assert not categories(recorded(layer=healthy))


def test_a_detector_of_ones_own_joins_in():
    def too_many_layers(layers, thresholds):
        if len(layers) > 1:
            yield Pathology(
                category="too_many_layers",
                severity=Severity.INFO,
                layer="network",
                message="Two.",
                suggestion="Take one.",
                value=len(layers),
                threshold=1,
            )

    profiler = recorded(detectors=[too_many_layers], a=healthy, b=healthy)
    assert categories(profiler) == {"too_many_layers"} and not profiler.report().has_critical


def test_the_worst_comes_first():
    def bad(step):
        spiked = spikes(0.2, (8, 50), step)
        spiked[:, :10] = 0
        return {"spikes": spiked, "gradients": np.array([np.nan])}

    severities = [p.severity for p in recorded(a=bad, b=bad).report().pathologies]
    assert severities == [Severity.CRITICAL] * 2 + [Severity.WARNING] * 2


def test_an_illness_is_dated_in_the_timeline():
    def record(step):
        return {"spikes": spikes(0.3, (64, 20), step) * (step < 100 or step >= 150)}

    report = recorded(steps=200, layer=record).report()
    (span,) = (span for span in report.timeline() if span[0] == "dead_neurons")
    assert abs(span[2] - 100) <= 8 and abs(span[3] - 150) <= 8
    assert len(recorded(steps=5000, layer=record).report().layer_stats["layer"].frames) < 100


def test_the_documented_example_prints():
    profiler = SpikeProfiler()
    profiler.record_step("hidden", np.zeros((4, 10)), voltages=np.zeros((4, 10)), gradients=np.zeros((4, 10)))
    profiler.record_step("output", np.zeros((4, 3)), voltages=np.zeros((4, 3)))
    report = profiler.report()
    assert report.has_critical
    for p in report.pathologies:
        assert f" [{p.severity.value}] {p.category} @ {p.layer}" and p.message and p.suggestion
    for name, stats in report.layer_stats.items():
        assert name and f"{stats.firing_rates.mean():.3f}" == "0.000"
        assert f"{stats.dead_neuron_count} ({stats.dead_neuron_fraction:.0%})"
        assert f"{stats.voltage_mean:.3f} +/- {stats.voltage_std:.3f}" == "0.000 +/- 0.000"


def test_the_summary_is_coloured_only_where_asked_and_names_everything():
    report = recorded(hidden=lambda step: {"spikes": np.zeros((8, 5))}).report()
    plain = report.summary(colour=False)
    assert "\x1b" not in plain and "\x1b[" in report.summary(colour=True)
    for p in report.pathologies:
        assert p.category in plain and p.layer in plain
    assert "Fix:" in plain and "No pathology found" in recorded(a=healthy).report().summary()
    assert "Nothing was recorded" in SpikeProfiler().report().summary()


@pytest.mark.parametrize("kind", ["healthy", "sick", "empty", "nan"])
def test_the_json_is_what_its_schema_says(kind, tmp_path):
    layers = {
        "healthy": {"a": healthy},
        "sick": {"a": gradient(0.0), "b": gradient(1.0)},
        "empty": {},
        "nan": {"a": lambda step: {"spikes": np.full((2, 3), np.nan), "voltages": np.full(3, np.nan)}},
    }[kind]
    report = recorded(**layers).report()
    text = report.to_json(tmp_path / "report.json")
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == text
    jsonschema.validate(json.loads(text), schema())
    jsonschema.Draft202012Validator.check_schema(schema())


def test_a_comparison_says_what_a_fix_changed():
    before = recorded(a=lambda step: {"spikes": np.zeros((8, 5))}, b=healthy)
    after = recorded(a=lambda step: {"spikes": np.ones((8, 5))}, b=healthy)
    change = compare(before, after.report())
    assert {(p.category, p.layer) for p in change.resolved} == {("dead_neurons", "a")}
    assert {(p.category, p.layer) for p in change.appeared} == {("saturated_neurons", "a")}
    assert not change.remaining and not change.is_better
    assert change.layers["a"]["firing_rate"] == (0, 1) and change.layers["b"]["gradient_norm_mean"] == (None, None)
    assert "resolved" in change.summary() and "saturated_neurons" in change.summary()
    json.dumps(change.to_dict(), allow_nan=False)
    assert compare(before, recorded(a=healthy, b=healthy)).is_better


def test_what_became_of_a_layer_that_is_gone_is_not_known():
    before = recorded(a=lambda step: {"spikes": np.zeros((8, 5))}, b=healthy)
    change = compare(before, recorded(b=healthy))
    assert not change.resolved and not change.is_better
    assert [(p.category, p.layer) for p in change.unknown] == [("dead_neurons", "a")]
    assert "unknown" in change.summary() and change.to_dict()["unknown"]
    with pytest.raises(ProfilingError, match="two reports"):
        compare(before, "after")


def test_scalars_go_to_tensorboard():
    written = {}

    class Writer:
        def add_scalar(self, name, value, step):
            written[name, step] = value

    recorded(hidden=healthy).log_scalars(Writer(), 7, prefix="run")
    assert ("run/hidden/rate", 7) in written and ("run/hidden/voltage_std", 7) in written
    assert ("run/hidden/gradient_norm", 7) not in written


def test_reset_forgets():
    profiler = recorded(a=healthy)
    profiler.reset()
    assert not profiler.report().layer_stats
    profiler.record_step("a", np.zeros(3))


def test_the_live_view_follows_a_recording():
    import io

    from rich.console import Console

    from spikeport.profiling.shown.live import LiveView

    profiler = recorded(hidden=healthy)
    screen = Console(file=io.StringIO(), force_terminal=True, width=110)
    with LiveView(profiler.report, profiler.listeners, refresh_per_second=1000, console=screen):
        profiler.record_step("second", np.zeros((8, 5)))
    assert "hidden" in screen.file.getvalue() and "second" in screen.file.getvalue()
    assert not profiler.listeners


def test_a_graph_is_recorded_with_its_synaptic_operations():
    weights = np.array([[0.5, 0.0], [0.5, 0.5]])
    graph = SNNGraph([LayerNode("first", 2, 2, weights, "IF"), LayerNode("second", 2, 2, np.eye(2), "IF")])
    x = np.array([[1.0, 0.0], [1.0, 1.0]])
    profiler = SpikeProfiler()
    profiler.record_graph(graph, x, T=4)
    run = graph.run(x, T=4, record=True)
    report = profiler.report()
    np.testing.assert_allclose(report.layer_stats["first"].firing_rates, run.spikes[0].mean((0, 1)))
    # First layer, a step: input 0 has a fan-out of 2, input 1 of 1; the second layer passes each spike on once.
    into_first = 4 * (2 + (2 + 1)) / 2
    into_second = np.abs(run.spikes[0]).sum() / 2
    assert report.activity.effective_acs == into_first + into_second and report.activity.effective_macs == 0
    assert report.activity.dense == 4 * 8 and report.activity.connection_sparsity == 3 / 8


def test_graded_inputs_are_multiplied():
    profiler = SpikeProfiler()
    profiler.record_graph(SNNGraph([LayerNode("only", 2, 1, np.ones((1, 2)), "IF")]), np.array([[0.5, 0.0]]), T=3)
    activity = profiler.report().activity
    assert (activity.effective_acs, activity.effective_macs, activity.dense) == (0, 3, 6)


def test_an_event_at_the_border_of_an_image_has_fewer_readers():
    """Nine places of a 3 × 3 image under a window of 3 × 3: corners have 4 readers, edges 6, the middle 9."""
    kernel = np.ones((2, 1, 3, 3))
    kernel[1, 0, 1, 1] = 0  # one tap less in the second channel
    conv = LayerNode.of("conv", Conv(kernel, None, padding=1), Neuron("IF", 1.0, 0.5))
    pool = LayerNode.of("pool", SumPool(3))
    graph = SNNGraph([conv, pool, LayerNode.of("out", Linear(np.ones((5, 2)), None), Neuron("IF"))], (1, 3, 3))
    x = np.zeros((2, 1, 1, 3, 3))
    x[0, 0, 0, 0, 0] = 1  # first step: a corner
    x[1, 0, 0, 1, 1] = x[1, 0, 0, 0, 1] = 1  # second step: the middle, and an edge
    profiler = SpikeProfiler()
    profiler.record_graph(graph, x, T=2, encoding="spikes")
    activity, run = profiler.report().activity, graph.run(x, T=2, encoding="spikes", record=True)
    pooled = run.spikes[1]
    assert activity.layers["conv"] == (4 + 9 + 6) + (4 + 9 + 6 - 3)
    assert activity.layers["out"] == 5 * np.count_nonzero(pooled) and set(activity.layers) == {"conv", "out"}
    assert activity.dense == 2 * (2 * (4 * 4 + 4 * 6 + 9) + 5 * 2)
    assert activity.connection_sparsity == 1 / (18 + 10)
    assert activity.effective_acs == activity.layers["conv"] and np.abs(pooled).max() > 1  # sums are no spikes


def test_spikes_drawn_at_the_input_are_counted_as_spikes():
    graph = SNNGraph([LayerNode("only", 3, 4, np.ones((4, 3)), "IF")])
    x, profiler = np.array([[0.5, 0.0, 1.0], [0.25, 0.75, 0.5]]), SpikeProfiler()
    profiler.record_graph(graph, x, T=9, encoding="poisson", seed=5)
    drawn = encode_poisson(x, timesteps=9, seed=5)
    activity = profiler.report().activity
    assert (activity.effective_acs, activity.effective_macs) == (4 * drawn.sum() / 2, 0)


def test_a_float32_graph_draws_the_spikes_of_rates_in_float32():
    """A draw is a hash of the values' bits, so rates of double precision are rounded before it, as a run does."""
    graph = SNNGraph([LayerNode("only", 6, 2, np.ones((2, 6), np.float32), "IF")])
    x, profiler = np.random.default_rng(0).random((8, 6)), SpikeProfiler()
    profiler.record_graph(graph, x, T=16, encoding="poisson", seed=3)
    drawn = encode_poisson(x.astype(np.float32), timesteps=16, seed=3)
    assert profiler.report().activity.effective_acs == 2 * drawn.sum() / 8
    assert drawn.sum() != encode_poisson(x, timesteps=16, seed=3).sum()


def test_neurons_of_several_spikes_are_judged_by_what_they_can_send():
    """One of two neurons sends 2 of its 4 spikes at every other step, the other all 4 at every step."""
    weights, neuron = np.array([[1.0], [8.0]]), Neuron("IF", max_spikes=4)
    graph = SNNGraph([LayerNode.of("only", Linear(weights, None), neuron)], (1,))
    x, profiler = np.array([[[2.0]], [[0.0]]] * 10), SpikeProfiler()
    x[1::2, 0, 0] = 0.5  # the second neuron receives 4 then, the first one half a threshold
    profiler.record_graph(graph, x, T=20, encoding="spikes")
    run, stats = graph.run(x, T=20, encoding="spikes", record=True), profiler.layer_stats()["only"]
    assert stats.sparsity == 1 - np.count_nonzero(run.spikes[0]) / run.spikes[0].size
    assert stats.firing_rates.tolist() == (run.counts[0][0] / 20).tolist() and stats.firing_rates[1] == 4
    assert stats.saturated_neuron_count == 1 and stats.firing_rates[0] > 0.95
    assert [frame.saturated for frame in stats.frames] == [0.5]


@pytest.mark.parametrize("several", [1, 4])
def test_samples_that_do_not_depend_on_each_other_are_not_synchronous(several):
    events = np.random.default_rng(1).random((200, 12, 40)) < 0.3
    profiler = SpikeProfiler()
    profiler.record_step("hidden", events * np.int8(several), layout="TBN", max_spikes=several)
    assert profiler.layer_stats()["hidden"].synchrony < 0.05


def test_watching_what_does_not_spike_is_refused(torch):
    with pytest.raises(ProfilingError, match="register_neuron") as caught:
        SpikeProfiler().watch(torch.nn.Linear(2, 2))
    assert caught.value.code == "no_neurons"
