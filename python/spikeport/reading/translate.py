"""From the record of a forward to nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate

from spikeport.errors import ConversionError, GraphError
from spikeport.kernels import INPUT
from spikeport.reading.builder import Builder, Place
from spikeport.reading.calls import CALLS, REARRANGING, name_of
from spikeport.reading.calls.activations import qcfs
from spikeport.reading.fold import folded
from spikeport.reading.network import Activations, ReadNode
from spikeport.reading.refusals import function_reason
from spikeport.reading.signals import Signal
from spikeport.reading.trace import PART, PATH, PLACE, VALUE


class Translator:
    """Takes the calls of a record one after the other."""

    def __init__(self, model: nn.Module, activations: Activations, sample: Tensor, dtype: Any) -> None:
        self.model, self.activations, self.batch = model, activations, len(sample)
        self.build = Builder(dtype, len(sample), tuple(sample.shape[1:]))
        self.found: dict[fx.Node, Any] = {}
        self.written: dict[fx.Node, fx.Node] = {}

    def nodes(self, record: fx.Graph) -> list[ReadNode]:
        """Return the nodes of the network, folded; raises `ConversionError` for what cannot be converted."""
        for node in record.nodes:
            if node.op == "output":
                return self._finished(node)
            self.found[node] = self._value(node)
        raise AssertionError("a record ends in its output")

    def _value(self, node: fx.Node) -> Any:
        if node.op == "placeholder":
            return Signal(INPUT, tuple(node.meta[VALUE].shape[1:]))
        args: Any = map_aggregate(node.args, self._known)
        kwargs: Any = map_aggregate(node.kwargs, self._known)
        if node.op == "get_attr" or not (_has_tensor(node.meta[VALUE]) and _has_signal((args, kwargs))):
            return node.meta[VALUE]  # a constant, or a size
        place = Place(node.meta[PATH], node.meta[PLACE])
        try:
            return self._call(node, place, list(args), dict(kwargs))
        except (GraphError, TypeError) as error:
            raise place.refuse(str(error)) from error

    def _known(self, value: Any) -> Any:
        return self.found[self.written.get(value, value)] if isinstance(value, fx.Node) else value

    def _call(self, node: fx.Node, place: Place, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if node.target is PART:
            return args[0][args[1]]
        if node.op == "call_module":
            module = self.model.get_submodule(str(node.target))
            return qcfs(self.build, place, args[0], self.activations[type(module).forward](module))
        if node.target is getattr and args[1] == "data":
            return args[0]
        name, is_in_place = name_of(node.target)
        if name == "getitem" and isinstance(args[0], list | tuple):
            return args[0][args[1]]
        if name in REARRANGING:
            return self._rearranged(node, place, name, args, kwargs)
        if name not in CALLS:
            raise place.refuse(
                function_reason(name, is_last=next(iter(node.users)).op == "output" if node.users else False)
            )
        if not args:  # called by keywords alone
            args = [kwargs.pop("input", kwargs.pop("tensors", kwargs.pop("x", None)))]
        kwargs.pop("inplace", None)
        result = CALLS[name](self.build, place, *args, **kwargs)
        if is_in_place or node.kwargs.get("inplace"):
            self._written(node, result)
        return result

    def _written(self, node: fx.Node, result: Any) -> None:
        """Take down that a call wrote its result into its first argument, which it is from now on."""
        target = node.args[0] if node.args else node.kwargs.get("input")
        if isinstance(target, fx.Node):
            self.written[node] = owner = self.written.get(target, target)
            self.found[owner] = result

    def _rearranged(self, node: fx.Node, place: Place, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        mode, value = kwargs.get("mode", "constant"), kwargs.get("value")
        if name == "pad":
            mode, value = args[2] if len(args) > 2 else mode, args[3] if len(args) > 3 else value
            if mode != "constant" or value not in (None, 0):
                raise place.refuse(
                    f"it pads with {'values other than 0' if mode == 'constant' else mode}: pad with zeros"
                )
        signal = args[0] if args else kwargs.pop("input")
        if not isinstance(signal, Signal):
            raise place.refuse("it picks from a constant by a signal")

        def call(numbers: Tensor) -> Any:
            if node.op == "call_method":
                return getattr(numbers, str(node.target))(*args[1:], **kwargs)
            assert callable(node.target)
            return node.target(numbers, *args[1:], **kwargs)

        made = signal.rearranged(self.batch, call)
        if made is None:
            raise place.refuse(
                "it enlarges or shrinks an image by values of its own: mode='nearest' repeats those that are there"
                if name in ("interpolate", "upsample")
                else "it mixes samples of a batch, or computes new values: keep the batch's axis first"
            )
        return made

    def _finished(self, node: fx.Node) -> list[ReadNode]:
        result: Any = map_aggregate(node.args[0], self._known)
        kind = type(self.model).__name__
        if not isinstance(result, Signal):
            what = type(result).__name__.removeprefix("immutable_")
            raise ConversionError(
                "unsupported_module",
                f"{kind}.forward gives a {what}, not one tensor: wrap it in a module that gives the output to be "
                "converted alone",
            )
        if not result.is_flat:
            result = self.build.plain(Place("", f"the output of {kind}"), result)
        if result.source == INPUT or not any(n.is_weighted for n in self.build.nodes.values()):
            raise ConversionError("model", f"{kind} holds no Linear layer or convolution: there is nothing to convert")
        return folded(self.build, result.source)


def _has_signal(values: Any) -> bool:
    if isinstance(values, list | tuple):
        return any(map(_has_signal, values))
    if isinstance(values, dict):
        return any(map(_has_signal, values.values()))
    return isinstance(values, Signal)


def _has_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, list | tuple) and any(map(_has_tensor, value)))


def numpy_type(dtype: Any) -> Any:
    """Return the type of arrays for a model's own: float64 for that, float32 for all others."""
    return np.float64 if str(dtype) == "torch.float64" else np.float32
