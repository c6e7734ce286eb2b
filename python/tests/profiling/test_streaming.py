"""Statistics of a stream: those of all values at once, in bounded memory."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeport.profiling.recording import reductions
from spikeport.profiling.recording.spike_trains import Intervals, Raster
from spikeport.profiling.recording.streaming import History, Moments, Sample


def spikes(rate, shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.float32)


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
