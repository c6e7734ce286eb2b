"""Numbers of a neuron: one for all of a layer or one for each channel, said exactly or refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.operations import Shape

Array = npt.NDArray[Any]


def below(values: Array) -> Array:
    """Return the largest float below each: ``v > below(θ)`` is ``v >= θ``."""
    return np.asarray(np.nextafter(values, values.dtype.type(-np.inf)))


def above(values: Array, dtype: Any) -> Array:
    """Return the smallest float of ``dtype`` above each: ``v >= above(θ)`` is ``v > θ``."""
    rounded = values.astype(dtype)
    return np.where(rounded > values, rounded, np.nextafter(rounded, rounded.dtype.type(np.inf)))


def spread(values: Array, shape: Shape) -> Array:
    """Return one number, or one for each entry of the first axis, for all places of ``shape``."""
    column = values.reshape(-1, *(1,) * (len(shape) - 1)) if values.ndim else values
    return np.ascontiguousarray(np.broadcast_to(column, shape))


def gathered(name: str, what: str, values: Any, shape: Shape) -> Array:
    """Return what `spread` would spread over ``shape``, of shape () or (first axis,).

    Raises `GraphError` ``shape`` for another number of values, or for one that differs within a channel.
    """
    given = np.asarray(values)
    if given.dtype.kind not in "fiub" or not np.isfinite(given).all():
        raise GraphError("non_finite", f"{name}: {what} is not finite, or no number")
    if given.size == 1:
        return given.reshape(())
    if given.size != np.prod(shape):
        raise GraphError("shape", f"{name}: {what} has shape {given.shape} for neurons of shape {shape}")
    rows = given.reshape(shape[0], -1)
    if (rows != rows[:, :1]).any():
        raise GraphError(
            "shape",
            f"{name}: {what} differs within a channel: a layer has one number for each of its {shape[0]} channels",
        )
    return np.asarray(rows[0, 0] if (rows == rows[0, 0]).all() else rows[:, 0])


def combined(name: str, what: str, rule: Callable[[Any, Any], Any], a: Array, b: Array, *, exact: bool) -> Array:
    """Return ``rule(a, b)``, or raise `GraphError` ``not_exact`` where it is rounded and ``exact`` is wanted."""
    a, b = np.broadcast_arrays(a, b)
    result = np.asarray(rule(a, b))
    if exact:
        for left, right, rounded in zip(a.ravel(), b.ravel(), result.ravel(), strict=True):
            if rule(Fraction(float(left)), Fraction(float(right))) != Fraction(float(rounded)):
                raise not_exact(name, f"{what} of {float(left)!r} and {float(right)!r} is rounded in {result.dtype}")
    return result


def not_exact(name: str, why: str) -> GraphError:
    """Return the error for a number that has no exact form."""
    return GraphError("not_exact", f"{name}: {why}: change the numbers, or take the nearest (exact=False, --nearest)")
