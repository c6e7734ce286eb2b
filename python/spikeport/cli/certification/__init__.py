"""The commands that say what a converted network is worth."""

from spikeport.cli.certification import certify, sweep

__all__ = ["certify", "sweep"]
