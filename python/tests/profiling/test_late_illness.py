"""What falls ill late is found, dated, and on the timeline, though over the whole recording it is well."""

import numpy as np
import pytest

from spikeport.profiling import SpikeProfiler, Thresholds

STEPS, ONSET = 240, 180


def spikes(rate, step, together=False):
    rng = np.random.default_rng(step)
    pattern = rng.random((8, 1 if together else 16, 50)) < rate
    return np.broadcast_to(pattern, (8, 16, 50)).astype(np.float32)


def healthy(step):
    rng = np.random.default_rng(step)
    return {
        "spikes": spikes(0.2, step),
        "voltages": rng.normal(size=(8, 16, 50)),
        "surrogate": rng.random(200),
        "gradients": np.ones(4),
    }


ILL = {
    "voltage_collapse": lambda step: {"voltages": np.full((8, 16, 50), 0.5)},
    "surrogate_inactive": lambda step: {"surrogate": np.zeros(200), "surrogate_peak": 1.0},
    "batch_synchronous": lambda step: {"spikes": spikes(0.2, step, together=True)},
    "dead_neurons": lambda step: {"spikes": np.zeros((8, 16, 50))},
    "saturated_neurons": lambda step: {"spikes": np.ones((8, 16, 50))},
}


def recorded(ill, onset=ONSET, end=STEPS, others=()):
    profiler = SpikeProfiler()
    for step in range(STEPS):
        for name in ("first", "second"):
            recording = healthy(step)
            if onset <= step < end and (name == "first" or name in others):
                recording |= ill(step)
            profiler.record_step(name, **recording, layout="TBN")
    return profiler.report()


@pytest.mark.parametrize("category", ILL)
def test_a_late_illness_is_found_and_dated(category):
    report = recorded(ILL[category])
    found = next(p for p in report.pathologies if p.category == category)
    assert found.layer == "first" and abs(found.first_step - ONSET) <= 8
    assert f"since step {found.first_step}" in found.message
    (span,) = (span for span in report.timeline() if span[0] == category)
    assert span[1] == "first" and abs(span[2] - ONSET) <= 8 and span[3] == STEPS - 1
    assert "second" not in {p.layer for p in report.pathologies}


@pytest.mark.parametrize("category", ILL)
def test_an_illness_that_passed_is_on_the_timeline_alone(category):
    report = recorded(ILL[category], onset=40, end=80)
    assert category not in {p.category for p in report.pathologies}
    (span,) = (span for span in report.timeline() if span[0] == category)
    assert span[1] == "first" and abs(span[2] - 40) <= 8 and abs(span[3] - 80) <= 8


def test_a_network_that_falls_silent_late_is_silent_since_then():
    report = recorded(ILL["dead_neurons"], others=("second",))
    found = next(p for p in report.pathologies if p.category == "silent_network")
    assert found.layer == "network" and abs(found.first_step - ONSET) <= 8 and "since step" in found.message
    assert any(span[:2] == ("silent_network", "network") for span in report.timeline())
    assert "silent_network" not in {p.category for p in recorded(ILL["dead_neurons"]).pathologies}


def test_gradients_that_vanish_in_the_last_quarter_are_found():
    profiler = SpikeProfiler()
    for step in range(STEPS):
        for name, late in (("first", 1e-4), ("second", 1.0)):
            profiler.record_gradient(name, np.array([late if step >= ONSET else 1.0]))
    (found,) = profiler.report().pathologies
    assert (found.category, found.layer) == ("gradient_vanishing", "first") and found.value == pytest.approx(1e4)
    assert "last quarter" in found.message and abs(found.first_step - ONSET) <= 4
    assert profiler.report().timeline() == [("gradient_vanishing", "first", found.first_step, STEPS - 1)]


def test_an_output_whose_spikes_the_loss_does_not_see_hides_no_vanishing():
    profiler = SpikeProfiler()
    for name, norm in (("first", 1e-4), ("second", 1.0), ("readout", 0.0)):
        profiler.record_gradient(name, np.array([norm]))
    (found,) = profiler.report().pathologies
    assert (found.category, found.layer) == ("gradient_vanishing", "first") and "at layer second" in found.message


def test_growth_of_gradients_recorded_by_themselves_is_judged():
    profiler = SpikeProfiler()
    for step in range(100):
        profiler.record_gradient("only", np.array([1.05**step]))
    assert [p.category for p in profiler.report().pathologies] == ["gradient_growth"]


def test_the_numbers_that_frames_rest_on_may_be_moved():
    profiler = SpikeProfiler(thresholds=Thresholds(dead_rate=0.0))
    for step in range(60):
        profiler.record_step("layer", **healthy(step), layout="TBN")
    assert not profiler.report().pathologies
