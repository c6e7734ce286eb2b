"""What can go wrong on the way to a spiking RoBERTa."""

from __future__ import annotations

from spikeport.errors import SpikeportError


class RobertaError(SpikeportError, ValueError):
    """A model, a transform, data or arguments that cannot give a faithful spiking RoBERTa.

    Codes: ``level``, ``scale``, ``transform``, ``model``, ``activation``, ``weights``, ``task``, ``data``,
    ``samples``, ``arguments``, ``timesteps``, ``output``.
    """
