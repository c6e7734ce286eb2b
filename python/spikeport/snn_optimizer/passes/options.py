"""What the options of passes take.

Each function returns the value as one of Python's own, or raises a TypeError that says what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from spikeport.checks import is_real, is_whole

Check = Callable[[Any], Any]


def number(value: Any) -> Any:
    """Return a real number."""
    if not is_real(value):
        raise TypeError("a number")
    return value.item() if isinstance(value, np.generic) else value


def number_or_none(value: Any) -> Any:
    """Return a real number, or None."""
    return None if value is None else number(value)


def whole(value: Any) -> int:
    """Return a whole number."""
    if not is_whole(value):
        raise TypeError("a whole number")
    return int(value)


def flag(value: Any) -> bool:
    """Return True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError("True or False")
    return bool(value)


def text(value: Any) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError("a text")
    return str(value)


def pair_or_none(value: Any) -> tuple[int, ...] | None:
    """Return whole numbers as a tuple, or None."""
    if value is None:
        return None
    if not isinstance(value, tuple | list) or not all(is_whole(one) for one in value):
        raise TypeError("a pair of whole numbers, as in (2, 4)")
    return tuple(int(one) for one in value)


def names(value: Any) -> list[str]:
    """Return the names of layers as a list; one text is one name."""
    if not isinstance(value, Collection):
        raise TypeError("a list of names")
    return [value] if isinstance(value, str) else list(value)
