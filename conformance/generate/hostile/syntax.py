"""Sidecars that are no JSON."""

from __future__ import annotations

from collections.abc import Callable

from conformance.generate.hostile.change import HOSTILE, Pair, change_text, good_pair, hostile

SYNTAX: dict[str, tuple[str, Callable[[str], str]]] = {
    "cut_sidecar": ("the sidecar is cut short", lambda s: s[:-5]),
    "empty_sidecar": ("the sidecar is empty", lambda s: ""),
    "byte_order_mark": ("a byte-order mark", lambda s: "\ufeff" + s),
    "nan_metadata": ("NaN is not JSON", lambda s: s.replace("0.972", "NaN")),
    "infinity_metadata": ("Infinity is not JSON", lambda s: s.replace("0.972", "-Infinity")),
    "overflowing_number": ("a number beyond float64", lambda s: s.replace("0.972", "1e999")),
    "long_number": ("a number of 401 digits", lambda s: s.replace("0.972", "0." + "1" * 399)),
    "leading_zero": ("a number with a leading zero", lambda s: s.replace("0.972", "00.972")),
    "bare_fraction": ("a number that begins with a point", lambda s: s.replace("0.972", ".972")),
    "plus_sign": ("a number with a plus sign", lambda s: s.replace("0.972", "+0.972")),
    "hex_number": ("a hexadecimal number", lambda s: s.replace("0.972", "0x1p3")),
    "duplicate_key": ("a key that stands twice", lambda s: s.replace('"version": 1', '"version": 1, "version": 1')),
    "duplicate_key_escaped": (
        "twice the same key, once escaped",
        lambda s: s.replace('"version": 1', '"version": 1, "ver\\u0073ion": 1'),
    ),
    "duplicate_key_inside": ("a key that stands twice in metadata", lambda s: s.replace('"task"', '"task": 1, "task"')),
    "trailing_comma": ("a comma behind the last key", lambda s: s.replace('"version": 1', '"version": 1,')),
    "comment": ("a comment", lambda s: s.replace("{\n", "{ // ours\n", 1)),
    "trailing_text": ("text behind the value", lambda s: s + "{}"),
    "single_quotes": ("single quotes", lambda s: s.replace('"', "'")),
    "control_character": ("a raw line feed inside a text", lambda s: s.replace("layer0", "lay\ner0")),
    "lone_surrogate": ("an escaped half of a character", lambda s: s.replace('"task": "small"', '"task": "\\ud800"')),
    "lone_low_surrogate": (
        "an escaped second half of a character",
        lambda s: s.replace('"task": "small"', '"task": "\\udc00"'),
    ),
    "bad_escape": ("an escape that does not exist", lambda s: s.replace('"task": "small"', '"task": "\\x41"')),
    "too_deep": ("sixty-five levels", lambda s: s.replace("0.972", "[" * 63 + "]" * 63)),
    "far_too_deep": ("two hundred thousand levels", lambda s: "[" * 200_000),
    "words": ("not JSON at all", lambda s: "spikes"),
}
for _name, (_comment, _change) in SYNTAX.items():
    HOSTILE[_name] = ("sidecar_syntax", _comment, lambda change=_change: change_text(change))


@hostile("sidecar_syntax", "bytes that are not UTF-8")
def not_utf8() -> Pair:
    archive, sidecar = good_pair()
    return archive, sidecar.replace(b"small", b"sm\xff\xfell")


@hostile("sidecar_syntax", "a NUL byte behind the text")
def trailing_nul() -> Pair:
    archive, sidecar = good_pair()
    return archive, sidecar + b"\x00"
