"""Calls into another language in parts: no signal ends such a call, and Python sees Ctrl-C between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

OPERATIONS_AT_ONCE: Final = 1 << 27
"""In one call: about a tenth of a second."""


def parts(count: int, operations: int) -> Iterator[slice]:
    """Yield slices of ``count`` pieces of work of so many operations each, at least one piece in every slice."""
    at_once = max(1, OPERATIONS_AT_ONCE // max(1, operations))
    for start in range(0, count, at_once):
        yield slice(start, min(count, start + at_once))


def is_one_part(count: int, operations: int) -> bool:
    """Whether one call does all of it."""
    return count * operations <= OPERATIONS_AT_ONCE
