"""Following a forward by ``torch.export``, where ``torch.fx`` cannot: it sees tensors where a forward asks for them."""

from __future__ import annotations

import os
import warnings
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate

from spikeport.reading.places import OURS, TORCH
from spikeport.reading.trace import PATH, PLACE, VALUE


def exported(model: nn.Module, sample: Tensor) -> fx.Graph | None:
    """Return what ``model`` does, in the form of `Recorder`, or None where that cannot be followed either."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model(sample.clone())  # what the model itself cannot take need not be followed
            program = torch.export.export(model, (sample,))
    except Exception:
        return None
    signature = program.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    held = {**program.state_dict, **program.constants}
    constants = signature.inputs_to_lifted_tensor_constants
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name not in signature.user_inputs:
            node.op, node.target = "get_attr", constants.get(node.name) or names[node.name]
            node.meta[VALUE] = held[node.target].detach()
        elif node.op == "output":
            results = node.args[0]
            node.args = (results[0],) if len(results) == 1 else (results,)
            continue
        else:
            node.meta[VALUE] = _computed(node, sample)
        path, kind = _module(node)
        line = _line(node.meta.get("stack_trace") or "")
        module = f"{path} ({kind})" if path else type(model).__name__
        node.meta[PATH], node.meta[PLACE] = path, f"{module}, {line}" if line else module
    graph: fx.Graph = program.graph
    return graph


def _computed(node: fx.Node, sample: Tensor) -> Any:
    def known(given: Any) -> Any:
        return given.meta[VALUE] if isinstance(given, fx.Node) else given

    if node.op == "placeholder":
        return sample.clone()
    if node.op == "get_attr":
        return None
    assert callable(node.target)
    return node.target(*map_aggregate(node.args, known), **map_aggregate(node.kwargs, known))


def _module(node: fx.Node) -> tuple[str, str]:
    """Return path and class of the module that a call stands in."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1] if stack else ("", "")
    return path, str(kind).rpartition(".")[2]


def _line(trace: str) -> str | None:
    """Return file and line of the innermost code in a stack trace that is neither torch's nor ours."""
    for line in reversed(trace.splitlines()):
        parts = line.split('"')
        if line.strip().startswith("File ") and len(parts) > 2 and not parts[1].startswith((TORCH, OURS)):
            return f"{os.path.basename(parts[1])}:{parts[2].split(',')[1].removeprefix(' line ')}"
    return None
