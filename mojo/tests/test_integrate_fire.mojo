"""Tests of `spikeport.integrate_fire`."""
from std.testing import TestSuite, assert_equal, assert_raises

from spikeport.integrate_fire import if_constant, if_multistep


def dyadic(count: Int, modulus: Int) -> List[Float64]:
    """Numbers of few bits, some negative, whose sums are exact."""
    return [Float64((7 * i) % modulus - 4) / 16 for i in range(count)]


def test_fires_exactly_at_the_threshold() raises:
    """`v >= θ`, not `v > θ`, and one ulp below does not fire."""
    var trace = if_multistep([0.5, 0.4999999999999999], 1, 2)
    assert_equal(trace.spikes[0], 1)
    assert_equal(trace.membrane[0], 0.0)
    assert_equal(trace.spikes[1], 0)
    assert_equal(trace.membrane[1], 0.9999999999999999)


def test_soft_reset_keeps_all_that_came_in() raises:
    """`Σ I = θ·count + v_end - v_start`, exactly on dyadic numbers."""
    var steps = 40
    var neurons = 77
    var currents = dyadic(steps * neurons, 37)
    var trace = if_multistep(currents, steps, neurons, threshold=[0.75])
    for k in range(neurons):
        var received = 0.0
        for t in range(steps):
            received += currents[t * neurons + k]
        assert_equal(
            received,
            0.75 * Float64(trace.counts[k]) + trace.membrane[k] - 0.375,
        )


def test_every_width_gives_the_bits_of_one_neuron_alone() raises:
    """Vectors, their tail and single neurons agree."""
    var steps = 9
    for neurons in [1, 7, 8, 31, 32, 33, 100]:
        var currents = [
            Float64((i * i) % 101) / 97 - 0.3 for i in range(steps * neurons)
        ]
        var together = if_multistep(
            currents, steps, neurons, beta=[0.9], threshold=[0.7]
        )
        for k in range(neurons):
            var own = [currents[t * neurons + k] for t in range(steps)]
            var alone = if_multistep(own, steps, 1, beta=[0.9], threshold=[0.7])
            assert_equal(together.membrane[k], alone.membrane[0])
            assert_equal(together.counts[k], alone.counts[0])


def test_hard_reset_forgets_the_rest() raises:
    """A spike sets the membrane to `v_reset`, whatever it was."""
    var reset: List[Float64] = [-0.25]
    var trace = if_multistep([9.0, 0.5], 2, 1, v_reset=reset^)
    assert_equal(trace.counts[0], 1)
    assert_equal(trace.membrane[0], 0.25)


def test_leak_is_applied_before_the_current() raises:
    """The leak: `v = β·v + I`."""
    var trace = if_multistep([0.25, 0.25], 2, 1, beta=[0.5])
    assert_equal(trace.membrane[0], (0.5 * 0.5 + 0.25) * 0.5 + 0.25)


def test_constant_current_equals_its_copies() raises:
    """`if_constant` is `if_multistep` on copies, float32 included."""
    var current = [Float32(i) / 19 for i in range(45)]
    var copies = List[Float32]()
    for _ in range(13):
        copies.extend(Span(current))
    var one = if_constant(current, 13)
    var other = if_multistep(copies, 13, 45)
    assert_equal(one.spikes, other.spikes)
    assert_equal(one.membrane, other.membrane)
    assert_equal(one.counts, other.counts)


def test_no_steps_leave_the_start() raises:
    """T = 0: no spikes, `v = v_init·θ`."""
    var trace = if_constant([1.0, 2.0], 0, threshold=[0.5, 2.0])
    assert_equal(len(trace.spikes), 0)
    assert_equal(trace.membrane, [0.25, 1.0])


def test_refusals() raises:
    """Every fault is answered by its code."""
    with assert_raises(contains="shape:"):
        _ = if_multistep([1.0, 2.0, 3.0], 2, 1)
    with assert_raises(contains="shape:"):
        _ = if_multistep([1.0], -1, -1)
    with assert_raises(contains="shape:"):
        _ = if_multistep([1.0, 2.0, 3.0], 1, 3, threshold=[1.0, 1.0])
    with assert_raises(contains="non_finite:"):
        _ = if_multistep([Float64.MAX * 10], 1, 1)
    with assert_raises(contains="non_finite:"):
        _ = if_constant([1.0], 1, v_init=[0.0 / (1.0 - Float64(1))])
    with assert_raises(contains="threshold:"):
        _ = if_constant([1.0], 1, threshold=[0.0])
    with assert_raises(contains="threshold:"):
        _ = if_constant([Float32(1)], 1, threshold=[1e-60])
    with assert_raises(contains="beta:"):
        _ = if_constant([1.0], 1, beta=[1.5])
    with assert_raises(contains="v_reset:"):
        var at: List[Float64] = [1.0]
        _ = if_constant([1.0], 1, v_reset=at^)
    with assert_raises(contains="timesteps:"):
        _ = if_constant([1.0], -1)


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
