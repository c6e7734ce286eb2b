"""Tests of `spikeport.layer`, `operations.linear` and `spikeport.neuron`."""
from std.testing import TestSuite, assert_equal, assert_raises

from spikeport.layer import layer_forward
from spikeport.neuron import Neuron
from spikeport.operations import Linear


def ordinary[dtype: DType](count: Int, seed: Int) -> List[Scalar[dtype]]:
    """Numbers whose sums are rounded, a third of them 0."""
    var values = List[Scalar[dtype]]()
    for i in range(count):
        var hash = (i * 7919 + seed * 104729 + i * i * 31) % 1009
        values.append(0 if hash % 3 == 0 else Scalar[dtype](hash) / 919 - 0.6)
    return values^


def check_order[
    dtype: DType, input_type: DType
](inputs: List[Scalar[input_type]], n_in: Int, n_out: Int) raises:
    """Compares weighted sums with the sum as it is written in the contract."""
    var rows = len(inputs) // n_in
    var weights = ordinary[dtype](n_in * n_out, 1)
    var bias = ordinary[dtype](n_out, 2)
    var linear = Linear(weights, n_in, n_out, bias.copy())
    var currents = linear.packed.sums(inputs, rows)
    var expected = List[Scalar[dtype]]()
    for row in range(rows):
        for j in range(n_out):
            var total = Scalar[dtype](0)
            for k in range(n_in):
                total += (
                    weights[j * n_in + k] * inputs[row * n_in + k].cast[dtype]()
                )
            expected.append(total + bias[j])
    assert_equal(currents, expected)


def test_sums_in_the_order_of_the_inputs() raises:
    """All terms, ascending, the bias last: whole panels and parts of one."""
    for n_out in [1, 31, 32, 33, 64, 65, 100]:
        check_order[DType.float64](
            ordinary[DType.float64](70 * 13, 3), 13, n_out
        )
        check_order[DType.float32](
            ordinary[DType.float32](3 * 13, 3), 13, n_out
        )


def test_sums_spikes_as_numbers() raises:
    """Spikes of -1, 0 and 1 sum to the bits of the same floats."""
    var mixed = [Int8((i * i) % 3 - 1) for i in range(90 * 17)]
    check_order[DType.float64](mixed, 17, 40)
    var ones = [Int8((i * i) % 2) for i in range(90 * 17)]
    check_order[DType.float32](ones, 17, 40)


def test_no_inputs_leave_the_bias() raises:
    """A layer of no inputs sums to +0."""
    var trace = layer_forward(
        List[Float64](),
        2,
        1,
        0,
        List[Float64](),
        2,
        Optional[List[Float64]]([1.0, -1.0]),
        Neuron("IF"),
    )
    assert_equal(trace.counts, [Int64(2), Int64(0)])


def test_identity_passes_the_currents_on() raises:
    """Kind `identity`: currents out, their sum as counts, membrane 0."""
    var trace = layer_forward(
        [1.0, 2.0, 3.0], 3, 1, 1, [0.5], 1, None, Neuron("identity")
    )
    assert_equal(trace.passed, [0.5, 1.0, 1.5])
    assert_equal(trace.sums, [3.0])
    assert_equal(trace.membrane, [0.0])


def test_samples_are_alone() raises:
    """A batch is its samples, one by one."""
    var weights = ordinary[DType.float64](5 * 6, 4)
    var inputs = ordinary[DType.float64](4 * 3 * 5, 5)
    var neuron = Neuron("ST-BIF", threshold=[0.3], v_init=[0.5])
    var together = layer_forward(inputs, 4, 3, 5, weights, 6, None, neuron)
    for b in range(3):
        var own = List[Float64]()
        for t in range(4):
            var start = (t * 3 + b) * 5
            own.extend(Span(inputs)[start : start + 5])
        var alone = layer_forward(own, 4, 1, 5, weights, 6, None, neuron)
        for j in range(6):
            assert_equal(together.counts[b * 6 + j], alone.counts[j])
            assert_equal(together.membrane[b * 6 + j], alone.membrane[j])


def test_refusals() raises:
    """Every fault is answered by its code."""
    with assert_raises(contains="shape:"):
        _ = layer_forward([1.0], 1, 1, 2, [1.0], 1, None, Neuron("IF"))
    with assert_raises(contains="shape:"):
        _ = layer_forward([1.0], 1, 1, 1, [1.0, 2.0], 1, None, Neuron("IF"))
    with assert_raises(contains="shape:"):
        var two: List[Float64] = [1.0, 2.0]
        _ = layer_forward([1.0], 1, 1, 1, [1.0], 1, two^, Neuron("IF"))
    with assert_raises(contains="non_finite:"):
        _ = layer_forward(
            [1e308, 1e308], 1, 1, 2, [1.0, 1.0], 1, None, Neuron("IF")
        )
    with assert_raises(contains="neuron_kind:"):
        _ = Neuron("AdEx")
    with assert_raises(contains="beta:"):
        _ = Neuron("IF", beta=[0.5])
    with assert_raises(contains="tracer:"):
        _ = Neuron("ST-BIF", tracer_max=1 << 31)


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
