"""Tests of `spikeport.st_bif`."""
from std.math import floor
from std.testing import TestSuite, assert_equal, assert_raises

from spikeport.st_bif import st_bif_multistep


def test_settles_on_the_quantised_sum() raises:
    """Once the input ended: `S = clip(floor(Σ I/θ + 1/2), min, max)`."""
    var neurons = 71
    var steps = 40
    var inputs = List[Float64](length=steps * neurons, fill=0.0)
    for t in range(8):
        for k in range(neurons):
            inputs[t * neurons + k] = Float64((5 * k + 11 * t) % 23 - 9) / 8
    var trace = st_bif_multistep(
        inputs, steps, neurons, threshold=[0.5], tracer_min=-3, tracer_max=4
    )
    for k in range(neurons):
        var total = 0.0
        for t in range(8):
            total += inputs[t * neurons + k] / 0.5
        assert_equal(
            Float64(trace.counts[k]), floor(total + 0.5).clamp(-3.0, 4.0)
        )


def test_the_tracer_bounds_both_signs() raises:
    """A neuron at a bound stays silent, whatever its membrane."""
    var up = st_bif_multistep([9.0, 9.0], 2, 1, tracer_max=1)
    assert_equal(up.spikes, [Int8(1), Int8(0)])
    assert_equal(up.membrane[0], 17.5)
    var down = st_bif_multistep([-9.0, -9.0], 2, 1)
    assert_equal(down.spikes, [Int8(0), Int8(0)])
    assert_equal(down.membrane[0], -17.5)


def test_bounds_beyond_31_bits_do_not_wrap() raises:
    """Bounds are compared as given, in float32 too."""
    var trace = st_bif_multistep(
        [Float32(3)], 1, 1, tracer_min=-(1 << 40), tracer_max=1 << 40
    )
    assert_equal(trace.counts[0], 1)


def test_every_width_gives_the_bits_of_one_neuron_alone() raises:
    """Vectors, their tail and single neurons agree."""
    for neurons in [1, 9, 32, 45]:
        var currents = [
            Float64((i * i) % 101) / 31 - 1.5 for i in range(6 * neurons)
        ]
        var together = st_bif_multistep(
            currents, 6, neurons, threshold=[0.7], tracer_min=-2
        )
        for k in range(neurons):
            var own = [currents[t * neurons + k] for t in range(6)]
            var alone = st_bif_multistep(
                own, 6, 1, threshold=[0.7], tracer_min=-2
            )
            assert_equal(together.membrane[k], alone.membrane[0])
            assert_equal(together.counts[k], alone.counts[0])


def test_refusals() raises:
    """Every fault is answered by its code."""
    with assert_raises(contains="tracer:"):
        _ = st_bif_multistep([1.0], 1, 1, tracer_min=1)
    with assert_raises(contains="tracer:"):
        _ = st_bif_multistep([1.0], 1, 1, tracer_max=-1)
    with assert_raises(contains="threshold:"):
        _ = st_bif_multistep([1.0], 1, 1, threshold=[-1.0])
    with assert_raises(contains="shape:"):
        _ = st_bif_multistep([1.0], 1, 2)


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
