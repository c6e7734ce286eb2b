"""The command that has a checkpoint learn another task."""

from spikeport.cli.transfer import command

__all__ = ["command"]
