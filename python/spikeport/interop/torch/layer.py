"""One layer as a torch module: the arrays of its operation, and its neurons' parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from spikeport.errors import GraphError
from spikeport.graph import LayerNode
from spikeport.interop.torch.neurons import Firing, integrate_and_fire, st_bif
from spikeport.interop.torch.operations import CURRENTS
from spikeport.interop.torch.surrogate import Surrogate
from spikeport.neuron import Neuron
from spikeport.operations import Operation, Weighted

Array = npt.NDArray[Any]

NEURON: Final = ("threshold", "v_init", "v_reset", "beta")
TRAINABLE: Final = ("weight", "bias", *NEURON)


class SpikingLayer(nn.Module):
    """The node of a graph: ``currents`` by its operation, then neurons.

    What is trained is a parameter, the rest a buffer; all of it is in the state dict: ``weight``, ``bias`` and, of
    neurons that have them, ``threshold``, ``v_init``, ``v_reset``, ``beta``, each one number or one for each channel.
    """

    weight: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        layer: LayerNode,
        reads: tuple[str, ...],
        dtype: torch.dtype,
        surrogate: Surrogate,
        trainable: Collection[str],
        detach_reset: bool,
    ) -> None:
        super().__init__()
        if layer.operation.kind not in CURRENTS:
            raise GraphError("operation", f"{layer.name}: {layer.operation.kind} has no form in torch")
        self.name, self.reads, self.inputs = layer.name, reads, layer.inputs
        self.neuron, self.surrogate, self.detach_reset = layer.neuron, surrogate, detach_reset
        self.on_membrane: Callable[[Tensor], None] | None = None
        if layer.neuron.is_spiking:
            self.spike_layout = "TB"  # by which `spikeport.profiling` knows neurons, and the axes of their spikes
        self.kind: type[Operation] = type(layer.operation)
        self.geometry = _geometry(layer.operation)
        held: dict[str, Any] = {"weight": None, "bias": None, **layer.operation.arrays(), **_said(layer.neuron)}
        for name, value in held.items():
            tensor = None if value is None else torch.tensor(np.asarray(value), dtype=dtype)
            if tensor is not None and name in trainable:
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)

    def forward(self, signals: list[Tensor], timesteps: int, pulse: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is passed on and the currents, each (T, batch, …), and the membrane at the end.

        A signal of one step is one that is the same at all of them; so are currents.
        """
        steady = all(len(signal) == 1 for signal in signals) and not self.kind.remembers
        read = signals if steady else [s.expand(timesteps, *s.shape[1:]) for s in signals]
        I = CURRENTS[self.kind.kind](read, self.weight, self.geometry)  # type: ignore[arg-type]
        if self.bias is not None:
            bias = self.bias.reshape(-1, *(1,) * (I.ndim - 3))
            I = torch.cat([I[:1] + bias, I[1:]]) if pulse else I + bias
        if not self.neuron.is_spiking:
            return I, I, torch.zeros_like(I[0])
        firing, every = self.firing(I.ndim - 3), I.expand(timesteps, *I.shape[1:])
        if self.neuron.kind == "ST-BIF":
            sent, v = st_bif(every, firing, self.neuron.tracer_min, self.neuron.tracer_max)
        else:
            sent, v = integrate_and_fire(every, firing)
        return sent, I, v

    def firing(self, behind: int) -> Firing:
        """Return how the layer fires, with so many axes behind that of the channels."""

        def placed(name: str) -> Tensor | None:
            value: Tensor | None = getattr(self, name, None)
            return value if value is None or not value.ndim else value.reshape(-1, *(1,) * behind)

        θ, start = placed("threshold"), placed("v_init")
        assert θ is not None and start is not None  # neurons that spike have both
        how = (self.neuron.max_spikes, self.surrogate, self.detach_reset, self.on_membrane)
        return Firing(θ, start, placed("v_reset"), placed("beta"), *how)

    @property
    def surrogate_derivative(self) -> Callable[[Tensor], Tensor] | None:
        """What gives the derivative of a spike by the membrane before it, of any shape, as a gradient takes it.

        None where neurons differ in their threshold. Of ST-BIF it is that of one whose tracer stands at neither bound.
        """
        if not self.neuron.is_spiking or self.firing(0).threshold.ndim:
            return None
        θ, slope = self.firing(0).threshold.detach(), self.surrogate.derivative
        levels = range(1, self.neuron.max_spikes + 1)
        falls = self.neuron.kind == "ST-BIF"
        return lambda v: sum((slope((v - m * θ) / θ) / θ for m in levels), slope(-v / θ) / θ if falls else 0 * v)

    def node(self) -> LayerNode:
        """Return the layer as a node of a graph, its arrays copied; raises `GraphError` for what no node can have."""
        arrays = [None if t is None else self._array(t) for t in (self.weight, self.bias)]
        make: Any = self.kind
        operation = make(*arrays, **self.geometry) if issubclass(self.kind, Weighted) else self.geometry["operation"]
        return LayerNode.of(self.name, operation, self._neuron(), self.inputs)

    def _array(self, tensor: Tensor) -> Array:
        if not bool(torch.isfinite(tensor).all()):
            raise GraphError("non_finite", f"{self.name} holds weights that are NaN or infinite: training diverged")
        array: Array = tensor.detach().cpu().numpy().copy()
        return array

    def _neuron(self) -> Neuron:
        """Return the neurons, with the numbers that they had where the tensors are still these, rounded."""
        changed: dict[str, Any] = {}
        for name, value in _said(self.neuron).items():
            tensor: Tensor = getattr(self, name).detach().cpu()
            if not torch.equal(tensor, torch.tensor(np.asarray(value), dtype=tensor.dtype)):
                numbers = tensor.to(torch.float64).numpy()
                changed[name] = numbers if numbers.ndim else float(numbers)
        try:
            return replace(self.neuron, **changed) if changed else self.neuron
        except GraphError as error:
            raise GraphError(error.code, f"{self.name}: {error}") from None

    def extra_repr(self) -> str:
        """Return what ``repr`` shows between the brackets."""
        return f"{self.kind.kind}, {self.neuron.kind}, reads {', '.join(self.reads)}"


def _geometry(operation: Operation) -> dict[str, Any]:
    """Return what the operation is beside its arrays: of a weighted one its keywords, of others itself."""
    if isinstance(operation, Weighted):
        return {name: value for name, value in operation.attributes().items() if name != "kernel"}
    return {"operation": operation, "window": getattr(operation, "window", None)}


def _said(neuron: Neuron) -> dict[str, Any]:
    """Return the parameters that a neuron of this kind uses."""
    if not neuron.is_spiking:
        return {}
    said = {"threshold": neuron.threshold, "v_init": neuron.v_init}
    if neuron.v_reset is not None:
        said["v_reset"] = neuron.v_reset
    return said | ({"beta": neuron.beta} if neuron.kind == "LIF" else {})
