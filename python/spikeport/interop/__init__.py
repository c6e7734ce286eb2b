"""Doors to other software: trained networks of other libraries in, NIR graphs and torch modules that train in and
out, integers as one file of C99.

`from_onnx`, `from_sklearn` and `from_pretrained` give what ONNX files, scikit-learn and Hugging Face's folders hold as
a torch module; `spikeport.conversion.convert` takes any of the three as it is.
`to_c` writes what a compiler, a microcontroller or a tool for FPGAs reads, with the bits of every other language;
`to_nir` writes what simulators and neuromorphic tools read, and `from_nir` reads what they wrote; `to_torch` makes a
module of a network, to train on, and `from_torch` a network of that module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikeport.interop.c.source import CSource, to_c
from spikeport.interop.nir import certificate_in, compared, from_nir, load_nir, run_nir, save_nir, signals_of, to_nir
from spikeport.lazy import attributes_of, import_torch

if TYPE_CHECKING:
    from spikeport.interop.torch.reading import from_torch
    from spikeport.interop.torch.writing import to_torch
    from spikeport.reading.brought.folder import from_pretrained
    from spikeport.reading.brought.onnx.read import from_onnx
    from spikeport.reading.brought.scikit_learn import from_sklearn

__all__ = [
    "CSource",
    "certificate_in",
    "compared",
    "from_nir",
    "from_onnx",
    "from_pretrained",
    "from_sklearn",
    "from_torch",
    "load_nir",
    "run_nir",
    "save_nir",
    "signals_of",
    "to_c",
    "to_nir",
    "to_torch",
]

IN_TORCH = {
    "from_onnx": "spikeport.reading.brought.onnx.read",
    "from_pretrained": "spikeport.reading.brought.folder",
    "from_sklearn": "spikeport.reading.brought.scikit_learn",
    "from_torch": "spikeport.interop.torch.reading",
    "to_torch": "spikeport.interop.torch.writing",
}
"""What gives or takes a torch module: torch is imported when it is first asked for, not with this package."""


__getattr__ = attributes_of(__name__, IN_TORCH, import_torch)
