"""Tests of `spikeport.network`."""
from std.testing import TestSuite, assert_equal, assert_raises

from spikeport.encode import encode_poisson
from spikeport.layer import layer_forward
from spikeport.network import INPUT, Network, Node
from spikeport.neuron import Neuron
from spikeport.operations import Linear
from spikeport.running import network_run


def sixteenths(count: Int, seed: Int) -> List[Float64]:
    """Dyadic numbers in [0, 1]."""
    return [Float64((seed * i + i * i) % 17) / 16 for i in range(count)]


def two_layers() raises -> Network[DType.float64]:
    """Makes a network of 5 -> 7 -> 3."""
    var first = [w - 0.375 for w in sixteenths(35, 3)]
    var second = [w - 0.25 for w in sixteenths(21, 5)]
    return Network(
        [5],
        [
            Node(Linear(first, 5, 7), Neuron("IF", v_init=[0.5])),
            Node(
                Linear(second, 7, 3, sixteenths(3, 2)),
                Neuron("LIF", beta=[0.5]),
            ),
        ],
    )


def test_a_network_is_its_layers() raises:
    """Encoded input through one layer, its spikes through the next."""
    var x = sixteenths(10, 7)
    var result = network_run(
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
    assert_equal(result.counts[0], first.counts)
    assert_equal(result.counts[1], second.counts)
    assert_equal(result.membrane[1], second.membrane)


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
    var node = Node(Linear(sixteenths(15, 3), 5, 3), Neuron("IF"))
    var result = network_run(
        Network([5], [node^]), sixteenths(5, 2), 1, timesteps=20
    )
    for j in range(3):
        assert_equal(
            result.drive[j],
            Float64(result.counts[0][j]) + result.membrane[0][j],
        )


def test_blocks_of_samples_change_nothing() raises:
    """A batch beyond one block gives every sample the bits it has alone."""
    var batch = 300
    var network = two_layers()
    var x = sixteenths(batch * 5, 11)
    var together = network_run(
        network, x, batch, timesteps=1000, encoding="poisson"
    )
    for b in [0, 148, 149, 150, 299]:
        var own = List[Float64](Span(x)[b * 5 : b * 5 + 5])
        var alone = network_run(
            network, own, 1, timesteps=1000, encoding="poisson"
        )
        for j in range(3):
            assert_equal(together.counts[1][b * 3 + j], alone.counts[1][j])
            assert_equal(together.drive[b * 3 + j], alone.drive[j])


def test_identity_feeds_graded_values() raises:
    """A node of kind `identity` feeds its currents to the next, steady or not.
    """
    var half: List[Float64] = [0.5]
    var network = Network(
        [1],
        [
            Node(Linear(half, 1, 1), Neuron("identity")),
            Node(Linear(half, 1, 1), Neuron("IF")),
        ],
    )
    var result = network_run(network, [1.0], 1, timesteps=4)
    assert_equal(result.sums[0], [2.0])
    assert_equal(result.membrane[0], [0.0])
    assert_equal(result.drive, [1.0])
    assert_equal(result.counts[1], [Int64(1)])
    result = network_run(
        network, [1.0, 2.0, 0.0, 3.0], 1, timesteps=4, encoding="spikes"
    )
    assert_equal(result.sums[0], [3.0])
    assert_equal(result.drive, [1.5])


def test_a_node_reads_what_it_names() raises:
    """Two nodes read the input, a fourth one the first: each gives what a
    chain of the nodes that lead to it gives."""
    var weights = [w - 0.375 for w in sixteenths(25, 3)]
    var others = [w - 0.25 for w in sixteenths(25, 5)]
    var neuron = Neuron("IF", v_init=[0.5])
    var x = sixteenths(10, 7)
    var network = Network(
        [5],
        [
            Node(Linear(weights, 5, 5), neuron.copy()),
            Node(Linear(others, 5, 5), neuron.copy(), [INPUT]),
            Node(Linear(weights, 5, 5), neuron.copy()),
            Node(Linear(others, 5, 5), neuron.copy(), [0]),
        ],
    )
    # The input is forgotten after node 1, node 0 after node 3.
    assert_equal(network.last_reader, [1, 3, 2, -1, -1])
    for encoding in [String("current"), String("poisson")]:
        var result = network_run(
            network, x, 2, timesteps=9, encoding=encoding, seed=3
        )
        for end in [2, 3]:  # behind node 1, and behind node 0
            var nodes = [
                network.nodes[3 - end].copy(),
                network.nodes[end].copy(),
            ]
            for k in range(2):
                nodes[k].sources = []
            var chain = Network([5], [nodes[0].copy(), nodes[1].copy()])
            var alone = network_run(
                chain, x, 2, timesteps=9, encoding=encoding, seed=3
            )
            assert_equal(result.counts[3 - end], alone.counts[0])
            assert_equal(result.counts[end], alone.counts[1])
            assert_equal(result.membrane[end], alone.membrane[1])


def test_refusals() raises:
    """Every fault is answered by its code."""
    var network = two_layers()
    with assert_raises(contains="timesteps:"):
        _ = network_run(network, [1.0], 1, timesteps=-1)
    with assert_raises(contains="encoding:"):
        _ = network_run(network, [1.0], 1, timesteps=1, encoding="burst")
    with assert_raises(contains="shape:"):
        _ = network_run(network, [1.0], 1, timesteps=1)
    with assert_raises(contains="shape:"):
        _ = network_run(network, [1.0], -1, timesteps=1)
    with assert_raises(contains="rate_range:"):
        _ = network_run(
            network,
            [2.0, 0.0, 0.0, 0.0, 0.0],
            1,
            timesteps=1,
            encoding="poisson",
        )


def test_a_network_is_refused_before_it_runs() raises:
    """Widths that do not fit, nodes that are not before, broken neurons."""
    var node = network_node(Neuron("IF"))
    with assert_raises(contains="shape: a network needs"):
        _ = Network([5], List[Node[DType.float64]]())
    with assert_raises(contains="shape: a signal of 3 values"):
        _ = Network([5], [node.copy(), node.copy()])
    with assert_raises(contains="shape: a signal of 4 values"):
        _ = Network([4], [node.copy()])
    for axes in [0, 4]:
        with assert_raises(contains="shape: the input has 1 to 3 axes"):
            _ = Network(List[Int](length=axes, fill=1), [node.copy()])
    for source in [-2, 0, 1]:
        var wrong = node.copy()
        wrong.sources = [source]
        with assert_raises(contains="shape: node 0 reads node"):
            _ = Network([5], [wrong^])
    node.sources = [INPUT, INPUT]
    with assert_raises(contains="shape: 2 signals feed a linear layer"):
        _ = Network([5], [node^])
    with assert_raises(contains="threshold:"):
        _ = Network([5], [network_node(Neuron("IF", threshold=[0.0]))])


def network_node(var neuron: Neuron) raises -> Node[DType.float64]:
    """Makes a node of 5 -> 3."""
    return Node(Linear(sixteenths(15, 3), 5, 3), neuron^)


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
