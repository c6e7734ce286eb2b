"""Tests of several spikes in a step, and of pulses that settle."""
from std.math import floor
from std.testing import TestSuite, assert_equal, assert_raises, assert_true

from spikeport.integrate_fire import if_constant, if_multistep
from spikeport.network import Network, Node
from spikeport.neuron import Neuron
from spikeport.operations import Add, Linear
from spikeport.running import network_run


def sixteenths(count: Int, seed: Int) -> List[Float64]:
    """Dyadic numbers, some negative."""
    return [Float64((seed * i + i * i) % 23 - 9) / 16 for i in range(count)]


def test_several_spikes_lose_nothing() raises:
    """`Σ I = θ·count + v_end - v_start`, and no more spikes than allowed."""
    var steps = 12
    var neurons = 19
    var currents = [8 * x for x in sixteenths(steps * neurons, 5)]
    for most in [1, 3, 127]:
        var trace = if_multistep(
            currents, steps, neurons, threshold=[0.75], max_spikes=most
        )
        for k in range(neurons):
            var received = 0.0
            for t in range(steps):
                received += currents[t * neurons + k]
                var s = Int(trace.spikes[t * neurons + k])
                assert_true(0 <= s <= most)
            var kept = 0.75 * Float64(trace.counts[k]) + trace.membrane[k]
            assert_equal(received, kept - 0.375)


def test_a_constant_current_gives_every_level() raises:
    """The count is QCFS with T·max_spikes levels."""
    var trace = if_constant(
        [Float64(k) / 4 for k in range(29)], 4, max_spikes=7
    )
    for k in range(29):
        assert_equal(Int(trace.counts[k]), k)


def test_neurons_that_can_send_but_one_are_refused_more() raises:
    """From 1 to 127, and above 1 for soft reset without a leak alone."""
    var one: List[Float64] = [1.0]
    for wrong in [0, 128]:
        with assert_raises(contains="max_spikes: "):
            _ = if_multistep(one, 1, 1, max_spikes=wrong)
    with assert_raises(contains="max_spikes: "):
        _ = if_multistep(one, 1, 1, max_spikes=2, beta=[0.5])
    with assert_raises(contains="max_spikes: "):
        _ = if_multistep(one, 1, 1, max_spikes=2, v_reset=List([0.0]))
    with assert_raises(contains="max_spikes: "):
        _ = Neuron("LIF", max_spikes=2)


def quantised(z: Float64, levels: Neuron) -> Float64:
    """Rounds to the levels of neurons."""
    var level = floor(z / levels.threshold[0] + 0.5)
    return max(
        Float64(levels.tracer_min), min(Float64(levels.tracer_max), level)
    )


def test_what_has_settled_is_the_answer_of_the_quantised_network() raises:
    """A layer, a residual sum, another layer; biases act once."""
    var levels = Neuron("ST-BIF", threshold=[0.5], v_init=[0.5], tracer_max=7)
    var W = sixteenths(16, 3)
    var b = sixteenths(4, 7)
    var V = sixteenths(8, 11)
    var network = Network(
        [4],
        [
            Node(Linear(W, 4, 4, b.copy()), levels.copy()),
            Node(Linear(W, 4, 4), Neuron("identity")),
            Node(Add[DType.float64](), levels.copy(), [0, 1]),
            Node(Linear(V, 4, 2, List([0.25, -0.5])), Neuron("identity")),
        ],
    )
    var x = [4 * value for value in sixteenths(12, 13)]
    var result = network_run(network, x, 3, timesteps=64, encoding="pulse")
    var cut = network_run(network, x, 3, timesteps=1, encoding="pulse")
    for sample in range(3):
        assert_true(result.settled[sample] > 0)
        assert_equal(cut.settled[sample], -1)
        var first = List[Float64]()
        for j in range(4):
            var z = b[j]
            for k in range(4):
                z += W[4 * j + k] * x[4 * sample + k]
            first.append(quantised(z, levels))
        var joined = List[Float64]()
        for j in range(4):
            var z = first[j]
            for k in range(4):
                z += W[4 * j + k] * first[k]
            joined.append(quantised(z, levels))
        for j in range(2):
            var z = 0.25 if j == 0 else -0.5
            for k in range(4):
                z += V[4 * j + k] * joined[k]
            assert_equal(result.drive[2 * sample + j], z)
    assert_equal(len(network_run(network, x, 3, timesteps=4).settled), 0)


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
