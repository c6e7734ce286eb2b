"""Doors to other software: NIR graphs, written, read and run.

`to_nir` writes what simulators and neuromorphic tools read, `from_nir` reads what they wrote.
"""

from spikeport.interop.nir import certificate_in, compared, from_nir, load_nir, run_nir, save_nir, signals_of, to_nir

__all__ = ["certificate_in", "compared", "from_nir", "load_nir", "run_nir", "save_nir", "signals_of", "to_nir"]
