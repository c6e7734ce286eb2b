"""Tests of `spikeport.operations`: what holds for every operation, to the bit.
"""
from std.testing import TestSuite, assert_equal, assert_raises, assert_true

from spikeport.checks import product
from spikeport.currents import operation_currents
from spikeport.network import INPUT, Network, Node
from spikeport.neuron import Neuron
from spikeport.operations import (
    Add,
    AvgPool,
    Concat,
    Conv,
    Linear,
    MaxPool,
    Signal,
    SumPool,
)
from spikeport.operations.any_operation import operation_named
from spikeport.running import network_run


struct Draws(Copyable):
    """Numbers that look random and are the same everywhere."""

    var state: UInt64
    """Where the sequence is."""

    def __init__(out self, seed: Int):
        """Starts a sequence."""
        self.state = UInt64(seed) * 0x9E3779B97F4A7C15 + 1

    def whole(mut self, low: Int, high: Int) -> Int:
        """Draws a whole number, both ends included."""
        self.state = self.state * 6364136223846793005 + 1442695040888963407
        return low + Int((self.state >> 33) % UInt64(high - low + 1))

    def wholes(mut self, count: Int, low: Int, high: Int) -> List[Int]:
        """Draws several."""
        return [self.whole(low, high) for _ in range(count)]

    def ordinary[dtype: DType](mut self, count: Int) -> List[Scalar[dtype]]:
        """Draws numbers whose sums are rounded, a third of them 0."""
        var values = List[Scalar[dtype]](capacity=count)
        for _ in range(count):
            var value = Scalar[dtype](self.whole(-999, 999)) / 919
            values.append(0 if self.whole(0, 2) == 0 else value)
        return values^

    def spikes(mut self, count: Int) -> List[Int8]:
        """Draws spikes of 0 and 1."""
        return [Int8(self.whole(0, 1)) for _ in range(count)]


def unrolled[
    dtype: DType, //
](
    weights: List[Scalar[dtype]],
    weight_shape: List[Int],
    conv: Conv[dtype],
    shape: List[Int],
    out_shape: List[Int],
) -> List[Scalar[dtype]]:
    """Makes the matrix that does the same, from the equation."""
    var is_plane = len(shape) == 3
    var rows = shape[1] if is_plane else 1
    var columns = shape[len(shape) - 1]
    var out_rows = out_shape[1] if is_plane else 1
    var out_columns = out_shape[len(shape) - 1]
    var kernel_rows = weight_shape[2] if is_plane else 1
    var kernel_columns = weight_shape[len(shape)]
    ref window = conv.window
    var last = len(shape) - 2
    var n_in = product(shape)
    var matrix = List[Scalar[dtype]](length=product(out_shape) * n_in, fill=0)
    for c in range(out_shape[0]):
        var group = c * conv.groups // out_shape[0]
        for i in range(out_rows):
            for j in range(out_columns):
                var row = (c * out_rows + i) * out_columns + j
                for d in range(weight_shape[1]):
                    for a in range(kernel_rows):
                        var y = 0
                        if is_plane:
                            y = (
                                i * window.stride[0]
                                + a * window.dilation[0]
                                - window.padding[0]
                            )
                        for b in range(kernel_columns):
                            var x = (
                                j * window.stride[last]
                                + b * window.dilation[last]
                                - window.padding[last]
                            )
                            if not (0 <= y < rows and 0 <= x < columns):
                                continue
                            var channel = group * weight_shape[1] + d
                            var k = (channel * rows + y) * columns + x
                            var tap = (
                                (c * weight_shape[1] + d) * kernel_rows + a
                            ) * kernel_columns + b
                            matrix[row * n_in + k] = weights[tap]
    return matrix^


def check_unrolled[dtype: DType](seed: Int) raises:
    """Compares a random convolution with its matrix."""
    var draws = Draws(seed)
    var axes = draws.whole(1, 2)
    var groups = draws.whole(1, 3)
    var weight_shape: List[Int] = [
        groups * draws.whole(1, 12),
        draws.whole(1, 3),
    ]
    weight_shape.extend(draws.wholes(axes, 1, 3))
    var shape: List[Int] = [groups * weight_shape[1]]
    shape.extend(draws.wholes(axes, 5, 8))
    var weights = draws.ordinary[dtype](product(weight_shape))
    var bias = Optional[List[Scalar[dtype]]](None)
    if draws.whole(0, 1) == 1:
        bias = draws.ordinary[dtype](weight_shape[0])
    var conv = Conv(
        weights,
        weight_shape,
        bias,
        stride=draws.wholes(axes, 1, 3),
        padding=draws.wholes(axes, 0, 2),
        dilation=draws.wholes(axes, 1, 2),
        groups=groups,
    )
    var out_shape = conv.output_shape([shape.copy()])
    var positions = product(out_shape) // out_shape[0]
    var each = Optional[List[Scalar[dtype]]](None)
    if bias:
        var spread = List[Scalar[dtype]]()
        for b in bias.value():
            for _ in range(positions):
                spread.append(b)
        each = spread^
    var linear = Linear(
        unrolled(weights, weight_shape, conv, shape, out_shape),
        product(shape),
        product(out_shape),
        each,
    )
    for spiking in range(2):
        var count = 6 * product(shape)
        var signal = Signal(
            shape.copy(), values=draws.ordinary[dtype](count), is_steady=False
        )
        if spiking == 1:
            signal = Signal[dtype](shape.copy(), spikes=draws.spikes(count))
        assert_equal(
            conv.currents([signal.copy()], [0], 3, 2),
            linear.currents([signal.copy()], [0], 3, 2),
        )


def test_a_convolution_is_its_matrix() raises:
    """Any stride, padding, dilation, groups, one axis or two: the same bits."""
    for seed in range(40):
        check_unrolled[DType.float32](seed)
        check_unrolled[DType.float64](seed + 1000)


def test_the_count_of_a_max_pool_is_the_largest_in_its_window() raises:
    """Spikes of 0 and 1 stay so, and none is lost; also from a steady input."""
    for seed in range(20):
        var draws = Draws(seed)
        var kernel = draws.wholes(2, 1, 3)
        var padding: List[Int] = [
            draws.whole(0, kernel[0] - 1),
            draws.whole(0, kernel[1] - 1),
        ]
        var stride = draws.wholes(2, 1, 3)
        var pool = MaxPool[DType.float32](
            kernel.copy(), stride=stride.copy(), padding=padding.copy()
        )
        var shape: List[Int] = [2, 5, 6]
        var out = pool.output_shape([shape.copy()])
        var spikes = draws.spikes(9 * 60)
        var currents = pool.currents(
            [Signal[DType.float32](shape.copy(), spikes=spikes.copy())],
            [0],
            9,
            1,
        )
        var size = product(out)
        for c in range(2):
            for i in range(out[1]):
                for j in range(out[2]):
                    var count = 0
                    var at = (c * out[1] + i) * out[2] + j
                    for t in range(9):
                        var spike = currents[t * size + at]
                        assert_true(spike == 0 or spike == 1)
                        count += Int(spike)
                    var largest = 0
                    for a in range(kernel[0]):
                        for b in range(kernel[1]):
                            var y = i * stride[0] + a - padding[0]
                            var x = j * stride[1] + b - padding[1]
                            if not (0 <= y < 5 and 0 <= x < 6):
                                continue
                            var sum = 0
                            for t in range(9):
                                sum += Int(spikes[t * 60 + (c * 5 + y) * 6 + x])
                            largest = max(largest, sum)
                    assert_equal(count, largest)


def test_pools_by_hand() raises:
    """Padding counts in an average, and is no place of a maximum."""
    var x: List[List[Float64]] = [[-1.0, -2.0, 4.0, 8.0]]
    var shape: List[List[Int]] = [[1, 1, 1, 4]]
    var sums = SumPool[DType.float64]([2])
    assert_equal(operation_currents(sums, x.copy(), shape).values, [-3.0, 12.0])
    var average = AvgPool[DType.float64]([2], padding=Optional[List[Int]]([1]))
    var result = operation_currents(average, x.copy(), shape)
    assert_equal(result.shape, [1, 1, 1, 3])
    assert_equal(result.values, [-0.5, 1.0, 4.0])
    var largest = MaxPool[DType.float64]([2], padding=Optional[List[Int]]([1]))
    assert_equal(
        operation_currents(largest, x.copy(), shape).values, [-1.0, 4.0, 8.0]
    )
    # The second step gives what the maxima grow by.
    assert_equal(
        operation_currents(
            MaxPool[DType.float64]([2]),
            [[1.0, 2.0, 4.0, -3.0]],
            [[2, 1, 1, 2]],
        ).values,
        [2.0, 3.0],
    )


def test_joins_by_hand() raises:
    """In the order in which they are named; each sample by itself."""
    var shapes: List[List[Int]] = [[1, 2, 2], [1, 2, 2], [1, 2, 2]]
    var three: List[List[Float64]] = [
        [1e16, 1.0, 2.0, 3.0],
        [1.0, 1.0, 1.0, 1.0],
        [-1e16, 0.0, 0.0, 0.5],
    ]
    assert_equal(
        operation_currents(Add[DType.float64](), three.copy(), shapes).values,
        [0.0, 2.0, 3.0, 4.5],
    )
    shapes[1] = [1, 2, 1]
    three[1] = [7.0, 8.0]
    var joined = operation_currents(
        Concat[DType.float64](), three.copy(), shapes
    )
    assert_equal(joined.shape, [1, 2, 5])
    assert_equal(
        joined.values,
        [1e16, 1.0, 7.0, -1e16, 0.0, 2.0, 3.0, 8.0, 0.0, 0.5],
    )


def residual(depth: Int) raises -> Network[DType.float64]:
    """Makes the first nodes of a residual network on dyadic weights: a
    convolution, a pool, two branches, a join, a concat, and an output."""
    var draws = Draws(7)
    var node = Node(
        Conv(
            [Float64(draws.whole(-3, 5)) / 16 for _ in range(36)],
            [4, 1, 3, 3],
            Optional[List[Float64]]([0.125, 0.0, -0.0625, 0.25]),
            padding=Optional[List[Int]]([1, 1]),
        ),
        Neuron("IF", threshold=[1.0, 0.5, 0.75, 1.0], v_init=[0.5]),
    )
    var nodes: List[Node[DType.float64]] = [node^]
    nodes.append(Node(MaxPool[DType.float64]([2, 2]), Neuron("IF")))
    var square = [Float64(draws.whole(-2, 3)) / 4 for _ in range(16)]
    nodes.append(
        Node(Conv(square, [4, 4, 1, 1]), Neuron("IF", threshold=[0.5]))
    )
    square = [Float64(draws.whole(-2, 3)) / 4 for _ in range(16)]
    nodes.append(
        Node(
            Conv(square, [4, 4, 1, 1]),
            Neuron("IF", threshold=[0.5, 0.25, 1.0, 2.0]),
            [1],
        )
    )
    nodes.append(Node(Add[DType.float64](), Neuron("IF"), [2, 3]))
    nodes.append(Node(AvgPool[DType.float64]([2, 2]), Neuron("IF"), [INPUT]))
    nodes.append(Node(Concat[DType.float64](), Neuron("IF"), [4, 5]))
    var weights = [Float64(draws.whole(-2, 4)) / 8 for _ in range(60)]
    nodes.append(Node(Linear(weights, 20, 3), Neuron("IF", threshold=[0.5])))
    return Network([1, 4, 4], List[Node[DType.float64]](Span(nodes)[0:depth]))


def test_what_comes_in_is_spikes_or_membrane_at_every_node() raises:
    """Under soft reset: `drive = θ·count + v_end - v_start`, to the bit on
    dyadic values, behind every operation and for a threshold of each channel.
    """
    var x = [Float64((7 * i) % 16) / 16 for i in range(2 * 16)]
    for depth in range(1, 9):
        var network = residual(depth)
        var last = depth - 1
        for encoding in [String("current"), String("poisson")]:
            var result = network_run(
                network, x, 2, timesteps=16, encoding=encoding, seed=5
            )
            ref neuron = network.nodes[last].neuron
            ref shape = network.shapes[depth]
            var each = product(shape) // shape[0]
            for k in range(2 * product(shape)):
                var entry = (k % product(shape)) // each
                var theta = neuron.threshold[
                    min(entry, len(neuron.threshold) - 1)
                ]
                assert_equal(
                    result.drive[k],
                    theta * Float64(result.counts[last][k])
                    + result.membrane[last][k]
                    - neuron.v_init[0] * theta,
                )
            assert_true(sum_of(result.counts[last]) > 0, "a node is silent")


def sum_of(counts: List[Int64]) -> Int:
    """Adds counts up."""
    var total = 0
    for count in counts:
        total += Int(count)
    return total


def test_a_steady_input_is_its_copies_behind_every_operation() raises:
    """What is computed once is what is computed at every step."""
    var network = residual(8)
    for k in range(len(network.nodes)):
        # Graded values stay steady up to the max pool, which remembers.
        network.nodes[k].neuron = Neuron("identity")
    var x = [Float64((5 * i) % 16) / 16 for i in range(3 * 16)]
    var copies = List[Float64]()
    for _ in range(5):
        copies.extend(Span(x))
    var one = network_run(network, x, 3, timesteps=5)
    var other = network_run(network, copies, 3, timesteps=5, encoding="spikes")
    for k in range(len(network.nodes)):
        assert_equal(one.sums[k], other.sums[k])
    assert_equal(one.drive, other.drive)


def test_every_kind_of_neuron_stands_behind_any_operation() raises:
    """A parameter for each channel is that parameter for each of its neurons.
    """
    var pool = SumPool[DType.float64]([2, 2])
    var x = [Float64((5 * i) % 16) / 16 for i in range(32)]
    var two: List[Float64] = [1.0, 0.75]
    var kinds: List[Neuron] = [
        Neuron(
            "IF",
            threshold=two.copy(),
            v_reset=Optional[List[Float64]]([0.0, -0.5]),
        ),
        Neuron("LIF", threshold=two.copy(), beta=[0.5, 0.875]),
        Neuron("ST-BIF", threshold=two.copy(), v_init=[0.5, 0.25]),
    ]
    for neuron in kinds:
        var network = Network([2, 4, 4], [Node(pool.copy(), neuron.copy())])
        var result = network_run(network, x, 1, timesteps=7)
        for c in range(2):
            var own = neuron.copy()
            own.threshold = [neuron.threshold[c]]
            own.v_init = [neuron.v_init[min(c, len(neuron.v_init) - 1)]]
            own.beta = [neuron.beta[min(c, len(neuron.beta) - 1)]]
            if neuron.v_reset:
                own.v_reset = List[Float64](
                    length=1, fill=neuron.v_reset.value()[c]
                )
            var channel = List[Float64](Span(x)[16 * c : 16 * c + 16])
            var alone = network_run(
                Network([1, 4, 4], [Node(pool.copy(), own^)]),
                channel,
                1,
                timesteps=7,
            )
            for k in range(4):
                assert_equal(result.counts[0][4 * c + k], alone.counts[0][k])
                assert_equal(
                    result.membrane[0][4 * c + k], alone.membrane[0][k]
                )


def test_operations_are_refused_before_they_run() raises:
    """Windows that cannot be, signals that do not fit, words that are none."""
    var one: List[Float64] = [1.0]
    with assert_raises(contains="operation: there is no operation 'scale'"):
        _ = operation_named("scale", one)
    with assert_raises(contains="shape: a window has 1 or 2 axes"):
        _ = SumPool[DType.float64]([1, 1, 1])
    with assert_raises(contains="shape: kernel must be 1 to 65535, not 0"):
        _ = SumPool[DType.float64]([0])
    with assert_raises(contains="shape: a pool's padding 2 is not below"):
        _ = MaxPool[DType.float64]([2], padding=Optional[List[Int]]([2]))
    with assert_raises(contains="shape: stride has 2 numbers, the window 1"):
        _ = SumPool[DType.float64]([1], stride=Optional[List[Int]]([1, 1]))
    with assert_raises(contains="shape: 1 channels cannot be 2 equal groups"):
        _ = Conv(one, [1, 1, 1], groups=2)
    with assert_raises(contains="shape: weights has 1 values, not 2"):
        _ = Conv(one, [1, 1, 2])
    with assert_raises(contains="non_finite:"):
        _ = Conv([1e308 * 10], [1, 1, 1])
    var conv = Conv(one, [1, 1, 1])
    with assert_raises(contains="shape: a signal of 2 channels feeds"):
        _ = conv.output_shape([[2, 3]])
    with assert_raises(contains="a window of 1 axes reads (channels, n…)"):
        _ = conv.output_shape([[1, 3, 3]])
    with assert_raises(contains="shape: 2 signals feed a convolution"):
        _ = conv.output_shape([[1, 3], [1, 3]])
    with assert_raises(contains="shape: a kernel of 4 is too large"):
        _ = SumPool[DType.float64]([4]).output_shape([[1, 3]])
    with assert_raises(contains="shape: add reads two signals"):
        _ = Add[DType.float64]().output_shape([[1, 3]])
    with assert_raises(contains="shape: add reads (1, 3) and (3)"):
        _ = Add[DType.float64]().output_shape([[1, 3], [3]])
    with assert_raises(contains="shape: concat reads (1, 3) and (1, 4)"):
        _ = Concat[DType.float64]().output_shape([[1, 3], [1, 4]])
    with assert_raises(contains="shape: signals are (T, batch, shape)"):
        _ = operation_currents(
            Add[DType.float64](), [[1.0], [1.0, 1.0]], [[1, 1, 1], [2, 1, 1]]
        )


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
