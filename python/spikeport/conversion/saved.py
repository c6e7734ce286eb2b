"""A converted network as it was saved: a checkpoint whose metadata says how it is run and what is known of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spikeport.certificate import Certificate
from spikeport.conversion.converted import ConvertedSNN
from spikeport.errors import ConversionError
from spikeport.integers import Units
from spikeport.neuron import Neuron
from spikeport.transfer import SNNCheckpoint, load_checkpoint


def load(path: str | os.PathLike[str]) -> ConvertedSNN:
    """Load a converted network that was saved by `ConvertedSNN.save`, or by ``spikeport convert``.

    Raises
    ------
    spikeport.errors.CheckpointError
        where the files are no checkpoint.
    ConversionError
        ``metadata`` for a checkpoint that holds a network, but not how a conversion would run it.
    """
    checkpoint = load_checkpoint(path)
    return restored(checkpoint, str(path))


def restored(checkpoint: SNNCheckpoint, name: str) -> ConvertedSNN:
    """Return the converted network of a checkpoint; raises as `load` does."""
    said: Mapping[str, Any] = checkpoint.metadata
    if "T" not in said:
        raise ConversionError(
            "metadata",
            f"{name} does not say how many timesteps it was converted for: take load_checkpoint({name!r}).to_graph(), "
            "and ConvertedSNN.from_graph(graph, T)",
        )
    graph = checkpoint.to_graph()
    for layer in graph:
        layer.neuron = _with_numbers(layer.neuron)
    try:
        certificate = said.get("certificate")
        return ConvertedSNN.from_graph(
            graph,
            said["T"],
            scales=said.get("scales", ()),
            certificate=None if certificate is None else Certificate.from_dict(certificate),
            output_activation=said.get("output_activation"),
            output_levels=said.get("output_levels"),
            input_range=said.get("input_range"),
            classes=said.get("classes", True),
            encoding=said.get("encoding", "poisson"),
            readout_delay=said.get("readout_delay", 0),
            units=None if said.get("integers") is None else Units.from_dict(said["integers"]),
        )
    except (TypeError, ValueError, KeyError) as error:
        raise ConversionError(
            "metadata", f"{name}: what its metadata says of the conversion is damaged: {error}"
        ) from None


def _with_numbers(neuron: Neuron) -> Neuron:
    """Return the neuron with one number for what all channels have alike; a file spells it out for each."""
    values = {name: getattr(neuron, name) for name in ("threshold", "v_init", "v_reset", "beta")}
    alike: dict[str, Any] = {
        name: float(value.flat[0])
        for name, value in values.items()
        if isinstance(value, np.ndarray) and (value == value.flat[0]).all()
    }
    return replace(neuron, **alike) if alike else neuron
