"""What a model is: an `SNNGraph`, or something that has one, or that can be read as one.

- an object with ``to_graph()`` (a checkpoint), or with ``graph`` (a converted network);
- a torch ``nn.Sequential`` of Linear, ReLU, Flatten, Dropout and Identity, read as an uncalibrated spiking network:
  integrate-and-fire neurons with threshold 1 and ``v_init = 1/2`` behind every Linear layer. For thresholds from
  data, convert first (`spikeport.conversion.convert`) and optimise the result.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.errors import ConversionError, GraphError, SpikeportError
from spikeport.graph import SNNGraph

Array = npt.NDArray[Any]


def as_graph(model: Any) -> SNNGraph:
    """Return the graph of ``model``.

    Raises `GraphError`: ``model`` for what is none; ``encoding`` for a lossless network, which runs on pulses, whatever
    holds it: biases act at the first step alone there, and nothing that is proven or measured here holds.
    """
    if isinstance(model, SNNGraph):
        return model
    said = getattr(model, "metadata", None)
    if isinstance(said, Mapping) and said.get("encoding") == "pulse":
        raise GraphError(
            "encoding",
            f"this {type(model).__name__} is a lossless network, which runs on pulses: passes prove and measure what "
            "holds where input and biases come at every step, and would make another network of it; leave it as it is, "
            "or optimise one of rates (neuron='if')",
        )
    for found in (getattr(model, "to_graph", None), getattr(model, "graph", None)):
        graph = found() if callable(found) else found
        if isinstance(graph, SNNGraph):
            return graph
    torch = sys.modules.get("torch")  # whoever holds a torch model has imported torch
    if torch is not None and isinstance(model, torch.nn.Sequential):
        from spikeport.reading.torch import evaluating, read_model

        try:
            with evaluating(model):
                return read_model(model).to_graph()
        except ConversionError as error:
            raise GraphError(
                "model", f"{error}; or convert the model first, with spikeport.conversion.convert, and optimise that"
            ) from None
    if torch is not None and isinstance(model, torch.nn.Module):
        raise GraphError(
            "model",
            f"a {type(model).__name__} is no torch Sequential: convert it first, with spikeport.conversion.convert, "
            "and optimise that",
        )
    raise GraphError(
        "model",
        f"a {type(model).__name__} is no network: give an SNNGraph, something with .graph or .to_graph(), "
        "or a torch Sequential",
    )


def timesteps_of(model: Any) -> int | None:
    """Return the number of timesteps that the model names (``T``), or None."""
    T: Any = getattr(model, "T", None)
    return int(T) if is_whole(T) and T > 0 else None


def like(model: Any, graph: SNNGraph, survivors: Mapping[str, Array] | None = None) -> Any:
    """Return ``graph`` as the kind of thing ``model`` is, where that kind can hold it; else the graph itself.

    A kind that can hold graphs has a method ``with_graph(graph)``, which returns a copy of the model around another
    graph, or raises a `SpikeportError` for one that it cannot hold. One that says something of single units takes
    ``survivors`` too: by layer, which of the model's units the graph still has.
    """
    if not hasattr(model, "with_graph"):
        return graph
    takes_survivors = "survivors" in signature(model.with_graph).parameters
    try:
        view = model.with_graph(graph, **({"survivors": survivors or {}} if takes_survivors else {}))
    except SpikeportError:
        return graph
    return view if as_graph(view) == graph else graph


def in_integers(model: Any, made: Any) -> Any:
    """Return a network of whole numbers that was made of ``model``'s graph, as the kind of thing that ``model`` is.

    A kind that can hold one has a method ``with_integers``; else what was made is handed on.
    """
    return model.with_integers(made) if hasattr(model, "with_integers") else made
