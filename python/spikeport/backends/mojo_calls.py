"""How Mojo is called: on NumPy's own buffers, and never for long."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def at(array: Array) -> int:
    """Return where the values of an array in C order begin."""
    return array.ctypes.data


def is_double(array: Array) -> int:
    """Tell Mojo the float type of an array: 1 for float64, 0 for float32."""
    return int(array.dtype == np.float64)
