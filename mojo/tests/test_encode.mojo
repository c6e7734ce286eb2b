"""Tests of `spikeport.encode` and `spikeport.qcfs`."""
from std.testing import TestSuite, assert_equal, assert_raises, assert_true

from spikeport.encode import encode_poisson, mix, sample_keys
from spikeport.integrate_fire import if_constant
from spikeport.qcfs import qcfs


def test_mix_is_splitmix64() raises:
    """The first three outputs of SplitMix64 seeded with 0."""
    var state = UInt64(0)
    var outputs = List[UInt64]()
    for _ in range(3):
        state += 0x9E3779B97F4A7C15
        outputs.append(mix(state))
    assert_equal(outputs[0], 0xE220A8397B1DCDAF)
    assert_equal(outputs[1], 0x6E789E6AA1B965F4)
    assert_equal(outputs[2], 0x06C45D188009454F)


def test_a_sample_draws_the_same_spikes_anywhere() raises:
    """The key of a sample is made of its values, not of its place."""
    var rates = [Float64((i * i) % 23) / 22 for i in range(3 * 21)]
    var together = encode_poisson(rates, 3, 21, timesteps=5, seed=4)
    for b in range(3):
        var own = List[Float64](Span(rates)[b * 21 : b * 21 + 21])
        var alone = encode_poisson(own, 1, 21, timesteps=5, seed=4)
        for t in range(5):
            for k in range(21):
                assert_equal(together[(t * 3 + b) * 21 + k], alone[t * 21 + k])


def test_rates_of_0_and_1_are_certain() raises:
    """A rate of 0 never fires, a rate of 1 always does."""
    var spikes = encode_poisson([0.0, 1.0], 1, 2, timesteps=500, seed=1)
    for t in range(500):
        assert_equal(spikes[2 * t], 0)
        assert_equal(spikes[2 * t + 1], 1)


def test_spikes_come_at_the_rate() raises:
    """In 20000 draws at 0.3 the share is within four standard deviations."""
    var spikes = encode_poisson([0.3], 1, 1, timesteps=20000, seed=7)
    var total = 0
    for spike in spikes:
        total += Int(spike)
    assert_true(abs(total - 6000) < 260)


def test_minus_zero_has_the_key_of_zero() raises:
    """The bits are those of `rate + 0.0`."""
    assert_equal(sample_keys([0.0], 1, 1), sample_keys([-0.0], 1, 1))
    assert_equal(sample_keys([], 1, 0), [UInt64(0)])


def test_qcfs_is_the_rate_of_a_neuron() raises:
    """`qcfs(x) = θ·count/T` of an IF neuron with `v_init = 1/2`."""
    for T in [1, 4, 16]:
        var x = [Float64(i - 20) / 16 for i in range(57)]
        var y = qcfs(x, timesteps=T, threshold=[1.0])
        var trace = if_constant(x, T)
        for k in range(len(x)):
            if x[k] >= 0 and x[k] <= 1:
                assert_equal(y[k], Float64(trace.counts[k]) / Float64(T))
            else:
                assert_equal(y[k], 0.0 if x[k] < 0 else 1.0)


def test_refusals() raises:
    """Every fault is answered by its code."""
    with assert_raises(contains="rate_range:"):
        _ = encode_poisson([1.5], 1, 1, timesteps=1)
    with assert_raises(contains="non_finite:"):
        _ = encode_poisson([Float64.MAX * 10], 1, 1, timesteps=1)
    with assert_raises(contains="timesteps:"):
        _ = encode_poisson([0.5], 1, 1, timesteps=-1)
    with assert_raises(contains="shape:"):
        var keys: List[UInt64] = [1, 2]
        _ = encode_poisson([0.5], 1, 1, timesteps=1, samples=keys^)
    with assert_raises(contains="timesteps:"):
        _ = qcfs([1.0], timesteps=0)
    with assert_raises(contains="threshold:"):
        _ = qcfs([1.0], timesteps=1, threshold=[0.0])


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
