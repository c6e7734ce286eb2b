"""Tests of the runner protocol, `protocol.words`."""
from std.testing import TestSuite, assert_equal, assert_raises

from protocol.words import Arguments, Reply


def text(reply: Reply) raises -> String:
    """Returns a reply as text."""
    return String(from_utf8=reply.bytes)


def test_arguments_are_read_by_key() raises:
    """Lists, empty lists, texts, numbers and what is not given."""
    var arguments = Arguments(
        "7 if.multistep x=0.25,-1e-05,inf names=a%2Cb,c none= n=-3"
    )
    var x = arguments.numbers("x")
    assert_equal(x[0:2], [0.25, -1e-05])
    assert_equal(x[2] > Float64.MAX_FINITE, True)
    assert_equal(arguments.texts("names"), ["a,b", "c"])
    assert_equal(len(arguments.numbers("none")), 0)
    assert_equal(arguments.integer("n"), -3)
    assert_equal(arguments.integer("absent", 5), 5)
    assert_equal(arguments.parameter("absent", 0.5), [0.5])
    with assert_raises(contains="usage:"):
        _ = arguments.numbers("absent")
    with assert_raises(contains="usage:"):
        _ = Arguments("7 if.multistep x")


def test_seeds_have_64_bits() raises:
    """The largest seed is read as it is."""
    var arguments = Arguments("1 k seed=18446744073709551615")
    assert_equal(arguments.unsigned("seed"), [UInt64.MAX])
    with assert_raises(contains="usage:"):
        _ = Arguments("1 k seed=-1").unsigned("seed")


def test_decimals_are_rounded_once_more_for_float32() raises:
    """A decimal is read as float64, then rounded to the element type."""
    var arguments = Arguments("1 k x=0.1,16777217")
    assert_equal(
        arguments.numbers[DType.float32]("x"), [Float32(0.1), 16777216]
    )


def test_integers_are_read_or_refused() raises:
    """A number of an integer call is whole; its parameters wait for the kernel.
    """
    var arguments = Arguments("1 k x=-3,2147483647 half=0.5 dtype=i32")
    assert_equal(arguments.dtype(), DType.int32)
    assert_equal(arguments.numbers[DType.int32]("x"), [-3, 2147483647])
    with assert_raises(contains="not_whole: half"):
        _ = arguments.numbers[DType.int32]("half")
    assert_equal(arguments.parameter[DType.int32]("half", 0), [0.5])
    with assert_raises(contains="dtype: "):
        _ = Arguments("1 k dtype=i64").dtype()


def test_replies_carry_bits() raises:
    """Floats as bit patterns, integers as decimals, texts encoded."""
    var reply = Reply()
    reply.numbers("v", [0.25, -0.0])
    reply.numbers("w", [Float32(1)])
    reply.numbers("i", [Int32(-70000), 4])
    reply.integers("s", [Int8(-1), Int8(0), Int8(1)])
    reply.texts("names", ["a b", "é"])
    reply.integers("none", List[Int64]())
    assert_equal(
        text(reply),
        (
            "v=3fd0000000000000,8000000000000000 w=3f800000 i=-70000,4 s=-1,0,1"
            " names=a%20b,%C3%A9 none="
        ),
    )


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
