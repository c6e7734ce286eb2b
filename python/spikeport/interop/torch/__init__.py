"""A spiking network as a torch module that trains, and back: `to_torch`, `from_torch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikeport.lazy import attributes_of, import_torch

if TYPE_CHECKING:
    from spikeport.interop.torch.network import SpikingNetwork, TorchRun
    from spikeport.interop.torch.reading import from_torch
    from spikeport.interop.torch.surrogate import Arctan, FastSigmoid, Surrogate
    from spikeport.interop.torch.writing import to_torch

__all__ = ["Arctan", "FastSigmoid", "SpikingNetwork", "Surrogate", "TorchRun", "from_torch", "to_torch"]

HOMES = {
    "Arctan": "spikeport.interop.torch.surrogate",
    "FastSigmoid": "spikeport.interop.torch.surrogate",
    "SpikingNetwork": "spikeport.interop.torch.network",
    "Surrogate": "spikeport.interop.torch.surrogate",
    "TorchRun": "spikeport.interop.torch.network",
    "from_torch": "spikeport.interop.torch.reading",
    "to_torch": "spikeport.interop.torch.writing",
}
"""All of these are torch's or make what is: torch is imported when one is first asked for, not with this package."""

__getattr__ = attributes_of(__name__, HOMES, import_torch)
