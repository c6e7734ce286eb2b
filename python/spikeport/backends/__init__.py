"""Who runs a kernel: one protocol, chosen by name.

``auto`` is Rust where the extension is built, as it is in every wheel, and the NumPy reference elsewhere. Backends that
compile or load something (Mojo, Julia, torch) do so on first use, never at import. ``torch`` runs only where it is
asked for by name, on the device that is named with it: ``torch:cuda``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final, cast

from spikeport.backends.backend import Backend
from spikeport.backends.fingerprint import fingerprint
from spikeport.backends.network import Network
from spikeport.errors import BackendError

__all__ = [
    "BACKENDS",
    "BIT_EQUAL",
    "Backend",
    "BackendError",
    "Network",
    "available_backends",
    "fingerprint",
    "get_backend",
]

BACKENDS: Mapping[str, str] = MappingProxyType(
    {
        "reference": "spikeport.backends.reference",
        "rust": "spikeport.backends.rust",
        "mojo": "spikeport.backends.mojo",
        "julia": "spikeport.backends.julia",
        "torch": "spikeport.backends.torch_device",
    }
)

_RUST: Final = "spikeport._rust"

BIT_EQUAL: Final = ("reference", "rust", "mojo", "julia")
"""Those that give the reference's bits on any floats; torch gives them on integers."""


def get_backend(name: str = "auto") -> Backend:
    """Return the backend called ``name``: ``auto`` or one of `BACKENDS`; torch with a device, such as ``torch:cuda``.

    Raises `BackendError` with ``unknown_backend``, or ``backend_unavailable`` and what to install.
    """
    if name == "auto":
        name = "rust" if _is_rust_built() else "reference"
    kind, colon, device = name.partition(":") if isinstance(name, str) else ("", "", "")
    if kind not in BACKENDS or (colon and not (kind == "torch" and device)):
        names = f"auto, {', '.join(BACKENDS)}, and torch with a device: torch:cpu, torch:cuda"
        raise BackendError("unknown_backend", f"no backend is called {name!r}: there are {names}")
    return _load(name)


def available_backends() -> dict[str, str | None]:
    """Return every backend's name with None where it runs here, else with the reason why not."""
    reasons: dict[str, str | None] = {}
    for name in BACKENDS:
        try:
            module = importlib.import_module(BACKENDS[name])
            if hasattr(module, "check_available"):  # without loading what is slow to load
                module.check_available()
            else:
                _load(name)
            reasons[name] = None
        except BackendError as error:
            reasons[name] = str(error)
    return reasons


def _is_rust_built() -> bool:
    # to look for a module that is loaded takes longer than a small network
    return sys.modules.get(_RUST) is not None or importlib.util.find_spec(_RUST) is not None


@cache
def _load(name: str) -> Backend:
    kind, _, device = name.partition(":")
    load = importlib.import_module(BACKENDS[kind]).load
    return cast(Backend, load(device) if device else load())
