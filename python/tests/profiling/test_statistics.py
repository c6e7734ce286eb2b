"""The statistics against a direct count, in every layout, in bounded memory."""

import math
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeport.profiling import ProfilingError, SpikeProfiler, Thresholds
from spikeport.profiling.recording import arrays, reductions
from spikeport.profiling.recording.layer import LayerRecorder
from spikeport.profiling.recording.spike_trains import Intervals, Raster
from spikeport.profiling.recording.streaming import History, Moments, Sample


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


def test_reductions_on_a_device_are_those_of_numpy(torch):
    rng = np.random.default_rng(0)
    cases = [spikes(0.3, (3, 4, 5)), rng.normal(1e3, 1, (3, 4, 5)), rng.integers(-3, 4, (3, 4, 5)).astype(float)]
    cases += [cases[0] > 0, np.int8(cases[0])]
    cases.append(np.where(rng.random((3, 4, 5)) < 0.1, np.nan, cases[0]))
    for case in cases:
        tensor = torch.tensor(case)
        ours, theirs = reductions.count_spikes(case), reductions.count_spikes(tensor)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1] == theirs[1]
        np.testing.assert_allclose(reductions.summarise(case), reductions.summarise(tensor), rtol=1e-6)
        np.testing.assert_allclose(reductions.norm(case), reductions.norm(tensor), rtol=1e-12)
        chosen = np.array([0, 2])
        np.testing.assert_array_equal(arrays.pick(case, 2, chosen), arrays.pick(tensor, 2, chosen))


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


@given(st.floats(-1e8, 1e8), st.floats(1e-3, 1e3), st.integers(1, 30))
def test_moments_are_those_of_all_values_at_once(centre, width, parts):
    values = np.random.default_rng(parts).normal(centre, width, 300)
    moments = Moments()
    for part in np.array_split(values, parts):
        moments.add(reductions.summarise(part))
    assert moments.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-9)
    # A deviation cannot be known better than the values' own rounding, which is relative to their size.
    assert moments.std == pytest.approx(values.std(), rel=1e-6, abs=abs(centre) * 1e-9)
    assert (moments.low, moments.high) == (values.min(), values.max())


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


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.floats(0.05, 0.9))
def test_intervals_are_those_of_the_whole_sequence(lengths, rate):
    train = spikes(rate, (sum(lengths), 5), 3)
    intervals = Intervals()
    start = 0
    for length in lengths:
        intervals.add(train[start : start + length])
        start += length
    direct = np.concatenate([np.diff(np.flatnonzero(train[:, n])) for n in range(5)])
    assert intervals.histogram.sum() == len(direct)
    np.testing.assert_array_equal(intervals.histogram, np.bincount(np.minimum(direct, 64) - 1, minlength=64))
    if len(direct):
        assert intervals.moments.mean == pytest.approx(direct.mean())
        assert intervals.moments.std == pytest.approx(direct.std())


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


@given(st.integers(1, 3000))
def test_a_history_is_bounded_and_keeps_mean_and_peak(n):
    history, values = History(capacity=16), np.random.default_rng(n).random(n)
    for step, value in enumerate(values):
        history.add(step, value)
    assert (
        len(pickle.dumps(history)) < 2000
        and len(history.means) <= 17
        and history.steps[0] == 0
        and max(history.peaks) == values.max()
    )
    whole = len(history._points) * history.stride
    assert np.mean([mean for _, mean, _ in history._points]) == pytest.approx(values[:whole].mean()) if whole else True


def test_a_sample_is_bounded_and_spread_over_the_stream():
    sample = Sample(capacity=1000)
    for step in range(10_000):
        if sample.wants():
            sample.add(np.full(7, step))
    assert 400 < len(sample.values) <= 1000
    assert abs(sample.values.mean() - 5000) < 500


def test_every_window_has_the_same_chance_to_stand_in_the_raster():
    chosen = np.zeros(40)
    for seed in range(300):
        raster = Raster(windows=4, window=5, seed=seed)
        for step in range(40):
            raster.add(step, np.full((5, 2), 1))
        assert len(raster.windows()) == 4 and all(rows.shape == (5, 2) for _, rows in raster.windows())
        for step, _ in raster.windows():
            chosen[step] += 1
    assert chosen.sum() == 1200 and chosen[:10].sum() / 1200 == pytest.approx(0.25, abs=0.04)


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


@pytest.mark.parametrize("scale", [1e160, 1e-170, 1.0])
def test_norms_on_a_device_neither_overflow_nor_vanish(torch, scale):
    value, non_finite = reductions.norm(torch.tensor([3.0, 4.0, math.nan], dtype=torch.float64) * scale)
    assert (value, non_finite) == (pytest.approx(5 * scale), 1)


def test_counts_beyond_single_precision_are_kept():
    many = np.full((1, 3, 1), 2**24 + 1, np.int64)
    counts, _ = reductions.count_spikes(many)
    assert counts.tolist() == [[3 * (2**24 + 1)]]


def test_operations_beyond_single_precision_are_counted(torch):
    from spikeport.profiling.watching.connections import _sum_of_products

    active, fan_out = torch.ones(2, 4099), torch.full((4099,), 4099.0)
    assert _sum_of_products(active, fan_out, 4099.0**2) == 2 * 4099**2


@pytest.mark.parametrize("fault", [None, math.nan, math.inf])
@pytest.mark.parametrize("reduce", [reductions.summarise, reductions.norm])
def test_moments_and_norms_take_no_more_memory_than_some_blocks(reduce, fault):
    values = np.ones(8 << 20, np.float32)
    if fault is not None:
        values[1 << 20] = fault
    tracemalloc.start()
    found = reduce(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < values.nbytes / 8 and found[-1] == (fault is not None)


def test_counts_of_spikes_take_no_more_memory_than_some_blocks():
    values = np.full((64, 4, 1 << 14), 3, np.int8)
    tracemalloc.start()
    counts, _ = reductions.count_spikes(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (counts == 12).all() and peak < 2.5 * counts.nbytes  # the counts themselves, in parts and together


def test_recordings_of_many_blocks_are_reduced_as_a_whole(torch, monkeypatch):
    rng = np.random.default_rng(0)
    case = np.where(rng.random((7, 3, 5)) < 0.2, np.nan, rng.integers(-3, 4, (7, 3, 5)))
    whole = [reductions.count_spikes(case)[0], *reductions.summarise(case), *reductions.norm(case)]
    monkeypatch.setattr(reductions, "VALUES_AT_ONCE", 20)
    monkeypatch.setattr(reductions, "_AT_ONCE_ON_A_DEVICE", 20)
    for values in (case, torch.tensor(case)):
        parts = [reductions.count_spikes(values)[0], *reductions.summarise(values), *reductions.norm(values)]
        for a, b in zip(whole, parts, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
