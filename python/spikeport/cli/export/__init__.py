"""``spikeport export``: a checkpoint in the forms that other software reads, one module a form."""

from spikeport.cli.export import c, nir

__all__ = ["c", "nir"]
