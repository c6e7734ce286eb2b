"""What every kernel asks of its arguments, before any work."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers, is_whole
from spikeport.errors import KernelError

Array = npt.NDArray[Any]


LARGEST: Final = 2**31 - 1
"""The most timesteps, and the bounds of a tracer."""


def as_float(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` as a finite float array: float32 stays float32, everything else becomes float64."""
    array = as_numbers(name, values)
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise KernelError("non_finite", f"{name} holds NaN or infinity: {_first_bad(array)}")
    return array


def as_whole(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` as int32 or raise `KernelError`: ``non_finite``, ``not_whole``, beyond 32 bits ``overflow``."""
    array = as_numbers(name, values)
    if array.dtype == np.int32:
        return array
    wide = array.astype(np.float64)
    if not np.isfinite(wide).all():
        raise KernelError("non_finite", f"{name} holds NaN or infinity")
    for code, wrong in (("not_whole", wide != np.floor(wide)), ("overflow", np.abs(wide) > LARGEST)):
        if wrong.any():
            asked = "a whole number" if code == "not_whole" else f"at most {LARGEST:,}, of 32 bits"
            raise KernelError(code, f"{name} holds {wide[wrong][0]}: an integer network computes with {asked}")
    return wide.astype(np.int32)


def as_integers(name: str, values: npt.ArrayLike, dtype: Any) -> Array:
    """Return ``values`` as integers of ``dtype``, or raise `KernelError` as `as_whole`, ``overflow`` beyond it."""
    whole, kind = as_whole(name, values), np.iinfo(dtype)
    if whole.size and not kind.min <= whole.min() <= whole.max() <= kind.max:
        raise KernelError(
            "overflow",
            f"{name} reaches from {whole.min():,} to {whole.max():,}: {kind.dtype} holds {kind.min:,} to {kind.max:,}",
        )
    return whole.astype(dtype)


def as_element(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` in the type of a kernel: int32, which is that of integers, stays; else as `as_float`."""
    array = np.asarray(values) if isinstance(values, np.ndarray) else as_numbers(name, values)
    return array if array.dtype == np.int32 else as_float(name, array)


def as_currents(currents: npt.ArrayLike) -> Array:
    """Return ``currents`` as an array of shape (T, …, N): finite floats, or int32."""
    I = as_element("currents", currents)
    if I.ndim < 2:
        raise KernelError("shape", f"currents has shape {I.shape}: give (steps, neurons), or (steps, batch, neurons)")
    return I


def as_parameter(name: str, value: npt.ArrayLike, currents: Array, dtype: Any = None) -> Array:
    """Return a neuron parameter in ``dtype``, that of ``currents`` by default: one number, or one for each of its N
    neurons.
    """
    given, dtype = as_float(name, value), currents.dtype if dtype is None else dtype
    with np.errstate(over="ignore"):  # a double beyond float32 is refused below
        array = as_whole(name, given) if dtype == np.int32 else given.astype(dtype, copy=False)
    if not np.isfinite(array).all():
        raise KernelError("non_finite", f"{name} is beyond {array.dtype}, the type of the kernel: {value!r}")
    if array.ndim > 1 or array.size not in (1, currents.shape[-1]):
        raise KernelError("shape", f"{name} has shape {array.shape}: give one number, or {currents.shape[-1]}")
    return array


def check_timesteps(timesteps: int) -> None:
    """Raise unless ``timesteps`` is a whole number of at least 0, and below 2^31."""
    if not is_whole(timesteps) or timesteps < 0:
        raise KernelError("timesteps", f"timesteps must be a whole number of at least 0, not {timesteps!r}")
    if timesteps > LARGEST:
        raise KernelError("timesteps", f"timesteps must be at most {LARGEST:,}, not {timesteps!r}")


def check_tracer(tracer_min: int, tracer_max: int) -> tuple[int, int]:
    """Return a tracer's bounds, or raise unless they are whole numbers of at most 31 bits with 0 between them."""
    for name, bound in (("tracer_min", tracer_min), ("tracer_max", tracer_max)):
        if not is_whole(bound) or abs(int(bound)) > LARGEST:
            raise KernelError("tracer", f"{name} must be a whole number of at most 31 bits, not {bound!r}")
    if not tracer_min <= 0 <= tracer_max:
        raise KernelError("tracer", f"tracer bounds must hold 0, where it starts, not [{tracer_min}, {tracer_max}]")
    return int(tracer_min), int(tracer_max)


def _first_bad(array: Array) -> str:
    place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[place]} at index {place}"
