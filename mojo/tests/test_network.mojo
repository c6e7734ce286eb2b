"""Tests of `spikeport.network`."""
from std.testing import TestSuite, assert_equal, assert_raises

from spikeport.encode import encode_poisson
from spikeport.layer import layer_forward
from spikeport.network import Layer, network_run
from spikeport.neuron import Neuron


def sixteenths(count: Int, seed: Int) -> List[Float64]:
    """Dyadic numbers in [0, 1].

    Args:
        count: How many.
        seed: Which ones.

    Returns:
        Multiples of 1/16.
    """
    return [Float64((seed * i + i * i) % 17) / 16 for i in range(count)]


def two_layers() raises -> List[Layer[DType.float64]]:
    """Makes a network of 5 -> 7 -> 3.

    Returns:
        The layers.

    Raises:
        Error: Never.
    """
    var first = [w - 0.375 for w in sixteenths(35, 3)]
    var second = [w - 0.25 for w in sixteenths(21, 5)]
    return [
        Layer(first, 5, 7, None, Neuron("IF", v_init=[0.5])),
        Layer(second, 7, 3, sixteenths(3, 2), Neuron("LIF", beta=[0.5])),
    ]


def test_a_network_is_its_layers() raises:
    """Encoded input through one layer, its spikes through the next."""
    var x = sixteenths(10, 7)
    var trace = network_run(
        two_layers(), x, 2, timesteps=6, encoding="poisson", seed=9
    )
    var drawn = encode_poisson(x, 2, 5, timesteps=6, seed=9)
    var first = layer_forward(
        [Float64(s) for s in drawn],
        6,
        2,
        5,
        [w - 0.375 for w in sixteenths(35, 3)],
        7,
        None,
        Neuron("IF", v_init=[0.5]),
    )
    var second = layer_forward(
        [Float64(s) for s in first.spikes],
        6,
        2,
        7,
        [w - 0.25 for w in sixteenths(21, 5)],
        3,
        sixteenths(3, 2),
        Neuron("LIF", beta=[0.5]),
    )
    assert_equal(trace.counts[0], first.counts)
    assert_equal(trace.counts[1], second.counts)
    assert_equal(trace.membrane[1], second.membrane)


def test_a_current_is_its_copies() raises:
    """`current` is `spikes` with the same values at every step."""
    var x = sixteenths(10, 7)
    var copies = List[Float64]()
    for _ in range(6):
        copies.extend(Span(x))
    var one = network_run(two_layers(), x, 2, timesteps=6)
    var other = network_run(
        two_layers(), copies, 2, timesteps=6, encoding="spikes"
    )
    assert_equal(one.counts[1], other.counts[1])
    assert_equal(one.drive, other.drive)


def test_drive_is_what_the_last_layer_received() raises:
    """Under soft reset: `drive = θ·count + v_end - v_start`."""
    var layer = Layer(sixteenths(15, 3), 5, 3, None, Neuron("IF"))
    var trace = network_run([layer^], sixteenths(5, 2), 1, timesteps=20)
    for j in range(3):
        assert_equal(
            trace.drive[j],
            Float64(trace.counts[0][j]) + trace.membrane[0][j],
        )


def test_blocks_of_samples_change_nothing() raises:
    """A batch beyond one block gives every sample the bits it has alone."""
    var batch = 300
    var layers = two_layers()
    var x = sixteenths(batch * 5, 11)
    var together = network_run(
        layers, x, batch, timesteps=1000, encoding="poisson"
    )
    for b in [0, 148, 149, 150, 299]:
        var own = List[Float64](Span(x)[b * 5 : b * 5 + 5])
        var alone = network_run(
            layers, own, 1, timesteps=1000, encoding="poisson"
        )
        for j in range(3):
            assert_equal(together.counts[1][b * 3 + j], alone.counts[1][j])
            assert_equal(together.drive[b * 3 + j], alone.drive[j])


def test_identity_feeds_graded_values() raises:
    """A layer of kind `identity` feeds its currents to the next."""
    var half: List[Float64] = [0.5]
    var layers: List[Layer[DType.float64]] = [
        Layer(half, 1, 1, None, Neuron("identity")),
        Layer(half, 1, 1, None, Neuron("IF")),
    ]
    var trace = network_run(layers, [1.0], 1, timesteps=4)
    assert_equal(trace.sums[0], [2.0])
    assert_equal(trace.drive, [1.0])
    assert_equal(trace.counts[1], [Int64(1)])


def test_refusals() raises:
    """Every fault is answered by its code."""
    var layers = two_layers()
    with assert_raises(contains="timesteps:"):
        _ = network_run(layers, [1.0], 1, timesteps=-1)
    with assert_raises(contains="encoding:"):
        _ = network_run(layers, [1.0], 1, timesteps=1, encoding="burst")
    with assert_raises(contains="shape:"):
        _ = network_run(layers, [1.0], 1, timesteps=1)
    with assert_raises(contains="shape:"):
        _ = network_run(List[Layer[DType.float64]](), [1.0], 1, timesteps=1)
    with assert_raises(contains="shape:"):
        var twice: List[Layer[DType.float64]] = [
            layers[1].copy(),
            layers[1].copy(),
        ]
        _ = network_run(twice, sixteenths(7, 1), 1, timesteps=1)
    with assert_raises(contains="rate_range:"):
        _ = network_run(
            layers,
            [2.0, 0.0, 0.0, 0.0, 0.0],
            1,
            timesteps=1,
            encoding="poisson",
        )


def main() raises:
    """Runs the tests.

    Raises:
        Error: Where one fails.
    """
    TestSuite.discover_tests[__functions_in_module()]().run()
