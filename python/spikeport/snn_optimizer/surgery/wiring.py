"""Nodes by name: one replaced by others, put in, taken out, and everything else reading what it read.

The graph that is given is never changed; nodes that stay are shared with it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.kernels import INPUT
from spikeport.operations import Shape


def shape_of(graph: SNNGraph, source: str) -> Shape:
    """Return the shape of a signal by its name, "input" for the network's input."""
    for node in graph:
        if node.name == source and node.shape is not None:
            return node.shape
    return graph.input_shape


def replace(graph: SNNGraph, name: str, *nodes: LayerNode) -> SNNGraph:
    """Return the graph with other nodes in the place of one.

    The first of them reads what it read, each other one the one before it, and what read it reads the last.
    """
    layers: list[LayerNode] = []
    reads: list[tuple[str, ...]] = []
    renamed: dict[str, str] = {}
    for k, node in enumerate(graph.layers):
        sources = tuple(renamed.get(source, source) for source in graph.reads(k))
        for new in nodes if node.name == name else (node,):
            layers.append(new)
            reads.append(sources)
            sources = (new.name,)
        if node.name == name:
            renamed[name] = nodes[-1].name
    return rewired(graph, layers, reads)


def drop(graph: SNNGraph, *names: str, changed: Mapping[str, LayerNode] | None = None) -> SNNGraph:
    """Return the graph without some nodes; what read one of them reads what that one read, which is one signal.

    ``changed`` are nodes that take the place of others of their names at the same time.
    """
    layers: list[LayerNode] = []
    reads: list[tuple[str, ...]] = []
    instead: dict[str, str] = {}
    for k, node in enumerate(graph.layers):
        sources = tuple(instead.get(source, source) for source in graph.reads(k))
        if node.name in names:
            instead[node.name] = sources[0]
            continue
        layers.append((changed or {}).get(node.name, node))
        reads.append(sources)
    return rewired(graph, layers, reads)


def without_unread(graph: SNNGraph) -> SNNGraph:
    """Return the graph with only the nodes from which a path leads to the output.

    A float32 graph keeps all of them where no array would be left: without one it would compute in float64.
    """
    wanted = {graph.layers[-1].name}
    for k in range(len(graph) - 1, -1, -1):
        if graph.layers[k].name in wanted:
            wanted.update(graph.reads(k))
    kept = [k for k, node in enumerate(graph.layers) if node.name in wanted]
    if len(kept) == len(graph):
        return graph
    result = rewired(graph, [graph.layers[k] for k in kept], [graph.reads(k) for k in kept])
    return result if dtype_of(result) == dtype_of(graph) else graph


def rewired(graph: SNNGraph, nodes: Sequence[LayerNode], reads: Sequence[tuple[str, ...]]) -> SNNGraph:
    """Return a graph of ``nodes`` on the input of ``graph`` in which each reads what ``reads`` says.

    A node that names nothing still names nothing where it reads the one before it.
    """
    layers, before = [], INPUT
    for node, sources in zip(nodes, reads, strict=True):
        if (node.inputs or (before,)) != sources:
            node = copy.copy(node)
            node.inputs = () if sources == (before,) else sources
        layers.append(node)
        before = node.name
    return SNNGraph(layers, graph.input_shape)
