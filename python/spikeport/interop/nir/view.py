"""A NIR graph as one list of nodes, each with what feeds it in the order of the edges.

Nested graphs are opened: their nodes are called ``<graph>.<node>``, and what is fed into them goes where their Input
leads. NIR keeps no order of nodes (a file gives them alphabetically), so the order is made of the edges.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from spikeport.errors import GraphError
from spikeport.interop.nir.present import kind_of

Edge = tuple[str, str]


class View(NamedTuple):
    """Nodes by name, without nested graphs; what feeds each, and whom it feeds; the network's input and output."""

    nodes: dict[str, Any]
    sources: dict[str, list[str]]
    readers: dict[str, list[str]]
    input: str
    output: str

    def kind(self, name: str) -> str:
        """Return the word that NIR has for a node."""
        return kind_of(self.nodes[name])


def view_of(graph: Any) -> View:
    """Return the view of a ``nir.NIRGraph``, or raise `GraphError` ``inputs`` where it has not one Input, one Output,
    or edges of nodes that are not there.
    """
    if kind_of(graph) != "NIRGraph":
        raise GraphError("inputs", f"{graph!r} is a {kind_of(graph)}: give a nir.NIRGraph")
    nodes, edges = _opened(graph, "")
    first, last = (_only(graph.nodes, word, "the graph") for word in ("Input", "Output"))
    return _view(nodes, edges, first, last)


def _view(nodes: dict[str, Any], edges: list[Edge], first: str, last: str) -> View:
    sources: dict[str, list[str]] = {name: [] for name in _by_target(nodes, edges)}
    readers: dict[str, list[str]] = {name: [] for name in sources}
    for source, target in edges:
        sources[target].append(source)
        readers[source].append(target)
    if sources[first] or readers[last]:
        raise GraphError("inputs", f"{first} is fed, or {last} feeds: Input begins a graph and Output ends it")
    return View(nodes, sources, readers, first, last)


def _by_target(nodes: dict[str, Any], edges: list[Edge]) -> list[str]:
    """Return all names in the order in which edges first lead to them; before them those that nothing leads to."""
    targets = dict.fromkeys(target for _, target in edges)
    return [*(name for name in nodes if name not in targets), *targets]


def _opened(graph: Any, prefix: str) -> tuple[dict[str, Any], list[Edge]]:
    nodes: dict[str, Any] = {}
    edges = [(str(source), str(target)) for source, target in graph.edges]
    for edge in edges:
        for name in edge:
            if name not in graph.nodes:
                raise GraphError("inputs", f"an edge {prefix}{edge[0]} -> {prefix}{edge[1]}: no node is called {name}")
    for name, node in graph.nodes.items():
        if kind_of(node) != "NIRGraph":
            nodes[name] = node
            continue
        inner, between = _opened(node, f"{prefix}{name}.")
        first, last = (_only(node.nodes, word, f"{prefix}{name}") for word in ("Input", "Output"))
        nodes |= {f"{name}.{within}": part for within, part in inner.items()}
        edges = [(f"{name}.{last}" if a == name else a, f"{name}.{first}" if b == name else b) for a, b in edges]
        edges += [(f"{name}.{a}", f"{name}.{b}") for a, b in between]
        for end in (first, last):
            edges = _without(f"{name}.{end}", edges)
            del nodes[f"{name}.{end}"]
    return nodes, edges


def _without(name: str, edges: list[Edge]) -> list[Edge]:
    """Lead what feeds a node to those whom it feeds."""
    feeding = [source for source, target in edges if target == name]
    kept: list[Edge] = []
    for source, target in edges:
        if source == name:
            kept += [(before, target) for before in feeding]
        elif target != name:
            kept.append((source, target))
    return kept


def _only(nodes: dict[str, Any], word: str, where: str) -> str:
    found = [name for name, node in nodes.items() if kind_of(node) == word]
    if len(found) != 1:
        named = f" ({', '.join(found)})" if found else ""
        raise GraphError("inputs", f"{where} has {len(found)} nodes {word}{named}: a network here has one")
    return found[0]


def in_order(sources: dict[str, list[str]]) -> tuple[list[str], list[Edge]]:
    """Return the nodes so that each stands behind what feeds it, and the edges that close circles.

    Among those that may come next, the first of ``sources`` comes. In a circle that is the first one that is fed by
    anything already there; its other edges close circles.
    """
    done: list[str] = []
    seen: set[str] = set()
    closing: list[Edge] = []
    waiting = list(sources)
    while waiting:
        name = next((name for name in waiting if seen.issuperset(sources[name])), None)
        if name is None:
            name = next((name for name in waiting if seen.intersection(sources[name])), waiting[0])
            closing += [(source, name) for source in sources[name] if source not in seen]
        waiting.remove(name)
        done.append(name)
        seen.add(name)
    return done, closing
