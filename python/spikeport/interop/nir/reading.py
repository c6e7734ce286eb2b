"""A NIR graph as a spiking network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.interop.nir.amounts import combined, gathered
from spikeport.interop.nir.geometry import POOLS, WEIGHTED, computes_in, operation_of
from spikeport.interop.nir.neurons import alone, is_neuron, neuron_of
from spikeport.interop.nir.patterns import Circle, circles_in, without_circles
from spikeport.interop.nir.view import View, in_order, view_of
from spikeport.interop.nir.writing import BIAS
from spikeport.kernels import INPUT
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, Linear, Operation, Shape, SumPool, Weighted

Array = npt.NDArray[Any]


def from_nir(graph: Any, *, dt: float = 1.0, exact: bool = True) -> SNNGraph:
    """Return the network of a ``nir.NIRGraph``, in steps of ``dt`` by Euler's rule.

    A weighted node or a pool and the neurons behind it become one node with its name. Several edges into a node are
    added, by a node ``<name>.sum`` where it is not a Scale of ones or a neuron; Flatten is dropped, and a Scale goes
    into the weights before it. NIR fires for ``v > θ``: the threshold becomes the next float.

    Parameters
    ----------
    graph : Linear, Affine, Conv1d, Conv2d, SumPool2d, AvgPool2d, Scale, Flatten, IF, LIF, Threshold, circles that are a
        soft reset (`to_nir` writes them), and nested graphs of these
    dt : the length of a step, in the unit of the graph's time constants
    exact : False to round where a number has no exact form: a gain of the input that is no power of two goes into the
        threshold, a Scale into weights

    Raises `GraphError`, naming the node: ``operation`` for others, ``inputs`` for circles and for what leads nowhere,
    ``shape`` for parameters that differ within a channel, ``not_exact``, and the codes of `spikeport.neuron.Neuron`.
    """
    view = view_of(graph)
    circles = circles_in(view, dt)
    view = without_circles(view, circles)
    order, closing = in_order(view.sources)
    if closing:
        raise GraphError("inputs", f"{closing[0][0]} -> {closing[0][1]} closes a circle that is no soft reset")
    reader = _Reader(view, circles, dt, exact)
    for name in order:
        reader.read(name)
    return reader.graph()


class _Reader:
    """Layers while they are read; ``signals`` has, by NIR's names, the layer and the shape of what a node passes on."""

    def __init__(self, view: View, circles: list[Circle], dt: float, exact: bool) -> None:
        self.view, self.dt, self.exact = view, dt, exact
        self.circles = {circle.threshold: circle for circle in circles}
        self.dtype = computes_in(view.nodes)
        self.layers: list[LayerNode] = []
        self.done: set[str] = set()
        shape = view.nodes[view.input].input_type["input"]
        if shape is None:
            raise GraphError("shape", f"{view.input} (Input) has no shape")
        self.input_shape: Shape = tuple(int(n) for n in np.ravel(shape))
        self.signals: dict[str, tuple[str, Shape]] = {view.input: (INPUT, self.input_shape)}

    def read(self, name: str) -> None:
        """Read one node, and with it those that become one layer with it."""
        view = self.view
        if name in self.signals or name in self.done:
            return
        kind, sources = view.kind(name), view.sources[name]
        if not sources:
            raise GraphError("inputs", f"{name} ({kind}) is fed by nothing")
        if kind in WEIGHTED or kind in POOLS:
            source, shape = self.one_signal(name)
            operation = operation_of(name, view.nodes[name], self.dtype)
            metadata = getattr(view.nodes[name], "metadata", None) or {}
            arrays = operation.arrays()
            if "bias" in arrays and not metadata.get(BIAS, False) and not np.any(arrays["bias"]):
                operation = operation.with_arrays({"weight": arrays["weight"]})  # NIR's convolutions must have a bias
            self.layer(name, operation, [source], [shape])
        elif name in self.circles or is_neuron(view.nodes[name]):
            read = [self.signals[source] for source in sources]
            operation = Add() if len(read) > 1 else self.passing(name, read[0][1])
            self.finish(name, name, operation, read, self.neuron(name, read[0][1]))
        elif kind == "Scale" and len(sources) > 1:
            self.ones(name)
            read = [self.signals[source] for source in sources]
            self.layer(name, Add(), [source for source, _ in read], [shape for _, shape in read])
        elif kind == "Scale":
            self.ones(name)
            self.signals[name] = self.signals[sources[0]]
        elif kind in ("Flatten", "Output"):
            self.signals[name] = self.one_signal(name)
        else:
            raise GraphError("operation", f"{name}: {kind} has no form here{_hint(kind)}")

    def layer(self, name: str, operation: Operation, read: list[str], shapes: list[Shape]) -> None:
        """Make a layer of an operation and of what nothing but it feeds: Scale, Flatten, neurons."""
        try:
            shape = operation.output_shape(*shapes)
        except GraphError as error:
            raise GraphError(error.code, f"{name} ({self.view.kind(name)}): {error}") from None
        end, neuron = name, PASS_ON
        while (after := self.only_reader(end)) is not None:
            if self.view.kind(after) == "Scale" and isinstance(operation, Weighted):
                operation = self.scaled(after, operation, shape)
            elif after in self.circles or is_neuron(self.view.nodes[after]):
                neuron = self.neuron(after, shape)
            elif self.view.kind(after) != "Flatten":
                break
            self.done.add(end)
            end = after
            if neuron.is_spiking:
                break
        self.finish(name, end, operation, list(zip(read, shapes, strict=True)), neuron)

    def finish(
        self, name: str, end: str, operation: Operation, read: Sequence[tuple[str, Shape]], neuron: Neuron
    ) -> None:
        try:
            self.layers.append(LayerNode.of(name, operation, neuron, [source for source, _ in read]))
            self.signals[end] = (name, operation.output_shape(*(shape for _, shape in read)))
        except GraphError as error:
            raise GraphError(error.code, f"{name}: {error}") from None

    def only_reader(self, name: str) -> str | None:
        """Return the one node that reads ``name`` and nothing else, or None."""
        readers = self.view.readers[name]
        return readers[0] if len(readers) == 1 and self.view.sources[readers[0]] == [name] else None

    def one_signal(self, name: str) -> tuple[str, Shape]:
        """Return what a node reads, several edges added by a node before it."""
        read = [self.signals[source] for source in self.view.sources[name]]
        if len(read) > 1:
            self.finish(f"{name}.sum", f"{name}.sum", Add(), read, PASS_ON)
            return self.signals[f"{name}.sum"]
        return read[0]

    def neuron(self, name: str, shape: Shape) -> Neuron:
        """Return the neuron of IF, LIF, Threshold or a circle."""
        circle, nodes = self.circles.get(name), self.view.nodes
        if circle is not None:
            parts = {"integrator": circle.integrator, "threshold": circle.threshold, "scale": circle.scale}
            whole = {part: nodes[node] for part, node in parts.items()}
        elif self.view.kind(name) == "Threshold":
            return alone(name, nodes[name], shape, self.dtype)
        else:
            whole = {"integrator": nodes[name]}
        return neuron_of(name, whole, shape, self.dtype, dt=self.dt, exact=self.exact)

    def passing(self, name: str, shape: Shape) -> Operation:
        """Return the operation that passes a signal on to neurons that follow no other."""
        if len(shape) > 1:
            return SumPool((1,) * (len(shape) - 1))
        return Linear(np.eye(shape[0], dtype=self.dtype))

    def ones(self, name: str) -> None:
        if (np.asarray(self.view.nodes[name].scale) != 1).any():
            raise GraphError("operation", f"{name}: a Scale goes into the weights right before it, and there are none")

    def scaled(self, name: str, operation: Weighted, shape: Shape) -> Operation:
        """Return the weighted operation with a Scale in its weights."""
        factor = gathered(name, "scale", self.view.nodes[name].scale, shape).astype(self.dtype)
        arrays = operation.arrays()

        def times(what: str, array: Array) -> Array:
            rows = factor.reshape(-1, *(1,) * (array.ndim - 1)) if factor.ndim else factor
            if np.all(np.abs(np.frexp(factor)[0]) == 0.5) or not self.exact:
                return np.asarray(array * rows)
            return combined(name, f"scale·{what}", lambda a, b: a * b, array, rows, exact=True)

        return operation.with_arrays({what: times(what, array) for what, array in arrays.items()})

    def graph(self) -> SNNGraph:
        """Return the network, or raise `GraphError` ``inputs`` where its last layer is not the output."""
        source, _ = self.signals[self.view.output]
        if not self.layers or self.layers[-1].name != source:
            astray = self.layers[-1].name if self.layers else self.view.input
            raise GraphError("inputs", f"{astray} does not lead to {self.view.output} (Output)")
        for before, layer in zip([INPUT, *(layer.name for layer in self.layers)], self.layers, strict=False):
            if layer.inputs == (before,):
                layer.inputs = ()
        return SNNGraph(self.layers, self.input_shape)


def _hint(kind: str) -> str:
    if kind in ("I", "LI"):
        return ": a membrane that is read must fire, by a Threshold and a circle back to it that is one step late"
    return ": its current has a state of its own" if kind.startswith("Cuba") else ""
