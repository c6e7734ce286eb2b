"""Tests of `spikeport.strict_json`."""
from std.testing import TestSuite, assert_equal, assert_raises

from spikeport.checkpoint.strict_json import WHOLE, Json, escape


def parse(text: String) raises -> Json:
    """Scans a text."""
    return Json(List[UInt8](text.as_bytes()))


def test_reads_members_in_any_order() raises:
    """Values are found by their unescaped keys."""
    var json = parse(' {"b": [1, -20, 3.5e1], "\\u0061": {"x": "é\\n"}} ')
    var a = json.member(0, "a").value()
    assert_equal(json.string(json.member(a, "x").value()), "é\n")
    var items = json.children(json.member(0, "b").value())
    assert_equal(len(items), 3)
    assert_equal(json.whole(items[1]), -20)
    assert_equal(json.kind(items[2]) == WHOLE, False)
    assert_equal(Bool(json.member(0, "c")), False)
    assert_equal(json.source(a), '{"x": "é\\n"}')


def test_accepts_all_that_the_standard_has() raises:
    """Escapes, pairs of surrogates, numbers at their limits, 64 levels."""
    for text in [
        "null",
        "[]",
        "{}",
        "[true, false]",
        '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"',
        "-0",
        "1E+5",
        "1.7976931348623157e308",
        "5e-324",
        "1e-999",
    ]:
        _ = parse(String(text))
    _ = parse(String("[") * 64 + String("]") * 64)
    _ = parse("0." + String("1") * 398)


def test_refuses_what_other_parsers_let_through() raises:
    """All that RFC 8259 does not have, and what the contract adds."""
    for text in [
        "",
        " ",
        "NaN",
        "Infinity",
        "-Infinity",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "1 2",
        "[1,]",
        "[1 2]",
        "{,}",
        '{"a" 1}',
        '{"a": 1,}',
        "{a: 1}",
        "'a'",
        '"a',
        '"\\x"',
        '"\\u12g4"',
        '"\\',
        '"\t"',
        '"\\ud800"',
        '"\\udc00"',
        '"\\ud800\\ud800"',
        '{"a": 1, "\\u0061": 2}',
        "1e309",
        "tru",
        "nulll",
        "\ufeff1",
    ]:
        with assert_raises():
            _ = parse(String(text))
    with assert_raises(contains="nested"):
        _ = parse(String("[") * 65 + String("]") * 65)
    with assert_raises(contains="too large"):
        _ = parse("0." + String("1") * 399)
    with assert_raises(contains="UTF-8"):
        _ = Json([34, 0xFF, 34])


def test_whole_numbers_saturate() raises:
    """A number beyond 62 bits is large, not something else."""
    assert_equal(parse("7").whole(0), 7)
    assert_equal(parse(String("9") * 300).whole(0), 1 << 62)
    assert_equal(parse("-" + String("9") * 300).whole(0), -(1 << 62))


def test_escape_writes_the_one_form() raises:
    """Short escapes where there are any, lower-case hex, the rest as it is."""
    assert_equal(escape('a"\\/é'), '"a\\"\\\\/é"')
    assert_equal(escape("\n\r\t\x08\x0c"), '"\\n\\r\\t\\b\\f"')
    assert_equal(escape("\x01\x1f\x7f"), '"\\u0001\\u001f\x7f"')


def main() raises:
    """Runs the tests."""
    TestSuite.discover_tests[__functions_in_module()]().run()
