"""How Mojo is called: on NumPy's own buffers, and never for long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

OPERATIONS_AT_ONCE: Final = 1 << 27
"""In one call into Mojo: about a tenth of a second. Between calls Python sees Ctrl-C."""


def at(array: Array) -> int:
    """Return where the values of an array in C order begin."""
    return array.ctypes.data


def is_double(array: Array) -> int:
    """Tell Mojo the float type of an array: 1 for float64, 0 for float32."""
    return int(array.dtype == np.float64)


def parts(count: int, operations: int) -> Iterator[slice]:
    """Yield slices of ``count`` pieces of work of so many operations: no signal ends a call, so calls are short."""
    at_once = max(1, OPERATIONS_AT_ONCE // max(1, operations))
    for start in range(0, count, at_once):
        yield slice(start, min(count, start + at_once))
