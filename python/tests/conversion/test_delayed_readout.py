"""Reading late: what the output layer did after the first steps of a run, against the sum by hand."""

import itertools

import numpy as np
import pytest

from spikeport.conversion import ConvertedSNN
from spikeport.errors import ConversionError

T = 16


def network(seed, dtype, *, dyadic, **how):
    """Return a 5-6-6-3 network, of numbers that do not round where they are dyadic, and samples for it."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return (rng.integers(-16, 17, shape) / 16 if dyadic else rng.normal(0, 0.6, shape)).astype(dtype)

    widths = (5, 6, 6, 3)
    weights = [draw(n_out, n_in) for n_in, n_out in itertools.pairwise(widths)]
    biases = [draw(n) for n in widths[1:]]
    snn = ConvertedSNN(weights, biases, [1.0] * 3, T, scales=[1.0, 1.0, 2.0], **how)
    return snn, (rng.integers(0, 17, (7, 5)) / 16).astype(dtype)


def by_hand(snn, x, delay, encoding):
    """Sum the last layer's currents, and its spikes, over the steps from ``delay`` on."""
    run = snn.graph.run(x, T=T, encoding=encoding, seed=3, record=True)
    currents = run.spikes[-2][delay:] @ snn.weights[-1].astype(float).T + snn.biases[-1]
    return run.spikes[-1][delay:].sum(axis=0, dtype=np.int64), currents.sum(axis=0)


@pytest.mark.parametrize("encoding", ["current", "poisson"])
@pytest.mark.parametrize("backend", ["reference", "auto"])
@pytest.mark.parametrize("delay", [0, 8, 12, T - 1])
def test_a_late_readout_is_the_sum_over_the_steps_that_are_read(encoding, backend, delay):
    for seed, dtype in enumerate((np.float32, np.float64)):
        snn, x = network(seed, dtype, dyadic=True)
        counts, drive = by_hand(snn, x, delay, encoding)
        how = {"encoding": encoding, "seed": 3, "readout_delay": delay, "backend": backend}
        assert np.array_equal(snn.run(x, **how), counts)
        assert np.array_equal(snn.run(x, **how, readout="membrane"), (drive * 2 / (T - delay)).astype(dtype))
        assert np.array_equal(snn.classify(x, **how), drive.argmax(axis=1))


def test_a_late_readout_of_floats_that_round_is_that_sum_to_their_precision():
    for dtype, tolerance in ((np.float32, 1e-5), (np.float64, 1e-13)):
        snn, x = network(2, dtype, dyadic=False)
        _, drive = by_hand(snn, x, 5, "current")
        got = snn.run(x, encoding="current", readout="membrane", readout_delay=5)
        assert got == pytest.approx(drive * 2 / (T - 5), abs=tolerance)


def test_a_late_readout_averages_over_the_steps_that_are_read_behind_the_activation_too():
    snn, x = network(4, np.float64, dyadic=True, output_activation="relu")
    _, drive = by_hand(snn, x, 8, "current")
    got = snn.run(x, encoding="current", readout="membrane", readout_delay=8)
    assert np.array_equal(got, np.maximum(drive * 2 / 8, 0)) and (drive < 0).any()


def test_one_sample_is_read_late_as_it_is_in_a_batch():
    snn, x = network(5, np.float64, dyadic=True)
    assert np.array_equal(snn.run(x[2], readout_delay=3), snn.run(x, readout_delay=3)[2])


@pytest.mark.parametrize("delay", [-1, T, T + 1, 2.0, True])
def test_a_delay_that_leaves_nothing_to_read_is_refused(delay):
    snn, x = network(0, np.float32, dyadic=True)
    for call in (snn.run, snn.classify):
        with pytest.raises(ConversionError, match="whole number from 0 to 15") as caught:
            call(x, readout_delay=delay)
        assert caught.value.code == "readout"
    assert snn.run(x, T=64, readout_delay=T).shape == (7, 3)
