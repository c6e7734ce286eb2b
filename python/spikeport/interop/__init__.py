"""Doors to other software: NIR graphs, written, read and run, and a network of integers as one file of C99.

`to_c` writes what a compiler, a microcontroller or a tool for FPGAs reads, with the bits of every other language;
`to_nir` writes what simulators and neuromorphic tools read, and `from_nir` reads what they wrote.
"""

from spikeport.interop.c.source import CSource, to_c
from spikeport.interop.nir import certificate_in, compared, from_nir, load_nir, run_nir, save_nir, signals_of, to_nir

__all__ = [
    "CSource",
    "certificate_in",
    "compared",
    "from_nir",
    "load_nir",
    "run_nir",
    "save_nir",
    "signals_of",
    "to_c",
    "to_nir",
]
