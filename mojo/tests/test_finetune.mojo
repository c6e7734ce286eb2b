"""Tests of `spikeport.finetune`."""
from std.testing import TestSuite, assert_equal, assert_raises

from spikeport.finetune import schedule, step, unfreeze


def names() -> List[String]:
    """Names three layers."""
    return ["a", "b", "c"]


def test_schedule_freezes_up_to_and_with_the_index() raises:
    """Frozen layers rest, the backbone is slow, the head is fast."""
    var result = schedule(
        names(), freeze_until=0, lr_backbone=0.25, lr_head=0.5
    )
    assert_equal(result.frozen, ["a"])
    assert_equal(result.rates, [0.0, 0.25, 0.5])


def test_schedule_keeps_network_order() raises:
    """Names frozen before come out in the order of the network."""
    var result = schedule(
        names(), freeze_until_name=String("a"), frozen=["c", "a"]
    )
    assert_equal(result.frozen, ["a", "c"])
    assert_equal(result.rates, [0.0, 0.0, 0.0])


def test_head_may_begin_early() raises:
    """Everything from the head's first layer on has the head's rate."""
    var result = schedule(names(), lr_head=0.5, head=String("b"))
    assert_equal(result.rates, [0.0, 0.5, 0.5])


def test_unfreeze_sets_free_what_is_named() raises:
    """Names that are not frozen change nothing; `all_layers` frees all."""
    assert_equal(unfreeze(names(), ["c", "a"], names=["b", "a"]), ["c"])
    assert_equal(len(unfreeze(names(), ["c"], all_layers=True)), 0)
    with assert_raises(contains="unknown_layer:"):
        _ = unfreeze(names(), ["c"], names=["z"], all_layers=True)


def test_step_moves_only_what_may_move() raises:
    """`u = μ·u + g`, `w = w - η·u`; frozen layers and rate 0 keep bits."""
    var w: List[List[Float64]] = [[1.0], [1.0], [-0.0]]
    var g: List[List[Float64]] = [[0.5], [0.5], [0.5]]
    var u: List[List[Float64]] = [[2.0], [2.0], [2.0]]
    var result = step(
        w,
        g,
        [0.25, 0.25, 0.0],
        layer_names=names(),
        frozen=["b"],
        momentum=0.5,
        velocities=u^,
    )
    assert_equal(result.velocities[0], [1.5])
    assert_equal(result.weights[0], [0.625])
    assert_equal(result.weights[1], [1.0])
    assert_equal(result.velocities[1], [2.0])
    assert_equal(1 / result.weights[2][0], -1 / Float64(0))


def test_every_width_moves_alike() raises:
    """Vectors and their tail; the rates of float32 are rounded when used."""
    for count in [1, 15, 16, 17, 50]:
        var w = [Float32(i) / 7 for i in range(count)]
        var g = [Float32(i * i % 11) / 3 for i in range(count)]
        var result = step(
            [w.copy()],
            [g.copy()],
            [0.1],
            layer_names=["a"],
            momentum=0.9,
            velocities=Optional[List[List[Float32]]]([g.copy()]),
        )
        for i in range(count):
            var u = Float32(0.9) * g[i] + g[i]
            assert_equal(result.velocities[0][i], u)
            assert_equal(result.weights[0][i], w[i] - Float32(0.1) * u)


def test_refusals_come_in_order() raises:
    """A call with several faults is answered by the first of the contract."""
    var one: List[List[Float64]] = [[1.0]]
    var two: List[List[Float64]] = [[1.0, 2.0]]
    with assert_raises(contains="momentum:"):
        _ = step(one, one, [0.1], layer_names=[], momentum=1.0)
    with assert_raises(contains="shape:"):
        _ = step(one, one, [0.1], layer_names=names(), frozen=["z"])
    with assert_raises(contains="unknown_layer:"):
        _ = step(one, one, [-0.1], layer_names=["a"], frozen=["z"])
    with assert_raises(contains="learning_rate:"):
        _ = step(one, two, [-0.1], layer_names=["a"])
    with assert_raises(contains="shape:"):
        _ = step(one, two, [0.1], layer_names=["a"])
    with assert_raises(contains="learning_rate:"):
        _ = schedule(names(), freeze_until=9, lr_head=-1.0)
    with assert_raises(contains="index_range:"):
        _ = schedule(names(), freeze_until=3)
    with assert_raises(contains="unknown_layer:"):
        _ = schedule(names(), head=String("z"))


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
