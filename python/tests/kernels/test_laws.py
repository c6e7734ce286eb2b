"""The laws that the kernels obey, on random input."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikeport.kernels import (
    encode_poisson,
    if_constant,
    if_multistep,
    layer_forward,
    qcfs,
    sample_keys,
    st_bif_multistep,
)
from spikeport.kernels.finetune import schedule, step, unfreeze
from spikeport.neuron import Neuron

sixteenths = st.integers(-48, 48).map(lambda k: k / 16)
thresholds = st.sampled_from([0.25, 0.5, 1.0, 1.25, 2.0])


def tables(values=sixteenths, steps=(1, 30), neurons=(1, 5)):
    shape = st.tuples(st.integers(*steps), st.integers(*neurons))
    return shape.flatmap(lambda s: hnp.arrays(np.float64, s, elements=values))


@given(tables(), thresholds, st.sampled_from([0.0, 0.5]))
def test_soft_reset_loses_nothing(currents, threshold, v_init):
    """Σ I = θ·count + v_end - v_start, exactly."""
    trace = if_multistep(currents, threshold=threshold, v_init=v_init)
    assert np.array_equal(currents.sum(axis=0), threshold * trace.counts + trace.membrane - v_init * threshold)


@given(tables(), thresholds)
def test_hard_reset_forgets_what_came_before_a_spike(currents, threshold):
    trace = if_multistep(currents, threshold=threshold, v_init=0.0, v_reset=0.0)
    for n in range(currents.shape[1]):
        last = np.flatnonzero(trace.spikes[:, n])
        after = last[-1] + 1 if last.size else 0
        assert trace.membrane[n] == currents[after:, n].sum()


@given(hnp.arrays(np.float64, st.integers(1, 8), elements=sixteenths), st.integers(1, 64), thresholds)
def test_constant_drive_is_qcfs(current, T, threshold):
    """rate·θ = QCFS(current) for v_init = θ/2: a drive above θ still gives one spike per step."""
    trace = if_constant(current, timesteps=T, threshold=threshold, v_init=0.5)
    level = [min(max(int((Fraction(I) * T / Fraction(threshold) + Fraction(1, 2)) // 1), 0), T) for I in current]
    assert trace.counts.tolist() == level
    steps = 2 ** (T % 7)
    rate = if_constant(current, timesteps=steps, threshold=threshold, v_init=0.5).counts
    assert np.array_equal(qcfs(current, timesteps=steps, threshold=threshold), rate * threshold / steps)


@given(hnp.arrays(np.float64, st.integers(1, 6), elements=sixteenths), st.integers(0, 20), thresholds)
def test_constant_is_multistep_on_copies(current, T, threshold):
    one = if_constant(current, timesteps=T, threshold=threshold, v_init=0.0, beta=0.5)
    many = if_multistep(np.tile(current, (T, 1)), threshold=threshold, v_init=0.0, beta=0.5)
    assert all(np.array_equal(a, b) for a, b in zip(one, many, strict=True))


@given(tables(), thresholds, st.integers(-9, 0), st.integers(0, 9))
def test_st_bif_settles_on_the_quantised_sum(currents, threshold, low, high):
    """S = clip(floor(ΣI/θ + 1/2), S_min, S_max), at most S_max - S_min steps after the input has ended."""
    quiet = np.zeros((high - low + 1, currents.shape[1]))
    trace = st_bif_multistep(np.concatenate([currents, quiet]), threshold=threshold, tracer_min=low, tracer_max=high)
    want = np.clip(np.floor(currents.sum(axis=0) / threshold + 0.5), low, high)
    assert np.array_equal(trace.counts, want)
    assert not trace.spikes[-1].any()


@given(tables(), thresholds, st.integers(-9, 0), st.integers(0, 9))
def test_st_bif_never_leaves_its_bounds(currents, threshold, low, high):
    trace = st_bif_multistep(currents, threshold=threshold, tracer_min=low, tracer_max=high)
    path = trace.spikes.cumsum(axis=0)
    assert path.min() >= low and path.max() <= high and np.array_equal(path[-1], trace.counts)


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(0, 1)),
    st.integers(0, 2**64 - 1),
    st.randoms(),
)
def test_a_samples_draws_do_not_depend_on_its_place(rates, seed, random):
    order = list(range(len(rates)))
    random.shuffle(order)
    whole = encode_poisson(rates, timesteps=7, seed=seed)
    assert np.array_equal(encode_poisson(rates[order], timesteps=7, seed=seed), whole[:, order])
    assert np.array_equal(encode_poisson(rates[:1], timesteps=7, seed=seed), whole[:, :1])
    assert np.array_equal(encode_poisson(rates, timesteps=3, seed=seed), whole[:3])


def test_poisson_rates_are_the_rates():
    """Over 20,000 draws a rate is within four standard deviations, at every seed tried."""
    rates = np.array([[0.0, 0.01, 0.25, 0.5, 0.9, 1.0]])
    for seed in range(5):
        mean = encode_poisson(rates, timesteps=20_000, seed=seed).mean(axis=0)
        assert (np.abs(mean - rates) <= 4 * np.sqrt(rates * (1 - rates) / 20_000)).all()


def test_neighbouring_draws_are_not_correlated():
    spikes = encode_poisson(np.full((8, 64), 0.5), timesteps=400, seed=3, samples=np.arange(8)).astype(float) - 0.5
    for a, b in [(spikes[1:], spikes[:-1]), (spikes[:, 1:], spikes[:, :-1]), (spikes[..., 1:], spikes[..., :-1])]:
        assert abs((a * b).mean() / 0.25) < 4 / np.sqrt(a.size)


def test_one_bit_of_a_sample_changes_its_key():
    x = np.full((1, 5), 0.5)
    y = x.copy()
    y[0, 4] = np.nextafter(0.5, 1)
    assert sample_keys(x) != sample_keys(y) and sample_keys(x[:, ::-1]) == sample_keys(x)
    assert sample_keys([[0.25, 0.5]]) != sample_keys([[0.5, 0.25]])


@settings(max_examples=40)
@given(st.data())
def test_a_layer_sums_in_exact_arithmetic(data):
    n_in, n_out = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    W = data.draw(hnp.arrays(np.float64, (n_out, n_in), elements=sixteenths))
    x = data.draw(hnp.arrays(np.float64, (4, 2, n_in), elements=st.sampled_from([-1.0, 0.0, 1.0])))
    bias = data.draw(hnp.arrays(np.float64, n_out, elements=sixteenths))
    passed_on = layer_forward(x, W, bias, Neuron("identity"))
    assert np.array_equal(passed_on.spikes, x @ W.T + bias)
    assert np.array_equal(passed_on.counts, (x @ W.T + bias).sum(axis=0))


def test_float32_stays_float32():
    trace = if_multistep(np.full((4, 3), 0.3, np.float32))
    assert trace.membrane.dtype == np.float32
    assert qcfs(np.full(3, 0.3, np.float32), timesteps=4).dtype == np.float32


names = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


@given(names, st.data())
def test_schedules_freeze_what_they_say(layers, data):
    until = data.draw(st.integers(-1, len(layers) - 1))
    before = data.draw(st.lists(st.sampled_from(layers), max_size=4))
    frozen, rates = schedule(layers, freeze_until=until, lr_backbone=0.5, lr_head=0.25, frozen=before)
    want = [name for k, name in enumerate(layers) if k <= until or name in before]
    assert frozen == want
    assert [rate == 0 for rate in rates] == [name in want for name in layers]
    assert rates[-1] in (0.0, 0.25) and set(rates[:-1]) <= {0.0, 0.5}
    free = data.draw(st.lists(st.sampled_from(layers), max_size=4))
    assert unfreeze(layers, frozen, names=free) == [name for name in want if name not in free]
    assert unfreeze(layers, frozen, all_layers=True) == []


@given(hnp.arrays(np.float64, 5, elements=sixteenths), hnp.arrays(np.float64, 5, elements=sixteenths))
def test_a_step_is_plain_descent_without_momentum(w, g):
    ((new,), (velocity,)) = step([w], [g], [0.5], layer_names=["a"])
    assert np.array_equal(new, w - 0.5 * g) and np.array_equal(velocity, g)
    ((kept,), _) = step([w], [g], [0.5], layer_names=["a"], frozen=["a"])
    assert kept.tobytes() == w.tobytes() and kept is not w


def test_the_kernels_do_not_touch_their_arguments():
    currents, w, g = np.ones((3, 2)), np.ones(2), np.ones(2)
    for array in (currents, w, g):
        array.setflags(write=False)
    if_multistep(currents)
    st_bif_multistep(currents)
    step([w], [g], [0.5], layer_names=["a"])


@pytest.mark.parametrize("kernel", [if_multistep, st_bif_multistep])
def test_texts_are_no_currents(kernel):
    with pytest.raises(ValueError, match="real numbers"):
        kernel(np.full((2, 2), "a"))
