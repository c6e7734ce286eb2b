"""JSON as RFC 8259 has it and no more: no duplicate keys, no NaN, no lone surrogates, bounded depth and numbers.

The standard parser does the parsing; what it lets through and a checkpoint must not is refused here.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

DEEPEST: Final = 64
LONGEST_NUMBER: Final = 400


def parse(text: bytes) -> Any:
    """Return the value of ``text``; raise `ValueError` saying what is wrong where it is not strict JSON."""
    try:
        source = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    _check_depth(source)
    value = json.loads(
        source,
        object_pairs_hook=_object,
        parse_constant=_no_constant,
        parse_float=_number(float),
        parse_int=_number(int),
    )
    _check_text(value)
    return value


def dump(value: Any) -> str:
    """Return ``value`` as canonical JSON on one line: keys sorted, ``", "`` and ``": "`` between, UTF-8 unescaped.

    Raises `ValueError` naming the place where JSON would change the value: a tuple, a key that is not text, NaN.
    """
    text = canonical(value)
    parse(text.encode("utf-8"))
    return text


def canonical(value: Any) -> str:
    """Return what `dump` does, before it is known whether `parse` takes it: a number may be too long, text no UTF-8."""
    _check_plain(value, "")
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _check_depth(source: str) -> None:
    depth, in_string, escaped = 0, False, False
    for character in source:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"nested deeper than {DEEPEST}")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return result


def _no_constant(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")


def _number(kind: type[int] | type[float]) -> Any:
    def convert(token: str) -> int | float:
        if len(token) > LONGEST_NUMBER or not math.isfinite(float(token)):
            raise ValueError(f"the number {token[:20]}… is longer than {LONGEST_NUMBER} characters or beyond float64")
        return kind(token)

    return convert


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)


def _check_plain(value: Any, place: str, depth: int = 1) -> None:
    where = place or "the top"
    if depth > DEEPEST:
        raise ValueError(f"{where} is nested deeper than {DEEPEST}")
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise ValueError(f"the key {key!r} at {where} is not text: JSON would change it")
            _check_plain(item, f"{place}.{key}" if place else key, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_plain(item, f"{place}[{index}]", depth + 1)
    elif type(value) not in (str, int, float, bool, type(None)):
        raise ValueError(
            f"{where} is a {type(value).__name__}, which JSON would change: use lists, dicts, text, numbers"
        )
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}, which is not JSON")
