"""Reading layers one after the other: an ``nn.Sequential`` of Linear layers and activations, in the model's own order.

Nothing is followed and no sample is needed. A module is taken for what it is only where it runs the ``forward`` of the
class it is known by; what a hook or an overridden method changes is found by the comparison with the model itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import nn

from spikeport.errors import ConversionError
from spikeport.kernels import INPUT
from spikeport.operations import Linear
from spikeport.reading.compute import as_copy
from spikeport.reading.network import Activations, ReadNetwork, ReadNode

PASSING = (nn.Identity.forward, nn.Dropout.forward, nn.AlphaDropout.forward)


def is_plain(model: nn.Module, activations: Activations) -> bool:
    """Whether a model is Linear layers, activations and what passes through, one after the other."""
    return all(
        _is_linear(module) or forward_of(module) in {*activations, *PASSING, nn.Flatten.forward}
        for _, module in leaves(model, "")
    )


def read_plain(model: nn.Module, activations: Activations) -> ReadNetwork:
    """Return the network of a plain model.

    Raises
    ------
    ConversionError
        ``model``, ``unsupported_module``, ``order``, ``non_finite``; the message names the module and what would serve.
    """
    nodes: list[ReadNode] = []
    paths: list[str] = []
    linears: list[nn.Linear] = []
    flattens = False
    for path, module in leaves(model, ""):
        place = f"{path} ({type(module).__name__})" if path else type(module).__name__
        if isinstance(module, nn.Linear) and _is_linear(module):
            linears.append(module)
            paths.append(path)
            operation = _operation(place, module)
            nodes.append(ReadNode("", operation, (), (operation.n_outputs,), place=place))
        elif forward_of(module) in activations:
            _activate(place, module, nodes, activations)
        elif forward_of(module) is nn.Flatten.forward:
            if getattr(module, "start_dim", None) != 1 or getattr(module, "end_dim", None) != -1:
                raise ConversionError("unsupported_module", f"{place} does not flatten a sample: use nn.Flatten()")
            flattens = flattens or not nodes
    if not nodes:
        raise ConversionError("model", f"{type(model).__name__} holds no Linear layer: there is nothing to convert")
    for node, name in zip(nodes, _names(paths), strict=True):
        node.name = name
    for before, after in itertools.pairwise(nodes):
        _check_order(before, after)
        after.inputs = (before.name,)
    nodes[0].inputs = (INPUT,)
    weight = linears[0].weight
    n_inputs = linears[0].in_features
    return ReadNetwork(model, nodes, (n_inputs,), weight.dtype, weight.device, flattens, is_exact=True)


def leaves(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield what is not an ``nn.Sequential``, by path, in the order in which it runs."""
    if forward_of(module) is nn.Sequential.forward:
        for name, child in module._modules.items():
            place = f"{path}.{name}" if path else name
            if child is None:
                raise ConversionError("unsupported_module", f"{place} is None: take it off, the model cannot run")
            yield from leaves(child, place)
    else:
        yield path, module


def forward_of(module: nn.Module) -> Any:
    """Return the forward that a module's class runs, or None: a scripted module's class has none."""
    return getattr(type(module), "forward", None)


def _is_linear(module: nn.Module) -> bool:
    runs_linear = isinstance(module, nn.Linear) and forward_of(module) is nn.Linear.forward
    return runs_linear and not isinstance(module, nn.LazyLinear)


def _activate(place: str, module: nn.Module, nodes: list[ReadNode], activations: Activations) -> None:
    if not nodes:
        raise ConversionError("order", f"{place} stands before the first Linear: take it off")
    if nodes[-1].activation is not None:
        raise ConversionError("order", f"{place} follows another activation: leave one of the two")
    nodes[-1].activation = activation = activations[forward_of(module)](module)
    check_theta(place, activation.theta)


def check_theta(place: str, theta: float | None) -> None:
    """Raise `ConversionError` where a θ that was learnt is not finite."""
    if theta is not None and not math.isfinite(theta):
        raise ConversionError("non_finite", f"{place}: its θ is {theta}, so its training has diverged; train it again")


def _check_order(before: ReadNode, after: ReadNode) -> None:
    assert isinstance(after.operation, Linear)
    if before.activation is None:
        raise ConversionError(
            "order",
            f"{before.name} has no activation before the next Linear: put an nn.ReLU between them, or multiply "
            "the two into one Linear, which computes the same",
        )
    gives, takes = before.shape[0], after.operation.n_inputs
    if gives != takes:
        along = "; a Linear along the last axis of a sample is no layer here: write it as a convolution, kernel of 1"
        hint = along if takes % gives == 0 else ""
        raise ConversionError("order", f"{before.name} gives {gives} values, {after.name} takes {takes}{hint}")


def _names(paths: list[str]) -> Iterator[str]:
    """Yield the paths; in place of one that is no name ``layer_<index>``, or the next name that no module has."""
    for index, path in enumerate(paths):
        names = (f"layer_{index}{'_' * more}" for more in itertools.count())
        yield path if path and not path.isdecimal() else next(name for name in names if name not in paths)


def _operation(place: str, module: nn.Linear) -> Linear:
    if module.weight.is_meta:
        raise ConversionError("model", f"{place} has no values, it is on the meta device: load its weights")
    weight, bias = as_copy(module.weight), None if module.bias is None else as_copy(module.bias)
    for name, values in (("weight", weight), ("bias", bias)):
        if values is not None and not np.isfinite(values).all():
            raise ConversionError("non_finite", f"{place}: its {name} holds NaN or infinity; train it again")
    return Linear(weight, bias)
