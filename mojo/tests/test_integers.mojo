"""Tests of the element type int32: what integers promise, and what they refuse.
"""
from std.testing import TestSuite, assert_equal, assert_raises, assert_true

from spikeport.checks import as_elements, code_of
from spikeport.currents import operation_currents
from spikeport.integrate_fire import if_constant, if_multistep
from spikeport.layer import layer_forward
from spikeport.network import INPUT, Network, Node
from spikeport.neuron import Neuron
from spikeport.operations import (
    Add,
    AvgPool,
    Concat,
    Conv,
    Linear,
    MaxPool,
    SumPool,
)
from spikeport.running import network_run
from spikeport.st_bif import st_bif_multistep

comptime M = (1 << 31) - 1
"""The largest integer."""


def wholes[
    dtype: DType
](count: Int, seed: Int, high: Int) -> List[Scalar[dtype]]:
    """Whole numbers from -high to high that look random."""
    var state = UInt64(seed) * 0x9E3779B97F4A7C15 + 1
    var values = List[Scalar[dtype]](capacity=count)
    for _ in range(count):
        state = state * 6364136223846793005 + 1442695040888963407
        var drawn = Int((state >> 33) % UInt64(2 * high + 1)) - high
        values.append(Scalar[dtype](drawn))
    return values^


def one(value: Float64) -> Optional[List[Float64]]:
    """A parameter that may be absent, of one number."""
    var values: List[Float64] = [value]
    return values^


def residual[dtype: DType]() raises -> Network[dtype]:
    """Makes a network of every operation that integers have, on (2, 6, 6)."""
    var ones: List[Int] = [1, 1]
    var hidden = Linear(
        wholes[dtype](3 * 81, 3, 40), 81, 3, wholes[dtype](3, 4, 90)
    )
    return Network(
        [2, 6, 6],
        [
            Node(
                Conv(
                    wholes[dtype](3 * 2 * 9, 1, 100),
                    [3, 2, 3, 3],
                    wholes[dtype](3, 2, 500),
                ),
                Neuron("IF", threshold=[300, 171, 40], max_spikes=5),
            ),
            Node(
                MaxPool[dtype]([2, 2], stride=ones.copy()), Neuron("identity")
            ),
            Node(
                SumPool[dtype]([2, 2], stride=ones.copy()),
                Neuron("identity"),
                [0],
            ),
            Node(
                Add[dtype](),
                Neuron("IF", threshold=[2], v_init=[0.5], v_reset=one(-1)),
                [1, 2],
            ),
            Node(Concat[dtype](), Neuron("identity"), [1, 2, 3]),
            Node(hidden^, Neuron("IF", threshold=[90.0], v_init=[0.5])),
        ],
    )


def test_integers_give_what_float64_gives() raises:
    """Sums of whole numbers are exact in both: every count and membrane."""
    for encoding in ["current", "spikes", "pulse"]:
        var values = 2 * 2 * 36 * (7 if encoding == "spikes" else 1)
        var ours = network_run(
            residual[DType.int32](),
            wholes[DType.int32](values, 5, 9),
            2,
            timesteps=7,
            encoding=encoding,
        )
        var theirs = network_run(
            residual[DType.float64](),
            wholes[DType.float64](values, 5, 9),
            2,
            timesteps=7,
            encoding=encoding,
        )
        var total = 0
        for k in range(6):
            assert_equal(ours.counts[k], theirs.counts[k])
            for i in range(len(ours.membrane[k])):
                assert_equal(
                    Float64(ours.membrane[k][i]), theirs.membrane[k][i]
                )
            for i in range(len(ours.sums[k])):
                assert_equal(Float64(ours.sums[k][i]), theirs.sums[k][i])
            for count in ours.counts[k]:
                total += Int(count)
        for j in range(6):
            assert_equal(Float64(ours.drive[j]), theirs.drive[j])
        assert_equal(ours.settled, theirs.settled)
        assert_true(total > 0)


def test_nothing_is_lost_under_soft_reset() raises:
    """`Σ I = θ·Σ s + v_end - v_start`, of one spike a step and of several."""
    var neurons = 45
    var currents = wholes[DType.int32](9 * neurons, 6, 1000)
    for most in [1, 7, 127]:
        var trace = if_multistep(
            currents, 9, neurons, threshold=[14], max_spikes=most
        )
        for k in range(neurons):
            var received = 0
            for t in range(9):
                received += Int(currents[t * neurons + k])
            var kept = Int(trace.membrane[k]) - 7
            assert_equal(received, 14 * Int(trace.counts[k]) + kept)


def test_a_constant_current_counts_as_qcfs() raises:
    """`count = floor((T·I + θ/2)/θ)` for currents from 0 to θ."""
    var theta = 26
    var current = [Int32(i) for i in range(theta + 1)]
    var trace = if_constant(current, 11, threshold=[Float64(theta)])
    for i in range(theta + 1):
        assert_equal(Int(trace.counts[i]), (11 * i + theta // 2) // theta)


def test_st_bif_settles_on_the_quantised_sum() raises:
    """Once the input ended: `S = clip(floor((Σ I + v_start)/θ), min, max)`."""
    var neurons = 71
    var currents = wholes[DType.int32](6 * neurons, 7, 60)
    currents.resize(60 * neurons, 0)
    var trace = st_bif_multistep(
        currents,
        60,
        neurons,
        threshold=[24],
        v_init=[0.5],
        tracer_min=-3,
        tracer_max=5,
    )
    for k in range(neurons):
        var total = 12
        for t in range(6):
            total += Int(currents[t * neurons + k])
        var level = (total // 24).clamp(-3, 5)
        assert_equal(Int(trace.counts[k]), level)
        # Nothing is divided: what is left is what was not sent.
        assert_equal(Int(trace.membrane[k]), total - 24 * level)


def test_every_width_gives_the_numbers_of_one_neuron_alone() raises:
    """Vectors, their tail and single neurons agree."""
    var neurons = 77
    var currents = wholes[DType.int32](8 * neurons, 8, 99)
    var thresholds = [Float64(2 * (k % 40) + 2) for k in range(neurons)]
    var hard = if_multistep(
        currents, 8, neurons, threshold=thresholds, v_reset=one(-3)
    )
    var several = if_multistep(
        currents, 8, neurons, threshold=thresholds, max_spikes=3
    )
    var bipolar = st_bif_multistep(
        currents, 8, neurons, threshold=thresholds, tracer_min=-4
    )
    for k in range(neurons):
        var own = [currents[t * neurons + k] for t in range(8)]
        var theta: List[Float64] = [thresholds[k]]
        var alone = if_multistep(own, 8, 1, threshold=theta, v_reset=one(-3))
        assert_equal(alone.membrane[0], hard.membrane[k])
        assert_equal(alone.counts[0], hard.counts[k])
        alone = if_multistep(own, 8, 1, threshold=theta, max_spikes=3)
        assert_equal(alone.membrane[0], several.membrane[k])
        assert_equal(alone.counts[0], several.counts[k])
        alone = st_bif_multistep(own, 8, 1, threshold=theta, tracer_min=-4)
        assert_equal(alone.membrane[0], bipolar.membrane[k])
        assert_equal(alone.counts[0], bipolar.counts[k])


def test_the_largest_run_that_fits_is_exact() raises:
    """A bound of 2^31 - 1 runs and reaches it; one more is refused."""
    var current: List[Int32] = [-(1 << 29)]
    # 3·2^29 and a start of 2^29 - 1, both below 0.
    var start = -Float64((1 << 29) - 1)
    var trace = if_constant(current, 3, v_init=[start])
    assert_equal(Int(trace.membrane[0]), -M)
    with assert_raises(contains="overflow: v could reach"):
        _ = if_constant(current, 3, v_init=[start - 1])
    with assert_raises(contains="overflow: v could reach"):
        _ = if_constant(current, 4, v_init=[0])
    with assert_raises(contains="overflow: v could reach"):
        _ = if_constant(current, 3, v_init=[0], v_reset=one(start - 1))
    with assert_raises(contains="overflow: v could reach"):
        _ = if_constant([Int32(1)], 1, v_init=[0], threshold=[Float64(M)])
    with assert_raises(contains="overflow: v could reach"):
        # 127·θ is more than an integer holds, so v could never reach it.
        _ = if_constant(
            [Int32(1)], 1, v_init=[0], threshold=[17e6], max_spikes=127
        )
    trace = st_bif_multistep(
        current, 1, 1, threshold=[Float64(3 << 29) - 1], v_init=[0]
    )
    assert_equal(Int(trace.counts[0]), 0)
    with assert_raises(contains="overflow: v could reach"):
        _ = st_bif_multistep(
            current, 1, 1, threshold=[Float64(3 << 29)], v_init=[0]
        )


def bound_of_a_network(
    var nodes: List[Node[DType.int32]], x: Int, steps: Int
) raises -> String:
    """Runs a network of one input; tells the code of its refusal."""
    try:
        _ = network_run(Network([1], nodes^), [Int32(x)], 1, timesteps=steps)
        return ""
    except e:
        return code_of(e)


def test_a_network_is_refused_before_its_first_step() raises:
    """What a node could reach follows from what the nodes before it send."""

    def linear(weight: Int, bias: Int = 0) raises -> Linear[DType.int32]:
        var biases: List[Int32] = [Int32(bias)]
        return Linear([Int32(weight)], 1, 1, biases^)

    var graded = Neuron("identity")
    var wide = Node(linear(1 << 14), graded.copy())
    # 2^14·(2^17 - 1) + 2^14 - 1 is 2^31 - 1, in one step.
    var full = Node(linear(1 << 14, (1 << 14) - 1), graded.copy())
    assert_equal(bound_of_a_network([full.copy()], (1 << 17) - 1, 1), "")
    assert_equal(bound_of_a_network([full.copy()], 1 << 17, 1), "overflow")
    assert_equal(bound_of_a_network([full.copy()], -(1 << 17), 1), "overflow")
    assert_equal(
        bound_of_a_network([full.copy()], (1 << 17) - 1, 2), "overflow"
    )
    # Graded values grow from node to node, spikes do not.
    assert_equal(
        bound_of_a_network([wide.copy(), wide.copy(), wide.copy()], 1, 1),
        "overflow",
    )
    var fires = Node(linear(1 << 14), Neuron("IF", threshold=[1 << 14]))
    assert_equal(
        bound_of_a_network([fires.copy(), fires.copy(), wide.copy()], 1, 9), ""
    )
    var several = Neuron("IF", threshold=[1 << 14], max_spikes=127)
    var many = Node(linear(1 << 14), several^)
    assert_equal(bound_of_a_network([many.copy(), wide.copy()], 1, 1032), "")
    assert_equal(
        bound_of_a_network([many.copy(), wide.copy()], 1, 1033), "overflow"
    )
    # The signals of a join add up.
    var both = Node(Add[DType.int32](), graded.copy(), [0, 0])
    assert_equal(bound_of_a_network([wide.copy(), both.copy()], 1 << 15, 1), "")
    assert_equal(
        bound_of_a_network([wide.copy(), both.copy()], 1 << 16, 1), "overflow"
    )


def test_currents_are_refused_where_their_sums_could_pass() raises:
    """The bound of an operation counts all that it could add."""
    var half: List[Int32] = [Int32(1 << 30), Int32((1 << 30) - 1)]
    var shape: List[Int] = [1, 1, 1, 2]
    with assert_raises(contains="overflow: currents could reach"):
        _ = operation_currents(
            SumPool[DType.int32]([2]), [half.copy()], [shape.copy()]
        )
    with assert_raises(contains="overflow: currents could reach"):
        _ = operation_currents(
            Add[DType.int32](),
            [half.copy(), half.copy()],
            [shape.copy(), shape.copy()],
        )
    var joined = operation_currents(
        Concat[DType.int32](),
        [half.copy(), half.copy()],
        [shape.copy(), shape.copy()],
    )
    assert_equal(joined.values, [half[0], half[1], half[0], half[1]])
    # Running sums of two steps pass 31 bits, whatever their differences.
    with assert_raises(contains="overflow: sums could reach"):
        _ = operation_currents(
            MaxPool[DType.int32]([2]),
            [[half[0], half[1], half[0], half[1]]],
            [[2, 1, 1, 2]],
        )
    var weights: List[Int32] = [1 << 14, -(1 << 14)]
    with assert_raises(contains="overflow: currents could reach"):
        _ = operation_currents(
            Conv(weights, [1, 1, 2]), [[Int32(1 << 16), 1]], [shape.copy()]
        )


def test_what_integers_have_not_is_refused() raises:
    """Leaks, averages, rates and weights of more than 16 bits."""
    with assert_raises(contains="beta: integers have no leak"):
        _ = if_multistep([Int32(1)], 1, 1, threshold=[2], beta=[0.5])
    with assert_raises(contains="operation: an average of integers"):
        _ = AvgPool[DType.int32]([2])
    for weight in [32768, -32769]:
        with assert_raises(contains="overflow: weights holds"):
            _ = Linear([Int32(weight)], 1, 1)
        with assert_raises(contains="overflow: weights holds"):
            _ = Conv([Int32(weight)], [1, 1, 1])
    for weight in [32767, -32768]:
        _ = Linear([Int32(weight)], 1, 1)
    var linear = Linear([Int32(1)], 1, 1)
    with assert_raises(contains="neuron_kind: integers have no leak"):
        _ = Network([1], [Node(linear.copy(), Neuron("LIF"))])
    with assert_raises(contains="not_whole: v_init times"):
        _ = Network([1], [Node(linear.copy(), Neuron("IF", v_init=[0.5]))])
    with assert_raises(contains="not_whole: v_reset"):
        _ = Network([1], [Node(linear.copy(), Neuron("IF", v_reset=one(0.5)))])
    with assert_raises(contains="overflow: threshold"):
        _ = Network(
            [1], [Node(linear.copy(), Neuron("ST-BIF", threshold=[1e10]))]
        )
    # What an `identity` has is not used.
    _ = Network([1], [Node(linear.copy(), Neuron("identity", v_init=[0.5]))])
    with assert_raises(contains="encoding: integers are no rates"):
        _ = network_run(
            Network([1], [Node(linear.copy(), Neuron("IF"))]),
            [Int32(1)],
            1,
            timesteps=1,
            encoding="poisson",
        )


def test_numbers_that_are_no_integers_are_refused() raises:
    """By the code of what is wrong with them."""
    var wrong: List[Float64] = [0.5, 2147483648.0, -2147483648.0, 1e300]
    var codes: List[String] = ["not_whole", "overflow", "overflow", "overflow"]
    for k in range(len(wrong)):
        with assert_raises(contains=codes[k] + ": x holds"):
            _ = as_elements[DType.int32]("x", [1.0, wrong[k]])
    with assert_raises(contains="non_finite: x holds"):
        _ = as_elements[DType.int32]("x", [Float64.MAX * 2])
    assert_equal(as_elements[DType.int32]("x", [-2147483647.0, -0.0]), [-M, 0])


def test_a_layer_counts_its_currents() raises:
    """The bound of a layer is that of its sums and of its neurons."""
    var weights: List[Int32] = [1 << 14, -(1 << 14)]
    var x: List[Int32] = [1 << 15, (1 << 15) - 1]
    var passed = layer_forward(x, 1, 1, 2, weights, 1, None, Neuron("identity"))
    assert_equal(passed.sums, [Int32(1 << 14)])
    var bias: List[Int32] = [Int32(M - (1 << 30))]
    _ = layer_forward(x, 1, 1, 2, weights, 1, bias.copy(), Neuron("identity"))
    bias[0] += 1
    with assert_raises(contains="overflow: currents could reach"):
        _ = layer_forward(
            x, 1, 1, 2, weights, 1, bias.copy(), Neuron("identity")
        )
    var twice: List[Int32] = [x[0], x[1], x[0], x[1]]
    with assert_raises(contains="overflow: a sum of currents"):
        _ = layer_forward(twice, 2, 1, 2, weights, 1, None, Neuron("identity"))
    with assert_raises(contains="overflow: v could reach"):
        _ = layer_forward(twice, 2, 1, 2, weights, 1, None, Neuron("IF"))


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
