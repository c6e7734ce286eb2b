"""Who runs a kernel: one protocol, chosen by name.

``auto`` is Rust where the extension is built, as it is in every wheel, and the NumPy reference elsewhere. Backends that
compile or load something (Mojo, Julia) do so on first use, never at import.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import cast

from spikeport.backends.backend import Backend
from spikeport.backends.fingerprint import fingerprint
from spikeport.backends.network import Network
from spikeport.errors import BackendError

__all__ = ["BACKENDS", "Backend", "BackendError", "Network", "available_backends", "fingerprint", "get_backend"]

BACKENDS: Mapping[str, str] = MappingProxyType(
    {
        "reference": "spikeport.backends.reference",
        "rust": "spikeport.backends.rust",
        "mojo": "spikeport.backends.mojo",
        "julia": "spikeport.backends.julia",
    }
)


def get_backend(name: str = "auto") -> Backend:
    """Return the backend called ``name``: ``auto`` or one of `BACKENDS`.

    Raises `BackendError` with ``unknown_backend``, or ``backend_unavailable`` and what to install.
    """
    if name == "auto":
        name = "rust" if importlib.util.find_spec("spikeport._rust") is not None else "reference"
    if not isinstance(name, str) or name not in BACKENDS:
        raise BackendError("unknown_backend", f"no backend is called {name!r}: there are auto, {', '.join(BACKENDS)}")
    return _load(name)


def available_backends() -> dict[str, str | None]:
    """Return every backend's name with None where it runs here, else with the reason why not."""
    reasons: dict[str, str | None] = {}
    for name in BACKENDS:
        try:
            _load(name)
            reasons[name] = None
        except BackendError as error:
            reasons[name] = str(error)
    return reasons


@cache
def _load(name: str) -> Backend:
    return cast(Backend, importlib.import_module(BACKENDS[name]).load())
