"""What conversion asks of its arguments, before any work."""

from __future__ import annotations

import importlib
import math
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import ConversionError, MissingExtra


def check_timesteps(T: Any) -> int:
    """Return ``T`` as an int, or raise `ConversionError` ``timesteps`` unless it is a whole number of at least 1."""
    if isinstance(T, bool) or not isinstance(T, int | np.integer) or T < 1:
        raise ConversionError("timesteps", f"T must be a whole number of at least 1, not {T!r}")
    return int(T)


def check_percentile(percentile: Any) -> float:
    """Return ``percentile`` as a float, or raise `ConversionError` ``percentile`` unless it lies in (0, 100]."""
    number = isinstance(percentile, int | float | np.number) and not isinstance(percentile, bool)
    if not number or not 0 < percentile <= 100:
        raise ConversionError("percentile", f"percentile must lie in (0, 100], not {percentile!r}: 99.9 is usual")
    return float(percentile)


def check_theta(theta: Any, name: str = "theta") -> float:
    """Return ``theta`` as a float, or raise `ConversionError` ``threshold`` unless it is finite and above 0."""
    number = isinstance(theta, int | float | np.number) and not isinstance(theta, bool)
    if not number or not math.isfinite(theta) or theta <= 0:
        raise ConversionError("threshold", f"{name} must be a finite number above 0, not {theta!r}")
    return float(theta)


def as_array(name: str, values: Any) -> npt.NDArray[Any]:
    """Return ``values`` as a NumPy array; a torch tensor comes off its graph and its device.

    Raises `ConversionError`: ``shape`` for a ragged list, ``dtype`` for a tensor that no array holds (sparse, meta).
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            values = (values.float() if "bfloat16" in str(values.dtype) else values).numpy()  # NumPy has no bfloat16
        return np.asarray(values)
    except ValueError:
        raise ConversionError("shape", f"{name} is ragged: give every sample the same shape") from None
    except (TypeError, NotImplementedError) as error:
        raise ConversionError("dtype", f"{name} cannot be read as an array: {error}") from None


def import_torch(purpose: str) -> ModuleType:
    """Return torch, or raise `MissingExtra` for ``purpose``."""
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise MissingExtra("torch", "torch", purpose) from None
