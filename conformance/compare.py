"""A reply held against its case: equal to the bit, or the first place where it is not."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from conformance.lines import Words

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """How one case went in one language; ``detail`` says why it did not pass."""

    kernel: str
    case: str
    status: Status
    detail: str = ""


def compare(expected: Words, reply: Words) -> str:
    """Return "" where ``reply`` has every expected output to the bit, else what differs, where and by how much."""
    if "error" in reply or "error" in expected:
        want, got = expected.get("error", ["an answer"])[0], reply.get("error", ["an answer"])
        return "" if [want] == got else f"error: expected {want}, got {','.join(got)}"
    for output, want in expected.items():
        if output not in reply:
            return f"{output}: not in the reply"
        got = reply[output]
        if len(want) != len(got):
            return f"{output}: expected {len(want)} values, got {len(got)}"
        for index, (a, b) in enumerate(zip(want, got, strict=True)):
            if a != b:
                return f"{output}[{index}]: expected {_shown(a)}, got {_shown(b)}{_distance(a, b)}"
    return ""


def _shown(word: str) -> str:
    value = _float(word)
    return word[:80] if value is None else f"{value!r} ({word})"


def _float(word: str) -> float | None:
    """Return the float that a bit pattern of 16 or 8 hex digits is, or None."""
    try:
        return float(struct.unpack({16: ">d", 8: ">f"}[len(word)], bytes.fromhex(word))[0])
    except (KeyError, ValueError):
        return None


def _distance(a: str, b: str) -> str:
    if _float(a) is None or _float(b) is None or len(a) != len(b):
        return ""
    return f", {abs(_ordered(a) - _ordered(b)):,} ulp apart"


def _ordered(word: str) -> int:
    """Return the rank of a float among all floats of its type, so that neighbours differ by 1."""
    bits, top = int(word, 16), 1 << (4 * len(word) - 1)
    return bits if bits < top else top - bits
