"""The graph: nodes in order, each naming what it reads, and how they run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends import Network, get_backend
from spikeport.checks import takes
from spikeport.errors import GraphError, KernelError
from spikeport.graph.laid_out import LaidOut
from spikeport.graph.layer_node import LayerNode
from spikeport.graph.outline import Outline, outline_of
from spikeport.graph.table import table_of
from spikeport.kernels import INPUT, RunResult, place
from spikeport.operations import Shape


class SNNGraph:
    """A spiking network: layers in an order in which each reads the input or layers before it; the last is the output.

    A layer that names nothing reads the one before it, the first one the input.

    Parameters
    ----------
    layers : input side first
    input_shape : of one sample: (n,), (channels, length) or (channels, height, width); by default what a first linear
        layer takes

    Raises `GraphError` (``shape``, ``name``, ``inputs``, ``dtype``) where shapes do not fit, layers share a name, one
    reads what is not before it, or they differ in dtype.
    """

    def __init__(self, layers: Iterable[LayerNode], input_shape: Sequence[int] | None = None) -> None:
        if not isinstance(layers, Iterable):
            raise GraphError("shape", f"a graph is made of a list of layers, not of {layers!r}")
        self.layers = list(layers)
        self._given_shape = None if input_shape is None else tuple(input_shape)
        self._laid_out: LaidOut | None = None
        self.validate()

    def validate(self) -> None:
        """Raise `GraphError` unless there are layers that chain, of one dtype, with unique names."""
        if not self.layers:
            raise GraphError("shape", "a graph needs at least one layer")
        for layer in self.layers:
            if not isinstance(layer, LayerNode):
                raise GraphError("shape", f"a graph is made of LayerNodes, and {layer!r} is a {type(layer).__name__}")
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise GraphError("name", f"layers share the name {', '.join(twice)}: give each its own")
        for layer in self.layers:
            layer.validate()
        try:
            placed = place(self.layers, self._given_shape)
        except KernelError as error:
            raise GraphError(error.code, str(error)) from None
        if INPUT in names and (not self.is_linear_chain or any(layer.inputs for layer in self.layers)):
            raise GraphError("name", f"{INPUT!r} is the network's input: call the layer otherwise")
        shapes = {INPUT: placed.input_shape} | {node.name: node.shape for node in placed.nodes}
        for layer, node in zip(self.layers, placed.nodes, strict=True):
            layer.stand([shapes[name] for name in node.inputs], node.shape)

    @property
    def input_shape(self) -> Shape:
        """Shape of one sample."""
        return (self.layers[0].n_inputs,) if self._given_shape is None else self._given_shape

    @property
    def output_shape(self) -> Shape:
        """Shape of what the last layer passes on for one sample."""
        shape = self.layers[-1].shape
        assert shape is not None  # `validate` has worked it out
        return shape

    def reads(self, index: int) -> tuple[str, ...]:
        """Return the names of what the layer at ``index`` reads; "input" is the network's input."""
        return self.layers[index].inputs or (self.layers[index - 1].name if index else INPUT,)

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Who feeds whom, by name, in the order of the layers; "input" is the network's input."""
        return [(source, layer.name) for k, layer in enumerate(self.layers) for source in self.reads(k)]

    @property
    def is_chain(self) -> bool:
        """Whether every layer reads exactly the one before it."""
        before = [INPUT, *(layer.name for layer in self.layers)]
        return all(self.reads(k) == (before[k],) for k in range(len(self.layers)))

    @property
    def is_linear_chain(self) -> bool:
        """Whether it is a list of linear layers, each fed by the one before, on inputs of one axis."""
        return self.is_chain and len(self.input_shape) == 1 and all(layer.is_linear for layer in self.layers)

    def sources(self, name: str) -> list[LayerNode | None]:
        """Return the layers that the layer ``name`` reads, in order; None stands for the input."""
        names = [layer.name for layer in self.layers]
        index = names.index(self[name].name)
        return [self[source] if source in names[:index] else None for source in self.reads(index)]

    def readers(self, name: str) -> list[LayerNode]:
        """Return the layers that read the layer ``name``, or "input"."""
        return [layer for k, layer in enumerate(self.layers) if name in self.reads(k)]

    @property
    def n_inputs(self) -> int:
        """How many values a sample has."""
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        """How many values the last layer passes on."""
        return math.prod(self.output_shape)

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return sum(layer.n_params for layer in self.layers)

    @takes("T", instead_of="timesteps")
    def run(
        self,
        x: npt.ArrayLike,
        *,
        T: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
        backend: str = "auto",
        max_bytes: int | None = None,
        stop_when_settled: bool = True,
        threads: int | None = None,
    ) -> RunResult:
        """Run the network for ``T`` steps.

        The backend lays the network out once, for as long as the graph does not change: layers, their parts and the
        values of their arrays are compared at each run.

        Parameters
        ----------
        x : (batch, *input_shape); with ``encoding="spikes"`` (T, batch, *input_shape)
        encoding : "current" feeds the value at every step, "poisson" draws spikes with the value as rate in [0, 1],
            "spikes" takes ``x`` as it is, step by step; "pulse" feeds the value, and the biases, at the first step
            alone: ST-BIF neurons then settle on the quantised activation, and ``settled`` of the result says when
        seed : of the Poisson draws; a sample's draws do not depend on its place in the batch
        record : keep the spikes of every layer
        backend : see `spikeport.backends.get_backend`
        max_bytes : about what the run may take beside ``x``, its results among it: the batch runs in parts then, with
            the same bits. By default a few hundred megabytes beside the results
        stop_when_settled : end a pulse where further steps would change nothing; the result is the same either way
        threads : on how many samples are shared out where Rust runs them, with the same bits; by default one for each
            core, and one for little work

        Raises `GraphError` for a graph that was changed to one that cannot be, `spikeport.errors.KernelError` with a
        code for input that does not fit, ``memory`` where results alone, or one sample, take more than ``max_bytes``.
        """
        network = self.network(backend)
        rest: dict[str, Any] = {"record": record, "max_bytes": max_bytes, "stop_when_settled": stop_when_settled}
        rest["threads"] = threads
        return network.run(x, timesteps=T, encoding=encoding, seed=seed, **rest)

    def network(self, backend: str = "auto") -> Network:
        """Return the network as ``backend`` lays it out; the same one for as long as the graph does not change."""
        engine, kept = get_backend(backend), self._laid_out
        if kept is None or not kept.is_still(engine, self.layers):
            self.validate()
            kept = self._laid_out = LaidOut.by(engine, self.layers, self.input_shape)
        return kept.network

    def copy(self) -> SNNGraph:
        """Return a graph that shares no memory with this one."""
        return SNNGraph([layer.copy() for layer in self.layers], self._given_shape)

    def summary(self) -> str:
        """Return a table of the layers, one line for each: what it reads, shapes, parameters, neurons."""
        return table_of(self.layers, self.edges if not self.is_chain else [])

    def outline(self) -> Outline:
        """Return what there is to draw: a box for the input and for each layer, and arrows between them."""
        return outline_of(self.layers, [self.reads(k) for k in range(len(self.layers))], self.input_shape)

    def to_mermaid(self) -> str:
        """Return the graph as a Mermaid flowchart, which GitHub and many editors draw."""
        return self.outline().to_mermaid()

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerNode]:
        return iter(self.layers)

    def __getitem__(self, key: int | str) -> LayerNode:
        """Return a layer by index or name; raises IndexError or KeyError where there is none."""
        if isinstance(key, int | np.integer):
            return self.layers[key]
        for layer in self.layers:
            if layer.name == key:
                return layer
        raise KeyError(f"no layer is called {key!r}: there are {', '.join(layer.name for layer in self.layers)}")

    def __eq__(self, other: object) -> bool:
        """Compare the layers, what they read and the shape of the input."""
        if not isinstance(other, SNNGraph):
            return NotImplemented
        same = self.input_shape == other.input_shape and self.edges == other.edges
        return same and len(self) == len(other) and all(a.is_alike(b) for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_laid_out": None}  # a copy or another process lays it out for itself

    def __repr__(self) -> str:
        if self.is_linear_chain:
            widths = " -> ".join(str(n) for n in [self.n_inputs, *(layer.n_neurons for layer in self.layers)])
        else:
            ends = ("×".join(map(str, shape)) for shape in (self.input_shape, self.output_shape))
            widths = f"{' -> … -> '.join(ends)}, {len(self)} layers"
        return f"<SNNGraph {widths}, {self.n_params:,} parameters>"
