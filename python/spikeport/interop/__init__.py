"""Doors to other software: a network of integers as one file of C99.

`to_c` writes what a compiler, a microcontroller or a tool for FPGAs reads, with the bits of every other language.
"""

from spikeport.interop.c.source import CSource, to_c

__all__ = ["CSource", "to_c"]
