"""How Mojo is called: on NumPy's own buffers, and never for long."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_ELEMENTS: Final = (np.float32, np.float64, np.int32)


def at(array: Array) -> int:
    """Return where the values of an array in C order begin."""
    return array.ctypes.data


def element(array: Array) -> int:
    """Tell Mojo the type of an array's values: 0 for float32, 1 for float64, 2 for int32."""
    return _ELEMENTS.index(array.dtype)
