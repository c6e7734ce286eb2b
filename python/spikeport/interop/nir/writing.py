"""A spiking network as a NIR graph."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.interop.nir.comparing import CERTIFICATE, compared
from spikeport.interop.nir.geometry import node_of
from spikeport.interop.nir.neurons import SAID, arrays_of, check_neuron, nodes_of, said_of
from spikeport.interop.nir.present import nir_package
from spikeport.neuron import Neuron
from spikeport.operations import Add, Conv, Linear, Pool, SumPool, Weighted

BIAS: Final = "spikeport_bias"
"""Under this name the metadata of a node say whether its bias is one, or zeros because a node must have one."""
RESETS: Final = ("feedback", "plain")


def to_nir(
    graph: SNNGraph,
    *,
    reset: str = "feedback",
    exact: bool = True,
    samples: npt.ArrayLike | None = None,
    T: int = 16,
) -> Any:
    """Return the network as a ``nir.NIRGraph``, in steps of ``dt = 1``.

    A node becomes one of NIR by the same name, and behind it its neurons; `from_nir` gives the same network back, and
    `run_nir` runs either.

    Parameters
    ----------
    graph : of floats; IF, LIF and identity, one spike a step; linear, conv, sums and averages over two axes, add
    reset : "feedback" writes a soft reset as it is, a circle through a delay of one step. "plain" writes NIR's IF and
        LIF in its place, which start at 0 and fall to 0: another network, which more tools read
    exact : False to take the nearest number where NIR has none that is the same
    samples, T : "plain" runs these samples, of shape (n, *input_shape), for T steps, and keeps a certificate of how
        many still get the same answer in the graph's metadata (`certificate_in`)

    Raises
    ------
    GraphError
        Naming the node: ``operation`` (max pooling, concat, pools over one axis), ``neuron_kind``, ``max_spikes``,
        ``dtype``, ``inputs``, ``name``, ``v_init``, ``not_exact``, and ``samples`` for "plain" without any.
    MissingExtra
        Without nir.
    """
    nir = nir_package()
    if reset not in RESETS:
        raise GraphError("v_reset", f"reset {reset!r} is not one of {', '.join(RESETS)}")
    _check(graph, plain=reset == "plain")
    written = _Writer(nir, graph, plain=reset == "plain", exact=exact)
    for layer in graph:
        written.add(layer)
    made = written.graph()
    if reset == "plain" and any(layer.neuron.is_spiking and layer.neuron.v_reset is None for layer in graph):
        if samples is None:
            raise GraphError(
                "samples", "reset='plain' writes another network: give samples to measure how far it agrees"
            )
        made.metadata[CERTIFICATE] = json.dumps(compared(graph, made, samples, T=T).to_dict())
    return made


def _check(graph: SNNGraph, *, plain: bool) -> None:
    graph.validate()
    for layer in graph:
        name, operation = layer.name, layer.operation
        if "/" in name or name in (".", ".."):
            raise GraphError("name", f"a node is called {name!r}: names are paths in a NIR file, so leave out '/'")
        if operation.kind in ("max_pool", "concat"):
            raise GraphError("operation", f"{name}: NIR has no node for {operation.kind}")
        if isinstance(operation, Pool) and len(operation.window.kernel) != 2:
            raise GraphError("operation", f"{name}: NIR pools over two axes alone, and {operation.kind} is over one")
        if not isinstance(operation, Linear | Conv | SumPool | Add):
            raise GraphError("operation", f"{name}: {operation.kind} has no form in NIR")
        if operation.element == np.int32:
            raise GraphError("dtype", f"{name}: NIR computes in floats, and the weights are {operation.dtype}")
        reads = [source.name if source else None for source in graph.sources(name)]
        if len(set(reads)) < len(reads):
            raise GraphError("inputs", f"{name} reads a signal twice: NIR has one edge between two nodes")
        check_neuron(name, as_plain(layer.neuron) if plain else layer.neuron)


def as_plain(neuron: Neuron) -> Neuron:
    """Return the neuron that starts at 0 and falls to 0 in place of one with a soft reset."""
    soft = neuron.kind in ("IF", "LIF") and neuron.v_reset is None and neuron.max_spikes == 1
    return replace(neuron, v_init=0.0, v_reset=0.0) if soft else neuron


class _Writer:
    """Nodes and edges while they are written; ``signals`` has the NIR name of what each layer passes on."""

    def __init__(self, nir: Any, graph: SNNGraph, *, plain: bool, exact: bool) -> None:
        self.nir, self.source, self.plain, self.exact = nir, graph, plain, exact
        self.dtype = next((t for layer in graph if (t := layer.operation.dtype) is not None), np.dtype(np.float64))
        self.taken = {layer.name for layer in graph}
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.signals: dict[str | None, str] = {None: self.free("input")}
        self.nodes[self.signals[None]] = nir.Input(input_type={"input": np.array(graph.input_shape)})

    def free(self, name: str) -> str:
        """Return a name that is like this one and that nothing has."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def put(self, name: str, node: Any, *sources: str) -> str:
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        return name

    def add(self, layer: LayerNode) -> None:
        assert layer.shape is not None  # the graph was validated
        nir, read = self.nir, self.source.sources(layer.name)
        shapes = [self.source.input_shape if source is None else source.shape or () for source in read]
        names = [self.signals[None if source is None else source.name] for source in read]
        if isinstance(layer.operation, Add):
            node = nir.Scale(scale=np.ones(layer.shape, self.dtype))
        elif layer.is_linear and len(shapes[0]) > 1:
            flat = nir.Flatten(input_type={"input": np.array(shapes[0])}, start_dim=0, end_dim=-1)
            names = [self.put(self.free(f"{layer.name}.flatten"), flat, *names)]
            node = node_of(nir, layer.operation, (layer.n_inputs,), layer.shape)
        else:
            node = node_of(nir, layer.operation, shapes[0], layer.shape)
        if isinstance(layer.operation, Weighted):
            node.metadata[BIAS] = layer.bias is not None
        self.signals[layer.name] = self.put(layer.name, node, *names)
        if layer.neuron.is_spiking:
            self.signals[layer.name] = self.neurons(layer)

    def neurons(self, layer: LayerNode) -> str:
        neuron, shape, name = layer.neuron, layer.shape, layer.name
        assert shape is not None
        metadata: dict[str, Any] = {SAID: said_of(neuron)}
        if self.plain and neuron.v_reset is None:
            neuron, metadata = as_plain(neuron), {}
        numbers = arrays_of(name, neuron, shape, self.dtype, exact=self.exact)
        nodes = nodes_of(self.nir, neuron, numbers, metadata=metadata)
        if len(nodes) == 1:
            return self.put(self.free(f"{name}.neuron"), nodes["integrator"], name)
        membrane, fire, back, late = (self.free(f"{name}.{part}") for part in ("membrane", "fire", "back", "late"))
        self.put(membrane, nodes["integrator"], late, name)  # what a spike took off comes first, as in our equation
        self.put(fire, nodes["threshold"], membrane)
        self.put(back, nodes["scale"], fire)
        self.put(late, nodes["delay"], back)
        return fire

    def graph(self) -> Any:
        last = self.source.layers[-1]
        end = self.nir.Output(output_type={"output": np.array(last.shape)})
        self.put(self.free("output"), end, self.signals[last.name])
        for node in self.nodes.values():
            node.metadata = node.metadata or {}
        return self.nir.NIRGraph(nodes=self.nodes, edges=self.edges, metadata={}, type_check=False)
