"""A spiking network as a torch module that trains, and back: `to_torch`, `from_torch`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spikeport.errors import MissingExtra

if TYPE_CHECKING:
    from spikeport.interop.torch.network import SpikingNetwork, TorchRun
    from spikeport.interop.torch.reading import from_torch
    from spikeport.interop.torch.surrogate import Arctan, FastSigmoid, Surrogate
    from spikeport.interop.torch.writing import to_torch

__all__ = ["Arctan", "FastSigmoid", "SpikingNetwork", "Surrogate", "TorchRun", "from_torch", "to_torch"]

_FILES = {
    "Arctan": "surrogate",
    "FastSigmoid": "surrogate",
    "SpikingNetwork": "network",
    "Surrogate": "surrogate",
    "TorchRun": "network",
    "from_torch": "reading",
    "to_torch": "writing",
}


def __getattr__(name: str) -> Any:
    # All of these are torch's or make what is: torch is imported when one is first asked for, not with this package.
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        importlib.import_module("torch")
    except ImportError:
        raise MissingExtra("torch", "torch", name) from None
    return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
