"""A device, and arrays on their way to it and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeport.errors import BackendError
from spikeport.kernels.checks import as_float

Array = npt.NDArray[Any]

TYPES: dict[np.dtype[Any], torch.dtype] = {
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float64): torch.float64,
    np.dtype(np.int8): torch.int8,
    np.dtype(np.int16): torch.int16,
    np.dtype(np.int32): torch.int32,
    np.dtype(np.int64): torch.int64,
}


def type_of(tensor: Tensor) -> np.dtype[Any]:
    """Return NumPy's type of a tensor."""
    return {name: dtype for dtype, name in TYPES.items()}[tensor.dtype]


class Device:
    """Where tensors live. ``name`` is torch's, such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises `BackendError` ``unknown_backend`` for what torch does not call a device, ``backend_unavailable`` for one
    that is not here or does not hold 64-bit floats.
    """

    def __init__(self, name: str) -> None:
        try:
            self.torch = torch.device(name)
        except RuntimeError as error:
            raise BackendError(
                "unknown_backend", f"torch has no device {name!r}: give torch:cpu or torch:cuda ({_said(error)})"
            ) from None
        try:
            torch.zeros(1, dtype=torch.float64, device=self.torch)
        except Exception as error:  # what it raises differs from device to device
            raise BackendError(
                "backend_unavailable",
                f"backend 'torch:{name}' cannot run here, torch says: {_said(error)}; give torch:cpu or another one",
            ) from None

    def tensor(self, array: Array) -> Tensor:
        """Return a copy of an array."""
        return torch.tensor(np.ascontiguousarray(array), device=self.torch)

    def array(self, tensor: Tensor) -> Array:
        """Return a tensor's values."""
        values: Array = np.ascontiguousarray(tensor.cpu().numpy())
        return values

    def check_finite(self, name: str, tensor: Tensor) -> None:
        """Raise `KernelError` ``non_finite`` where a tensor of floats holds NaN or infinity."""
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            as_float(name, self.array(tensor))


def _said(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(". ")
