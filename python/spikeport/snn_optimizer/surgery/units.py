"""Surgery on a graph: which nodes may lose units, and the graph without them.

A unit is a neuron of a linear node, or a channel of a convolution. Pools and `concat` hand units through, so a unit
goes with its channel in each of them; what reads it in the end are nodes with weights, whose terms go. `add` joins
units of several nodes, and the output's are the network's answer: what leads there keeps all its units.

A node of an operation that the passes do not know is passed by: no unit of it, and none that feeds it, is touched. The
same holds for a convolution in groups, whose channels cannot go one by one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels import INPUT
from spikeport.operations import Conv
from spikeport.snn_optimizer.surgery.weighted import take, units_of
from spikeport.snn_optimizer.surgery.wiring import shape_of

Array = npt.NDArray[Any]

REWRITABLE: Final = ("linear", "conv")
HANDS_ON: Final = ("sum_pool", "avg_pool", "max_pool", "concat")


class Reader(NamedTuple):
    """A node with weights that reads the units of another.

    Attributes
    ----------
    node : the node that reads
    source : the name of the signal that it reads: of the other node itself, or of a pool or `concat` behind it
    terms : shape (units, …): for each unit of the other node, which terms of the sums read it
    """

    node: LayerNode
    source: str
    terms: Array


def is_known(node: LayerNode) -> bool:
    """Whether the passes know the node's operation."""
    return node.operation.kind in (*REWRITABLE, *HANDS_ON, "add")


def is_rewritable(node: LayerNode) -> bool:
    """Whether the passes know the node's operation, and it has weights."""
    return node.operation.kind in REWRITABLE


def removable(graph: SNNGraph) -> list[tuple[LayerNode, list[Reader]]]:
    """Return every node that may lose units, input side first, with all nodes with weights that read them."""
    found = [(node, _readers(graph, k)) for k, node in enumerate(graph.layers[:-1]) if _comes_apart(node)]
    return [(node, readers) for node, readers in found if readers is not None]


def _comes_apart(node: LayerNode) -> bool:
    return is_rewritable(node) and (not isinstance(node.operation, Conv) or node.operation.groups == 1)


def _readers(graph: SNNGraph, index: int) -> list[Reader] | None:
    """Return what reads the units of a node in the end, or None where one of them cannot do without a unit."""
    node = graph.layers[index]
    handed = handed_on(graph, node.name)
    readers = []
    for k in range(index + 1, len(graph)):
        after, sources = graph.layers[k], graph.reads(k)
        if not any(source in handed for source in sources):
            continue
        if after.name in handed and k < len(graph) - 1:
            continue
        if not _comes_apart(after):
            return None
        units = handed[sources[0]]
        each = np.arange(terms_of_unit(graph, k))
        readers.append(Reader(after, sources[0], (units[..., None] * len(each) + each).reshape(len(units), -1)))
    return readers


def handed_on(graph: SNNGraph, name: str) -> dict[str, Array]:
    """Return which units of each signal are those of the node ``name``: of itself, and of what hands them on.

    By the signal's name, shape (units, ways): `concat` may have a unit in several ways.
    """
    found: dict[str, Array] = {}
    for k, node in enumerate(graph.layers):
        sources = graph.reads(k)
        if node.name == name:
            found[name] = np.arange(units_of(node))[:, None]
        elif node.operation.kind in HANDS_ON and any(source in found for source in sources):
            starts = np.cumsum([0, *(shape_of(graph, source)[0] for source in sources)])
            ways = [found[s] + start for s, start in zip(sources, starts, strict=False) if s in found]
            found[node.name] = np.concatenate(ways, axis=1)
    return found


def speakers_along(graph: SNNGraph, voices: Mapping[str, Array], survivors: Mapping[str, Array]) -> dict[str, Array]:
    """Return who speaks for each unit, as `Rewrite.speakers`, of the nodes named and of those that hand units on.

    Parameters
    ----------
    voices : by node, for each of its units which unit of the same node, as before, speaks for it, or a number below 0
    survivors : by node, which units are left
    """
    said: dict[str, Array] = {}
    for k, node in enumerate(graph.layers):
        sources = graph.reads(k)
        if node.name in voices:
            said[node.name] = voices[node.name]
        elif node.operation.kind in HANDS_ON and any(source in said for source in sources):
            parts, start = [], 0
            for source in sources:
                units = shape_of(graph, source)[0]
                voice = said.get(source, np.arange(units))
                parts.append(np.where(voice < 0, voice, voice + start))
                start += units
            said[node.name] = np.concatenate(parts)
    return {
        name: np.where(voice < 0, voice, np.searchsorted(survivors[name], voice) if name in survivors else voice)
        for name, voice in said.items()
    }


def in_words(graph: SNNGraph) -> str:
    """Return what units are called: neurons where there are no others."""
    return "neurons" if graph.is_linear_chain else "units (neurons or channels)"


def terms_of_unit(graph: SNNGraph, index: int) -> int:
    """Return how many terms of the node at ``index``, which has weights, read each unit of its signal."""
    operation = graph.layers[index].operation
    if isinstance(operation, Conv):
        return math.prod(operation.window.kernel)
    return math.prod(shape_of(graph, graph.reads(index)[0])[1:])


def keep_units(graph: SNNGraph, keep: Mapping[str, Array]) -> tuple[SNNGraph, dict[str, Array]]:
    """Return the graph with only the units ``keep[name]`` of each node named, and the survivors by name.

    The survivors are the indices, before, of the units that are left: of the nodes named, and of those that hand their
    units through. The nodes named are ones that `removable` gives.
    """
    kept: dict[str, Array | None] = {INPUT: None}
    nodes = []
    for k, node in enumerate(graph.layers):
        sources = graph.reads(k)
        rows, columns = keep.get(node.name), None
        if any(kept[source] is not None for source in sources):
            if node.operation.kind in HANDS_ON:
                rows = _joined(graph, sources, kept)
            else:
                each = np.arange(terms_of_unit(graph, k))
                columns = (np.asarray(kept[sources[0]])[:, None] * len(each) + each).ravel()
        nodes.append(take(node, None if rows is None else np.asarray(rows), columns))
        kept[node.name] = None if rows is None else np.asarray(rows)
    survivors = {node.name: rows for node in graph if (rows := kept[node.name]) is not None}
    return SNNGraph(nodes, graph.input_shape), survivors


def _joined(graph: SNNGraph, sources: Sequence[str], kept: Mapping[str, Array | None]) -> Array:
    """Return which units of signals, one behind the other, are left."""
    found, start = [], 0
    for source in sources:
        units, rows = shape_of(graph, source)[0], kept[source]
        found.append(start + (np.arange(units) if rows is None else rows))
        start += units
    return np.concatenate(found)
