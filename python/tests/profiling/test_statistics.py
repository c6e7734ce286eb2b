"""The statistics against a direct count, in every layout, in bounded memory."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeport.profiling import ProfilingError, SpikeProfiler, Thresholds
from spikeport.profiling.recording.layer import LayerRecorder


def stats_of(*recordings, **options):
    profiler = SpikeProfiler()
    for recording in recordings:
        profiler.record_step("layer", recording, **options)
    return profiler.report().layer_stats["layer"]


def spikes(rate, shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.float32)


@st.composite
def recordings(draw):
    """A layout, and some recordings in it with batches of several sizes."""
    axes = draw(st.lists(st.sampled_from("CHW"), min_size=1, max_size=3, unique=True))
    axes += [axis for axis in "TB" if draw(st.booleans())]
    layout = "".join(draw(st.permutations(axes)))
    sizes = {axis: draw(st.integers(1, 4)) for axis in "CHW"}
    parts = []
    for seed in range(draw(st.integers(1, 4))):
        sizes |= {"T": draw(st.integers(1, 5)), "B": draw(st.integers(1, 5))}
        parts.append(spikes(0.4, tuple(sizes[axis] for axis in layout), seed))
    return layout, parts


@given(recordings(), st.sampled_from([np.float32, np.float64, np.int8, np.uint8, bool]))
def test_rates_are_a_direct_count_in_every_layout_and_batch_size(case, dtype):
    layout, parts = case
    stats = stats_of(*(part.astype(dtype) for part in parts), layout=layout)
    total, observations = 0.0, 0
    for part in parts:
        averaged = tuple(i for i, axis in enumerate(layout) if axis in "TB")
        total = total + part.sum(axis=averaged, dtype=np.float64)
        observations += math.prod(part.shape[i] for i in averaged)
    assert stats.n_observations == observations
    np.testing.assert_allclose(stats.firing_rates, (total / observations).ravel(), rtol=1e-12)
    assert stats.sparsity == pytest.approx(1 - (total / observations).mean())


@given(st.integers(1, 40), st.integers(1, 6), st.sampled_from([np.uint8, np.uint16, np.uint32, np.uint64]))
def test_packed_spikes_have_the_rates_of_unpacked_ones(n, batch, word):
    plain = spikes(0.3, (batch, n)).astype(np.uint8)
    bits = np.zeros((batch, 64), np.uint8)
    bits[:, :n] = plain
    packed = np.packbits(bits, axis=-1, bitorder="little").view(word)
    np.testing.assert_array_equal(stats_of(packed, bits=n).firing_rates, stats_of(plain).firing_rates)


@given(recordings())
def test_tensors_have_the_statistics_of_arrays(case):
    torch = pytest.importorskip("torch")
    layout, parts = case
    ours = stats_of(*parts, layout=layout)
    theirs = stats_of(*(torch.tensor(part, requires_grad=True) for part in parts), layout=layout)
    np.testing.assert_array_equal(ours.firing_rates, theirs.firing_rates)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "bool", "int8"])
def test_tensors_of_every_dtype(torch, dtype):
    values = torch.tensor(spikes(0.3, (4, 6))).to(getattr(torch, dtype))
    assert stats_of(values).firing_rates.mean() == pytest.approx(float(values.float().mean()))


def test_a_spike_is_a_value_that_is_not_zero_and_whole_numbers_are_counts():
    assert stats_of(np.array([[-1.0, 0.0, 1.0]])).firing_rates.tolist() == [1, 0, 1]
    assert stats_of(np.array([[0.3, 0.0, 3.7]])).firing_rates.tolist() == [1, 0, 1]
    assert stats_of(np.array([[2.0, 0.0, -3.0]])).firing_rates.tolist() == [2, 0, 3]


@pytest.mark.parametrize(
    "values,options,words",
    [
        (np.zeros((2, 3)), {"layout": "TBN"}, "does not name the 2 axes"),
        (np.zeros((2, 3)), {"layout": "TB"}, "no axis of neurons"),
        (np.zeros((2, 3)), {"layout": "NN"}, "does not name"),
        (np.zeros((1,) * 6), {}, "needs a layout"),
        (np.zeros((0, 3)), {}, "holds nothing"),
        (np.zeros((2, 3)), {"bits": 3}, "unsigned integers"),
        (np.zeros((2, 3), np.uint8), {"bits": 25}, "do not fit"),
        (np.array(["a"]), {}, "real numbers"),
        (np.zeros((2, 4)), {}, "another layer under another name"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(values, options, words):
    profiler = SpikeProfiler()
    profiler.record_step("layer", np.zeros((2, 3)))
    with pytest.raises(ProfilingError, match=words) as caught:
        profiler.record_step("layer", values, **options)
    assert caught.value.code and isinstance(caught.value, ValueError)
    assert profiler.report().layer_stats["layer"].n_observations == 2


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_layer_needs_a_name(name):
    with pytest.raises(ProfilingError, match="name"):
        SpikeProfiler().record_step(name, np.zeros(3))


def test_thresholds_must_be_numbers():
    with pytest.raises(ProfilingError, match="dead_rate"):
        SpikeProfiler(dead_threshold=float("nan"))
    assert SpikeProfiler(0.02, 0.9, 50.0).thresholds == Thresholds(
        dead_rate=0.02, saturated_rate=0.9, explosion_ratio=50.0
    )


def test_membranes_far_from_zero_keep_their_deviation():
    profiler, rng = SpikeProfiler(), np.random.default_rng(0)
    everything = [rng.normal(1e8, 1.0, (8, 100)) for _ in range(200)]
    for membranes in everything:
        profiler.record_step("layer", np.zeros((8, 100)), voltages=membranes)
    stats = profiler.report().layer_stats["layer"]
    assert stats.voltage_std == pytest.approx(np.std(everything), rel=1e-6)
    assert stats.voltage_mean == pytest.approx(1e8, rel=1e-9)


def test_float32_membranes_are_summed_beyond_their_own_precision():
    values = np.random.default_rng(0).normal(1000, 1, 10**6).astype(np.float32)
    stats = stats_of(np.zeros((1, 3)), voltages=values)
    assert stats.voltage_std == pytest.approx(values.astype(np.float64).std(), rel=1e-5)
    assert stats.voltage_mean == pytest.approx(values.astype(np.float64).mean(), rel=1e-9)


def test_memory_is_flat_over_a_hundred_thousand_steps():
    recorder, rng = LayerRecorder("layer", Thresholds()), np.random.default_rng(0)
    parts = [(rng.random((2, 40)) < 0.2, rng.normal(size=(2, 40)), rng.normal(size=10)) for _ in range(16)]

    def held_after(number):
        for step in range(number):
            spiked, membranes, gradients = parts[step % 16]
            recorder.record(step, spiked, membranes, gradients, membranes)
        return len(pickle.dumps(recorder))

    sizes = [held_after(20_000) for _ in range(5)]
    assert recorder.n_records == 100_000
    # Curves and frames fill up and merge, so the size swings below a bound that the number of steps is not in.
    assert max(sizes) < 150_000, f"bytes held after every 20,000 steps: {sizes}"


def test_values_that_are_not_finite_are_counted_and_left_out():
    membranes = np.array([[1.0, np.nan, 3.0, np.inf]])
    stats = stats_of(np.array([[1.0, np.nan, 0.0, 1.0]]), voltages=membranes, gradients=np.array([3.0, -np.inf, 4.0]))
    assert stats.non_finite == {"spikes": 1, "voltages": 2, "gradients": 1}
    assert stats.firing_rates.tolist() == [1, 0, 0, 1]
    assert stats.voltage_mean == 2 and stats.gradient_norm_mean == 5 and stats.first_non_finite == 0


@pytest.mark.parametrize("scale", [1e-30, 1e-160, 1.0, 1e30, 1e160])
def test_norms_neither_overflow_nor_vanish(scale):
    assert stats_of(np.zeros(3), gradients=np.array([3.0, 4.0]) * scale).gradient_norm_mean == pytest.approx(5 * scale)


def test_no_interval_reaches_over_the_end_of_a_sequence():
    profiler = SpikeProfiler()
    for _ in range(3):
        for step in range(4):
            profiler.record_step("layer", np.array([[step in (0, 2)]]))
        profiler.end_sequence()
    stats = profiler.report().layer_stats["layer"]
    assert stats.interval_histogram[:4].tolist() == [0, 3, 0, 0] and stats.interval_cv == 0


def test_synchrony_is_one_for_one_pattern_and_nought_for_independent_samples():
    pattern = spikes(0.3, (40, 1, 200))
    assert stats_of(np.repeat(pattern, 16, axis=1), layout="TBN").synchrony == pytest.approx(1)
    assert stats_of(spikes(0.3, (40, 16, 200)), layout="TBN").synchrony < 0.03
    assert math.isnan(stats_of(spikes(0.3, (40, 1, 200)), layout="TBN").synchrony)


def test_synchrony_of_steps_recorded_one_by_one_is_that_of_the_sequence():
    both = spikes(0.3, (40, 4, 30))
    profiler = SpikeProfiler()
    for step in both:
        profiler.record_step("layer", step)
    together = stats_of(both, layout="TBN").synchrony
    assert profiler.report().layer_stats["layer"].synchrony == pytest.approx(together)


def test_a_window_holds_consecutive_steps_of_one_sequence():
    profiler = SpikeProfiler()
    rows = np.eye(8)
    for row in rows:
        profiler.record_step("layer", row)
    profiler.end_sequence()
    profiler.record_step("layer", rows[0])
    (_, first), (_, second) = profiler.report().layer_stats["layer"].raster
    np.testing.assert_array_equal(first, rows)
    np.testing.assert_array_equal(second, rows[:1])


def test_wide_layers_are_shown_by_a_part_of_their_neurons():
    stats = stats_of(spikes(0.1, (2, 2, 30, 30, 30), 1), layout="TBCHW")
    assert stats.n_neurons == 27_000 and stats.shape == (30, 30, 30)
    assert stats.raster[0][1].shape == (2, 128)


def test_a_recording_that_is_refused_leaves_nothing_behind():
    profiler = SpikeProfiler()
    with pytest.raises(ProfilingError, match="real numbers"):
        profiler.record_step("layer", np.ones((2, 3)), voltages=np.array(["a"]))
    with pytest.raises(ProfilingError, match="no array"):
        profiler.record_step("layer", [[1, 0], [1]])
    with pytest.raises(ProfilingError, match="record_gradient"):
        profiler.record_step("layer", None)
    with pytest.raises(ProfilingError, match="whole number"):
        profiler.record_step("layer", np.ones(3), step=0.5)
    assert not profiler.report().layer_stats


def test_tensors_without_real_numbers_are_refused(torch):
    for values in (torch.ones(2, 3, dtype=torch.complex64), torch.ones(2, 3, device="meta")):
        with pytest.raises(ProfilingError, match="real numbers"):
            SpikeProfiler().record_step("layer", values)


def test_numbers_of_numpy_are_numbers():
    profiler = SpikeProfiler(np.float32(0.5))
    profiler.record_step("layer", np.full((2, 3), np.nan), step=np.int64(7))
    assert '"first_non_finite": 7' in profiler.report().to_json()


def test_counts_at_the_edge_of_their_type_and_half_precision():
    assert stats_of(np.array([[-128, 0, 1]], np.int8)).firing_rates.tolist() == [128, 0, 1]
    values = np.random.default_rng(0).normal(1000, 1, 10**5).astype(np.float16)
    stats = stats_of(np.zeros((1, 3)), voltages=values, gradients=values)
    wide = values.astype(np.float64)
    assert stats.voltage_mean == pytest.approx(wide.mean(), rel=1e-6)
    assert stats.voltage_std == pytest.approx(wide.std(), rel=1e-3)
    assert stats.gradient_norm_mean == pytest.approx(np.linalg.norm(wide), rel=1e-6)


def test_gradients_alone_make_a_report(tmp_path):
    profiler = SpikeProfiler()
    for step in range(50):
        profiler.record_gradient("first", np.ones(3) * 1e-4)
        profiler.record_gradient("second", np.ones(3) * (1e4 if step == 40 else 1))
    report = profiler.report()
    assert {p.category for p in report.pathologies} == {"gradient_vanishing", "gradient_explosion"}
    assert report.layer_stats["second"].gradient_curve.steps == list(range(50))
    assert report.summary() and report.to_json() and profiler.scalars()
    pytest.importorskip("matplotlib")
    assert "gradient vanishing" in report.save_html(tmp_path / "page.html").read_text(encoding="utf-8")


def test_operations_beyond_single_precision_are_counted(torch):
    from spikeport.profiling.watching.connections import _sum_of_products

    active, fan_out = torch.ones(2, 4099), torch.full((4099,), 4099.0)
    assert _sum_of_products(active, fan_out, 4099.0**2) == 2 * 4099**2
