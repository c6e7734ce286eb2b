"""What every kernel asks of its arguments, before any work."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError

Array = npt.NDArray[Any]


def as_float(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` as a finite float array: float32 stays float32, everything else becomes float64."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise KernelError("dtype", f"{name} has dtype {array.dtype}: give real numbers")
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise KernelError("non_finite", f"{name} holds NaN or infinity: {_first_bad(array)}")
    return array


def as_currents(currents: npt.ArrayLike) -> Array:
    """Return ``currents`` as a finite float array of shape (T, …, N)."""
    I = as_float("currents", currents)
    if I.ndim < 2:
        raise KernelError("shape", f"currents has shape {I.shape}: give (steps, neurons), or (steps, batch, neurons)")
    return I


def as_parameter(name: str, value: npt.ArrayLike, currents: Array) -> Array:
    """Return a neuron parameter in the dtype of ``currents``: one number, or one for each of its N neurons."""
    array = as_float(name, value).astype(currents.dtype, copy=False)
    if array.ndim > 1 or array.size not in (1, currents.shape[-1]):
        raise KernelError("shape", f"{name} has shape {array.shape}: give one number, or {currents.shape[-1]}")
    return array


def check_timesteps(timesteps: int) -> None:
    """Raise unless ``timesteps`` is a whole number of at least 0."""
    if isinstance(timesteps, bool) or not isinstance(timesteps, int | np.integer) or timesteps < 0:
        raise KernelError("timesteps", f"timesteps must be a whole number of at least 0, not {timesteps!r}")


def _first_bad(array: Array) -> str:
    place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return f"{array[place]} at index {place}"
