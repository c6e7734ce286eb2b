"""What every room asks of a number or an array that a caller gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError, SpikeportError

Array = npt.NDArray[Any]
Given = ParamSpec("Given")
Result = TypeVar("Result")


def takes(name: str, *, instead_of: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Have a function say by `TypeError` that an argument which others call ``instead_of`` is called ``name`` here."""

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(function)
        def checked(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            if instead_of in kwargs:
                given = kwargs[instead_of]
                raise TypeError(
                    f"{function.__qualname__}() has no argument {instead_of!r}: the number of timesteps is called "
                    f"{name} here, {name}={given!r}"
                )
            return function(*args, **kwargs)

        return checked

    return decorate


def is_whole(value: object) -> bool:
    """Whether ``value`` is a whole number, Python's or NumPy's, and no bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_real(value: object) -> bool:
    """Whether ``value`` is a real number, Python's or NumPy's (NaN and infinity included), and no bool."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def as_numbers(name: str, values: npt.ArrayLike, error: type[SpikeportError] = KernelError) -> Array:
    """Return ``values`` as an array of real numbers, or raise ``error``: ``shape`` if it is ragged, else ``dtype``."""
    if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
        values = np.from_dlpack(cast(Any, values))  # borrowed, as what NumPy knows by itself is
    try:
        array = np.asarray(values)
    except ValueError:
        raise error("shape", f"{name} is ragged: give rows of one length") from None
    if array.dtype.kind not in "fiub":
        raise error("dtype", f"{name} has dtype {array.dtype}: give real numbers")
    return array
