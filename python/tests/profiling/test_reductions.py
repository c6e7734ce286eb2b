"""Counts, moments and norms: the same on arrays and tensors, exact where numbers are whole, in bounded memory."""

import math
import tracemalloc

import numpy as np
import pytest

from spikeport.profiling.recording import arrays, reductions


def spikes(rate, shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.float32)


def test_reductions_on_a_device_are_those_of_numpy(torch):
    rng = np.random.default_rng(0)
    cases = [spikes(0.3, (3, 4, 5)), rng.normal(1e3, 1, (3, 4, 5)), rng.integers(-3, 4, (3, 4, 5)).astype(float)]
    cases += [cases[0] > 0, np.int8(cases[0])]
    cases.append(np.where(rng.random((3, 4, 5)) < 0.1, np.nan, cases[0]))
    for case in cases:
        tensor = torch.tensor(case)
        ours, theirs = reductions.count_spikes(case), reductions.count_spikes(tensor)
        np.testing.assert_array_equal(ours.spikes, theirs.spikes)
        np.testing.assert_array_equal(ours.events, theirs.events)
        assert ours.non_finite == theirs.non_finite
        np.testing.assert_allclose(reductions.summarise(case), reductions.summarise(tensor), rtol=1e-6)
        np.testing.assert_allclose(reductions.norm(case), reductions.norm(tensor), rtol=1e-12)
        chosen = np.array([0, 2])
        np.testing.assert_array_equal(arrays.pick(case, 2, chosen), arrays.pick(tensor, 2, chosen))


@pytest.mark.parametrize("scale", [1e160, 1e-170, 1.0])
def test_norms_on_a_device_neither_overflow_nor_vanish(torch, scale):
    value, non_finite = reductions.norm(torch.tensor([3.0, 4.0, math.nan], dtype=torch.float64) * scale)
    assert (value, non_finite) == (pytest.approx(5 * scale), 1)


def test_counts_beyond_single_precision_are_kept():
    many = np.full((1, 3, 1), 2**24 + 1, np.int64)
    counts = reductions.count_spikes(many).spikes
    assert counts.tolist() == [[3 * (2**24 + 1)]]


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
    counts = reductions.count_spikes(values).spikes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (counts == 12).all() and peak < 2.5 * counts.nbytes  # the counts themselves, in parts and together


def test_recordings_of_many_blocks_are_reduced_as_a_whole(torch, monkeypatch):
    rng = np.random.default_rng(0)
    case = np.where(rng.random((7, 3, 5)) < 0.2, np.nan, rng.integers(-3, 4, (7, 3, 5)))
    whole = [*reductions.count_spikes(case), *reductions.summarise(case), *reductions.norm(case)]
    monkeypatch.setattr(reductions, "VALUES_AT_ONCE", 20)
    monkeypatch.setattr(reductions, "_AT_ONCE_ON_A_DEVICE", 20)
    for values in (case, torch.tensor(case)):
        parts = [*reductions.count_spikes(values), *reductions.summarise(values), *reductions.norm(values)]
        for a, b in zip(whole, parts, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
