"""What a model is: an `SNNGraph`, or something that has one, or that can be read as one.

- an object with ``to_graph()`` (a checkpoint), or with ``graph`` (a converted network);
- a torch ``nn.Sequential`` of Linear, ReLU, Flatten, Dropout and Identity, read as an uncalibrated spiking network:
  integrate-and-fire neurons with threshold 1 and ``v_init = 1/2`` behind every Linear layer. For thresholds from
  data, convert first (`spikeport.conversion.convert`) and optimise the result.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import numpy as np

from spikeport.errors import GraphError, SpikeportError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels.checks import is_whole

PASSED_OVER = ("Flatten", "Dropout", "Identity")


def as_graph(model: Any) -> SNNGraph:
    """Return the graph of ``model``; raise `GraphError` with ``model`` for what is none."""
    if isinstance(model, SNNGraph):
        return model
    for found in (getattr(model, "to_graph", None), getattr(model, "graph", None)):
        graph = found() if callable(found) else found
        if isinstance(graph, SNNGraph):
            return graph
    torch = sys.modules.get("torch")  # whoever holds a torch model has imported torch
    if torch is not None and isinstance(model, torch.nn.Sequential):
        return _read_sequential(model)
    raise GraphError(
        "model",
        f"a {type(model).__name__} is no network: give an SNNGraph, something with .graph or .to_graph(), "
        "or a torch Sequential",
    )


def timesteps_of(model: Any) -> int | None:
    """Return the number of timesteps that the model names (``T``), or None."""
    T: Any = getattr(model, "T", None)
    return int(T) if is_whole(T) and T > 0 else None


def like(model: Any, graph: SNNGraph) -> Any:
    """Return ``graph`` as the kind of thing ``model`` is, where that kind can hold it; else the graph itself.

    A kind that can hold graphs has a method ``with_graph(graph)``, which returns a copy of the model around another
    graph, or raises a `SpikeportError` for one that it cannot hold.
    """
    if not hasattr(model, "with_graph"):
        return _like_by_fields(model, graph)
    try:
        view = model.with_graph(graph)
    except SpikeportError:
        return graph
    return view if as_graph(view) == graph else graph


def _like_by_fields(model: Any, graph: SNNGraph) -> Any:
    """Return what `like` does, for a checkpoint or a converted network that has no ``with_graph`` yet."""
    if hasattr(type(model), "from_graph") and hasattr(model, "to_graph"):
        names = [layer.name for layer in graph]
        frozen = [name for name in getattr(model, "frozen_layers", ()) if name in names]
        return type(model).from_graph(graph, metadata=getattr(model, "metadata", {}), frozen_layers=frozen)
    fields = {field.name for field in dataclasses.fields(model)} if dataclasses.is_dataclass(model) else set()
    if not {"weights", "biases", "thresholds", "names", "scales"} <= fields or isinstance(model, type):
        return graph
    if not all(layer.neuron_type == "IF" and layer.neuron.is_uniform for layer in graph):
        return graph
    scales = dict(zip(model.names, model.scales, strict=True))
    if not all(layer.name in scales for layer in graph):
        return graph
    built: Any = dataclasses.replace(
        model,
        weights=[layer.weights for layer in graph],
        biases=[layer.bias for layer in graph],
        thresholds=[float(np.asarray(layer.threshold)) for layer in graph],
        names=[layer.name for layer in graph],
        scales=[scales[layer.name] for layer in graph],
    )
    return built if built.graph == graph else graph


def _read_sequential(model: Any) -> SNNGraph:
    layers: list[LayerNode] = []
    behind_linear = False
    modules = list(_leaves("", model))
    for name, module in modules:
        kind = type(module).__name__
        if kind == "Linear":
            if behind_linear:
                raise GraphError("model", f"{name}: two Linear layers without a ReLU between: write them as one")
            weight = _array(module.weight)
            bias = None if module.bias is None else _array(module.bias)
            n_out, n_in = weight.shape
            layers.append(LayerNode(f"layer_{len(layers)}", n_in, n_out, weight, "IF", bias=bias, v_init=0.5))
            behind_linear = True
        elif kind == "ReLU":
            if not behind_linear:
                raise GraphError("model", f"{name}: a ReLU that follows no Linear layer")
            behind_linear = False
        elif kind not in PASSED_OVER:
            raise GraphError(
                "model",
                f"{name}: a {kind} is not read here (Linear, ReLU, {', '.join(PASSED_OVER)} are): "
                "convert the model first, with spikeport.conversion.convert",
            )
    if not layers:
        raise GraphError("model", "the Sequential holds no Linear layer")
    return SNNGraph(layers)


def _array(parameter: Any) -> Any:
    values = parameter.detach().cpu()
    return (values if "64" in str(values.dtype) else values.float()).numpy()  # NumPy has no bfloat16


def _leaves(prefix: str, model: Any) -> Any:
    for name, module in model.named_children():
        path = f"{prefix}{name}"
        if type(module).__name__ == "Sequential":
            yield from _leaves(f"{path}.", module)
        else:
            yield path, module
