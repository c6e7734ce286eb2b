"""The backend on torch: any device that holds 64-bit floats, all steps of a batch at once.

Integers are exact: sums are taken in a float type that holds every one of them, which is known before the run. Of
floats all is the reference's but the order in which ``linear`` and ``conv`` add, which is the library's; what comes of
it is measured, never promised.
"""

from __future__ import annotations

import importlib.util

from spikeport.backends.backend import Backend
from spikeport.errors import BackendError


def check_available() -> None:
    """Raise `BackendError` ``backend_unavailable`` where torch is not installed; whether it is found, not loaded."""
    if importlib.util.find_spec("torch") is None:
        raise BackendError("backend_unavailable", "backend 'torch' needs torch: pip install 'spikeport[torch]'")


def load(device: str = "") -> Backend:
    """Return the backend on a device by torch's name; by default on a GPU of CUDA where one is, else on the CPU.

    Raises `BackendError`: ``unknown_backend`` for a name that is none, ``backend_unavailable`` for what is not here.
    """
    check_available()
    from spikeport.backends.torch_device.backend import on

    return on(device)
