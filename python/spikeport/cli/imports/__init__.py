"""``spikeport import``: what other software wrote as a checkpoint, one module a form."""

from spikeport.cli.imports import nir

__all__ = ["nir"]
