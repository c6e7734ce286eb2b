"""Doors to other software: NIR graphs, written, read and run; torch modules that train; a network of integers as C99.

`to_c` writes what a compiler, a microcontroller or a tool for FPGAs reads, with the bits of every other language;
`to_nir` writes what simulators and neuromorphic tools read, and `from_nir` reads what they wrote; `to_torch` makes a
module of a network, to train on, and `from_torch` a network of that module.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spikeport.interop.c.source import CSource, to_c
from spikeport.interop.nir import certificate_in, compared, from_nir, load_nir, run_nir, save_nir, signals_of, to_nir

if TYPE_CHECKING:
    from spikeport.interop.torch.reading import from_torch
    from spikeport.interop.torch.writing import to_torch

__all__ = [
    "CSource",
    "certificate_in",
    "compared",
    "from_nir",
    "from_torch",
    "load_nir",
    "run_nir",
    "save_nir",
    "signals_of",
    "to_c",
    "to_nir",
    "to_torch",
]


def __getattr__(name: str) -> Any:
    if name in ("from_torch", "to_torch"):  # torch is imported when one of them is first asked for
        return getattr(importlib.import_module("spikeport.interop.torch"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
