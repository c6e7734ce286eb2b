"""Reading a torch model: an ``nn.Sequential`` becomes a `TracedModel`, or is refused by name.

Nothing is guessed. A module is taken for what it is only where it runs the ``forward`` of the class it is known by, and
`TracedModel.check_faithful` compares what was read with what the model itself computes, so that a hook or an overridden
method that changes the answer is an error and not a wrong network.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from spikeport.errors import ConversionError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.neuron import Neuron
from spikeport.reading.refusals import reason

Array = npt.NDArray[Any]

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}


class Activation(NamedTuple):
    """What a module does behind a Linear; for QCFS its θ, its levels, and whether θ was learnt down to its floor."""

    kind: str
    theta: float | None = None
    levels: int | None = None
    is_at_floor: bool = False


Activations = Mapping[Any, Callable[[Any], Activation]]
"""From the ``forward`` of an activation's class to what one of its modules does."""

RELU: Activations = MappingProxyType({nn.ReLU.forward: lambda module: Activation("relu")})


@dataclass
class TracedLayer:
    """A Linear layer and the activation behind it.

    Attributes
    ----------
    name : of the layer in the graph: the module's own, else ``layer_<index>``
    weight, bias : copies, (out, in) and (out,) or None, in the model's dtype (half precisions as float32)
    activation : "relu", "qcfs", or None behind a last layer that has none
    theta, levels : of a QCFS activation: θ, and the number of levels above 0
    is_at_floor : whether θ was learnt down to the smallest value that it may have
    """

    name: str
    weight: Array
    bias: Array | None
    activation: str | None = None
    theta: float | None = None
    levels: int | None = None
    is_at_floor: bool = False


@dataclass
class TracedModel:
    """What a model is made of.

    Attributes
    ----------
    model : the model read
    activations : by the ``forward`` of their classes
    layers : its Linear layers, input side first
    modules : its leaves in the order of the forward pass
    flattens : whether it flattens its input
    """

    model: nn.Module
    activations: Activations
    layers: list[TracedLayer] = field(default_factory=list)
    modules: list[nn.Module] = field(default_factory=list)
    flattens: bool = False

    def to_graph(self) -> SNNGraph:
        """Return the uncalibrated network: IF neurons with threshold 1 and ``v_init = 1/2`` behind every Linear."""
        neuron = Neuron("IF", v_init=0.5)
        return SNNGraph([LayerNode.with_neuron(part.name, part.weight, part.bias, neuron) for part in self.layers])

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return int(self.layers[0].weight.shape[1])

    @property
    def dtype(self) -> torch.dtype:
        """The dtype in which the model computes."""
        return next(m.weight.dtype for m in self.modules if isinstance(m, nn.Linear))

    @property
    def device(self) -> torch.device:
        """Where the model's first weights lie."""
        return next(m.weight.device for m in self.modules if isinstance(m, nn.Linear))

    def outputs(self, x: Tensor) -> tuple[list[Array], Array]:
        """Return what each layer puts out for ``x``, behind its activation, and what the last Linear puts out."""
        outputs: list[Array] = []
        for module in self.modules:
            x = type(module).forward(module, x)
            if isinstance(module, nn.Linear):
                outputs.append(_copied(x))
                drive = outputs[-1]
            elif _forward(module) in self.activations:
                outputs[-1] = _copied(x)
        return outputs, drive

    def check_faithful(self, x: Tensor) -> None:
        """Raise `ConversionError` ``unfaithful`` unless the model itself gives for ``x`` what the traced model does."""
        # Both on the same batch: another one may round a sum differently, and QCFS turns that into a whole level.
        output, own = self.outputs(x)[0][-1], self.model(x)
        expected = _copied(own) if isinstance(own, Tensor) else np.zeros(0)
        tolerance = TOLERANCE.get(self.dtype, 0.05)
        if expected.shape != output.shape or not np.allclose(
            expected, output, rtol=tolerance, atol=tolerance * np.abs(output).max(initial=0)
        ):
            raise ConversionError(
                "unfaithful",
                f"{type(self.model).__name__} computes something else than its modules in order: a hook or an "
                "overridden method changes the answer; take it off",
            )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Hold ``model`` in eval mode without gradients, then give every module its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.no_grad():
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training


def read_model(model: Any, activations: Activations = RELU) -> TracedModel:
    """Return the `TracedModel` of ``model``; a module whose class is in ``activations`` is one.

    Raises
    ------
    ConversionError
        ``model``, ``unsupported_module``, ``order``, ``non_finite``; the message names the module and what would serve.
    """
    if not isinstance(model, nn.Module):
        hint = "scikit-learn's networks are not converted yet; " if hasattr(model, "coefs_") else ""
        raise ConversionError(
            "model", f"{type(model).__name__} is no torch.nn.Module: {hint}give a trained torch.nn.Sequential"
        )
    traced = TracedModel(model, activations)
    leaves = list(_leaves(model, ""))
    for path, module in leaves:
        _take(traced, path, module, leaves)
        traced.modules.append(module)
    _name_layers(traced)
    if not traced.layers:
        raise ConversionError("model", f"{type(model).__name__} holds no Linear layer: there is nothing to convert")
    for before, after in itertools.pairwise(traced.layers):
        if before.activation is None:
            raise ConversionError(
                "order",
                f"{before.name} has no activation before the next Linear: put an nn.ReLU between them, or multiply "
                "the two into one Linear, which computes the same",
            )
        if len(before.weight) != after.weight.shape[1]:
            raise ConversionError(
                "order", f"{before.name} gives {len(before.weight)} values, {after.name} takes {after.weight.shape[1]}"
            )
    return traced


def _leaves(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    if _forward(module) is nn.Sequential.forward:
        for name, child in module._modules.items():
            place = f"{path}.{name}" if path else name
            if child is None:
                raise ConversionError("unsupported_module", f"{place} is None: take it off, the model cannot run")
            yield from _leaves(child, place)
    else:
        yield path, module


def _forward(module: nn.Module) -> Any:
    return getattr(type(module), "forward", None)  # a scripted module's class has none


def _take(traced: TracedModel, path: str, module: nn.Module, leaves: Sequence[tuple[str, nn.Module]]) -> None:
    runs = _forward(module)
    place = f"{path} ({type(module).__name__})" if path else type(module).__name__
    if isinstance(module, nn.Linear) and runs is nn.Linear.forward and not isinstance(module, nn.LazyLinear):
        traced.layers.append(_layer(place, path, module))
    elif runs in traced.activations:
        if not traced.layers:
            raise ConversionError("order", f"{place} stands before the first Linear: take it off")
        layer = traced.layers[-1]
        if layer.activation is not None:
            raise ConversionError("order", f"{place} follows another activation: leave one of the two")
        layer.activation, layer.theta, layer.levels, layer.is_at_floor = traced.activations[runs](module)
        if layer.theta is not None and not math.isfinite(layer.theta):
            raise ConversionError(
                "non_finite", f"{place}: its θ is {layer.theta}, so its training has diverged; train it again"
            )
    elif isinstance(module, nn.Flatten) and runs is nn.Flatten.forward:
        if (module.start_dim, module.end_dim) != (1, -1):
            raise ConversionError("unsupported_module", f"{place} does not flatten a sample: use nn.Flatten()")
        traced.flattens = traced.flattens or not traced.layers
    elif runs not in (nn.Identity.forward, nn.Dropout.forward, nn.AlphaDropout.forward):
        raise ConversionError("unsupported_module", f"{place} cannot be converted: {reason(path, module, leaves)}")


def _name_layers(traced: TracedModel) -> None:
    """Give layers without a name of their own ``layer_<index>``, or where a module is called so, the next free name."""
    taken = {layer.name for layer in traced.layers}
    for index, layer in enumerate(traced.layers):
        if not layer.name or layer.name.isdecimal():
            names = (f"layer_{index}{'_' * more}" for more in itertools.count())
            layer.name = next(name for name in names if name not in taken)


def _layer(place: str, path: str, module: nn.Linear) -> TracedLayer:
    if module.weight.is_meta:
        raise ConversionError("model", f"{place} has no values, it is on the meta device: load its weights")
    weight, bias = _copied(module.weight), None if module.bias is None else _copied(module.bias)
    for name, values in (("weight", weight), ("bias", bias)):
        if values is not None and not np.isfinite(values).all():
            raise ConversionError("non_finite", f"{place}: its {name} holds NaN or infinity; train it again")
    return TracedLayer(path, weight, bias)


def _copied(tensor: Tensor) -> Array:
    values = tensor.detach().cpu()
    return np.array(values.to(torch.float64 if values.dtype == torch.float64 else torch.float32).numpy())
