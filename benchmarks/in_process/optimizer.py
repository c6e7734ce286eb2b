"""The optimiser and its peer in one process: run by `benchmarks.bench_optimizer` in the peers' environment.

Prints one JSON document: seconds of both sides on the same layers, and cases that the peer gets wrong with both
sides' results. The peer is used by its public API alone. It changes graphs in place, so every sample of it gets a
fresh copy, untimed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np
import sc_neurocore.snn_optimizer as theirs

from spikeport import snn_optimizer as ours

PASSES = ("dead_neuron_elimination", "layer_fusion", "redundancy_elimination")


def layers(n: int, *, dead: float = 0.0, duplicates: float = 0.0) -> list[tuple[str, Any, Any]]:
    """Two n × n layers: names, weights, rates; a share of the first's neurons dead, or copies of others."""
    rng = np.random.default_rng(0)
    found = []
    for name in ("hidden", "output"):
        weights, rates = rng.normal(size=(n, n)), np.full(n, 0.5)
        if name == "hidden":
            rates[rng.permutation(n)[: round(n * dead)]] = 0
            copies = rng.permutation(n)[: 2 * round(n * duplicates)].reshape(2, -1)
            weights[copies[0]] = weights[copies[1]]
        found.append((name, weights, rates))
    return found


def graph_of(side: Any, described: list[tuple[str, Any, Any]], kind: str = "LIF") -> Any:
    """The same layers as a graph of either side."""
    nodes = []
    for name, weights, rates in described:
        weights = np.array(weights, float)
        rates = None if rates is None else np.array(rates, float)
        nodes.append(side.LayerNode(name, weights.shape[1], len(weights), weights, kind, rates))
    return side.SNNGraph(nodes)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def timings(n: int) -> list[dict[str, Any]]:
    """Seconds of each documented pass, both sides in turn."""
    found = []
    jobs = [
        ("dead_neuron_elimination", "10% of the neurons dead", layers(n, dead=0.1), 5, 5),
        ("layer_fusion", "a silent hidden layer, as the peer fuses it", layers(n, dead=1.0), 3, 3),
        ("redundancy_elimination", "5% of the neurons copies", layers(n, duplicates=0.05), 3, 0),
        # The peer compares all pairs one by one, which did not end within twelve minutes at n = 4096.
        ("redundancy_elimination", "5% of the neurons copies", layers(n // 4, duplicates=0.05), 3, 1),
    ]
    for name, what, described, repeats, of_peer in jobs:
        graph = graph_of(ours, described)
        merging = name == "redundancy_elimination"
        mine, near, peer, whole = [], [], [], []
        for turn in range(repeats):
            mine.append(seconds(lambda graph=graph, name=name: getattr(ours, name)(graph)))
            if merging:
                near.append(seconds(lambda graph=graph: ours.redundancy_elimination(graph, tolerance=0.01)))
            if turn < of_peer:
                fresh = graph_of(theirs, described)
                peer.append(seconds(lambda fresh=fresh, name=name: getattr(theirs, name)(fresh)))
                if not merging:  # their optimize copies the graph first, as ours always does
                    fresh = graph_of(theirs, described)
                    whole.append(seconds(lambda fresh=fresh, name=name: theirs.optimize(fresh, passes=[name])))
        _, result = getattr(ours, name)(graph)
        params = {
            "n": len(described[0][1]),
            "case": what,
            "neurons_removed": result.neurons_removed,
            "certificate": result.certificate.level,
        }
        found.append({"what": name, "who": "spikeport", "samples": mine, "params": params})
        if near:
            found.append({"what": f"{name}, near duplicates", "who": "spikeport", "samples": near, "params": params})
        if peer:
            found.append({"what": name, "who": "sc-neurocore, in place", "samples": peer, "params": params})
        if whole:
            found.append({"what": name, "who": "sc-neurocore, optimize", "samples": whole, "params": params})
        print(name, mine, near, peer, whole, file=sys.stderr, flush=True)
    first, second = (weights for _, weights, _ in layers(n))
    linear = ours.SNNGraph(
        [ours.LayerNode("hidden", n, n, first, "identity"), ours.LayerNode("output", n, n, second, "LIF")]
    )
    params = {"n": n, "case": "no neuron between: the product itself"}
    product = [seconds(lambda: second @ first) for _ in range(3)]
    fused = [seconds(lambda: ours.layer_fusion(linear)) for _ in range(3)]
    found.append({"what": "layer_fusion", "who": "spikeport", "samples": fused, "params": params})
    found.append({"what": "layer_fusion", "who": "the matrix product alone", "samples": product, "params": params})
    return found


def cases() -> list[dict[str, str]]:
    """What the documented passes make of small graphs, both sides, and what would be right."""
    half, eye = [0.5] * 3, np.eye(3)
    described: list[tuple[str, str, str, list[tuple[str, Any, Any]], str]] = [
        (
            "an output neuron that did not fire on the data",
            "dead_neuron_elimination",
            "3 classes stay",
            [("hidden", eye, half), ("output", np.ones((3, 3)), [0.5, 0, 0.5])],
            "outputs",
        ),
        (
            "a layer without a live neuron",
            "dead_neuron_elimination",
            "a layer of at least 1",
            [("hidden", eye, [0, 0, 0]), ("output", np.ones((2, 3)), [0.5, 0.5])],
            "hidden",
        ),
        (
            "rows that differ fourfold",
            "redundancy_elimination",
            "2 neurons stay",
            [("hidden", [[1, 2, 3], [4, 8, 12]], [0.5, 0.5]), ("output", [[1, 1]], [0.5])],
            "hidden",
        ),
        (
            "equal rows with outgoing weights 1 and -3",
            "redundancy_elimination",
            "outgoing weight -2",
            [("hidden", [[1, 2, 3], [1, 2, 3]], [0.5, 0.5]), ("output", [[1, -3]], [0.5])],
            "outgoing",
        ),
        (
            "equal output neurons: two classes",
            "redundancy_elimination",
            "2 classes stay",
            [("output", [[1, 2, 3], [1, 2, 3]], [0.5, 0.5])],
            "outputs",
        ),
        (
            "a silent spiking layer before a live one",
            "layer_fusion",
            "not fused",
            [("hidden", eye, [0, 0, 0]), ("output", np.ones((2, 3)), [0.5, 0.5])],
            "layers",
        ),
    ]
    look: dict[str, Callable[[Any], str]] = {
        "outputs": lambda graph: f"{graph.layers[-1].n_neurons} classes",
        "hidden": lambda graph: f"a layer of {graph.layers[0].n_neurons}",
        "outgoing": lambda graph: f"outgoing weight {graph.layers[-1].weights.ravel().tolist()[0]:g}",
        "layers": lambda graph: f"{len(graph.layers)} layers",
    }
    found = []
    for what, name, right, layers_of_it, seen in described:
        results = {}
        for who, side in (("spikeport", ours), ("sc-neurocore", theirs)):
            graph, _ = side.optimize(graph_of(side, layers_of_it), passes=[name])
            results[who] = look[seen](graph)
        found.append({"case": what, "pass": name, "right": right, **results})
    found += [_all_passes_on_a_dead_layer(), _unknown_pass(), _in_place()]
    return found


def _all_passes_on_a_dead_layer() -> dict[str, str]:
    described = [("hidden", np.eye(3), [0, 0, 0]), ("output", np.ones((2, 3)), [0.5, 0.5])]
    results = {}
    for who, side in (("spikeport", ours), ("sc-neurocore", theirs)):
        try:
            graph, _ = side.optimize(graph_of(side, described))
            results[who] = f"{len(graph.layers)} layers, {graph.layers[-1].n_neurons} classes"
        except Exception as error:  # whatever it is, it is the finding
            results[who] = f"{type(error).__name__}: {error}"
    return {"case": "all passes, the hidden layer dead", "pass": "(all)", "right": "a graph of 2 classes", **results}


def _unknown_pass() -> dict[str, str]:
    results = {}
    for who, side in (("spikeport", ours), ("sc-neurocore", theirs)):
        try:
            side.optimize(graph_of(side, [("output", np.eye(3), [0.5] * 3)]), passes=["unheard_of"])
            results[who] = "accepted in silence"
        except ValueError as error:
            results[who] = f"ValueError: {str(error)[:45]}…"
    return {"case": "a pass that does not exist", "pass": "unheard_of", "right": "refused by name", **results}


def _in_place() -> dict[str, str]:
    described = [("hidden", np.eye(3), [0.5, 0, 0.5]), ("output", np.ones((2, 3)), [0.5, 0.5])]
    results = {}
    for who, side in (("spikeport", ours), ("sc-neurocore", theirs)):
        graph = graph_of(side, described)
        side.dead_neuron_elimination(graph)
        results[who] = "unchanged" if graph.layers[0].n_neurons == 3 else f"now {graph.layers[0].n_neurons} neurons"
    return {"case": "the graph that was given", "pass": "dead_neuron_elimination", "right": "unchanged", **results}


def main(n: int) -> None:
    version = metadata.version("sc-neurocore")
    print(json.dumps({"version": version, "cases": cases(), "timings": timings(n) if n else []}))
