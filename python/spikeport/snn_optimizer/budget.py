"""Budget mode: as small as the accuracy allows.

A point is three strengths: the share of hidden neurons that stay, the sparsity of what is left, and the bits of each
weight, on a grid, or in whole numbers where the function that makes them is given. What is made small is the product of
nonzero numbers, bytes and operations. The search begins with the exact passes and measured-dead elimination, then
tightens one strength by one notch at a time, always the one that saves most for the accuracy it loses, as long as
accuracy stays within the budget; a strength that breaks it is closed.

The data are kept apart: one quarter fits (activity, compensation), one quarter judges the notches, one half holds the
result: the last point on the path is taken that, fitted again on both quarters, stays within the budget on that half.
Where none does, the exact passes alone run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.cost import Cost, cost_of
from spikeport.snn_optimizer.passes.registry import EXACT_PASSES
from spikeport.snn_optimizer.passes.request import RequestLike, resolve
from spikeport.snn_optimizer.proofs.scope import Scope, as_samples, spread
from spikeport.snn_optimizer.replay.simulation import simulate
from spikeport.snn_optimizer.whole_numbers import BITS as WHOLE_BITS
from spikeport.snn_optimizer.whole_numbers import Quantise, WholeNetwork, in_whole_numbers

Array = npt.NDArray[Any]

# The notches of the three strengths. What is left shrinks by a similar share from notch to notch, about a fifth for
# neurons and a third for weights, so that every notch is worth a trial: even steps would be too coarse at the strong
# end, where they take most of what is left, and too fine at the weak one. Neurons take part in many weights, so their
# ladder is the finer one and ends earlier. Bits have the values that `quantize_weights` takes.
KEEP: Final = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.32, 0.25, 0.2, 0.15, 0.1)
SPARSITY: Final = (0.0, 0.3, 0.5, 0.65, 0.75, 0.82, 0.88, 0.92, 0.95, 0.97)
BITS: Final = (None, 8, 4)
MOST_SAMPLES = 2048  # to fit on, and to judge on: an accuracy of 90 % is then known to 0.7 points (one standard error)
SAMPLES_AT_ONCE = 2048  # bounds the memory of a run
VALUES_AT_ONCE = 1 << 23  # the same, where a sample has many neurons


class Labelled(NamedTuple):
    """Inputs (samples, …) of the graph's input shape and their classes (samples,)."""

    inputs: Array
    labels: Array


@dataclass(frozen=True)
class Point:
    """One setting that was tried: its strengths, its accuracy on the judging data, what it costs, and whether it
    was taken.

    ``whole`` says that the bits are those of whole numbers, not of a grid of floats; ``efficient`` that no other point
    has at least its accuracy at lower cost in parameters and operations.
    """

    keep: float
    sparsity: float
    bits: int | None
    accuracy: float
    cost: Cost
    efficient: bool = False
    taken: bool = False
    whole: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        return {
            "keep": self.keep,
            "sparsity": self.sparsity,
            "bits": self.bits,
            "whole": self.whole,
            "accuracy": self.accuracy,
            "efficient": self.efficient,
            "taken": self.taken,
            "cost": self.cost.to_dict(),
        }


def measured_accuracy(graph: SNNGraph, data: Labelled, scope: Scope) -> float:
    """Return the share of samples whose output neuron with the largest drive is their class, by `SNNGraph.run`."""
    return float((answers(graph, data.inputs, scope) == data.labels).mean())


def answers(graph: SNNGraph, inputs: Array, scope: Scope) -> Array:
    """Return the output neuron with the largest drive for each sample, in parts whose memory is bounded."""
    size = max(1, min(SAMPLES_AT_ONCE, VALUES_AT_ONCE // sum(layer.n_neurons for layer in graph)))
    x, found = as_samples(graph, inputs), []
    for start in range(0, len(x), size):
        run = graph.run(x[start : start + size], T=scope.timesteps, encoding=scope.encoding, seed=scope.seed)
        found.append(run.drive.reshape(len(run.drive), -1).argmax(axis=1))
    return np.concatenate(found)


def whole_accuracy(made: WholeNetwork, data: Labelled, scope: Scope) -> float:
    """Return the same of a network of whole numbers, for real inputs."""
    fed = made.whole(as_samples(made.graph, data.inputs))
    return measured_accuracy(made.graph, Labelled(fed, data.labels), scope)


class SearchResult(NamedTuple):
    """What a search found.

    Attributes
    ----------
    settings : passes to run and the point they belong to, the smallest network first; the last ones, of no point, are
        the exact passes alone, and none at all
    front : every point that was tried
    """

    settings: list[tuple[list[RequestLike], Point | None]]
    front: list[Point]


def search(
    graph: SNNGraph,
    choose: Labelled,
    hold: Labelled,
    scope: Scope,
    drop: float,
    advance: Callable[[int], None],
    quantise: Quantise | None = None,
) -> SearchResult:
    """Return the settings that lose at most ``drop``, on half of ``choose`` each and, the first one, on ``hold``.

    With ``quantise`` the bits are those of whole numbers.
    """
    fit, judge = (Labelled(*(spread(a, MOST_SAMPLES) for a in _part(choose, which))) for which in (0, 1))
    trial = _Trials(graph, fit, judge, scope, advance, quantise)
    base = trial.accuracy(graph)
    at: tuple[int, ...] = (0, 0, 0)
    closed, path = set[int](), [at]
    here = trial.point(at)
    while len(closed) < 3:
        candidates = []
        for axis, ladder in enumerate((KEEP, SPARSITY, trial.bits)):
            if axis in closed:
                continue
            if at[axis] + 1 >= len(ladder):
                closed.add(axis)
                continue
            there = tuple(a + (i == axis) for i, a in enumerate(at))
            point = trial.point(there)
            if base - point.accuracy > drop:
                closed.add(axis)
                continue
            saved = _size(here.cost) - _size(point.cost)
            candidates.append((saved / max(here.accuracy - point.accuracy, drop / 10, 1e-6), there, point))
        if candidates:
            _, at, here = max(candidates, key=lambda candidate: candidate[0])
            path.append(at)

    held_base = measured_accuracy(graph, hold, scope)
    while len(path) > 1 and held_base - trial.measured(path[-1], hold) > drop:
        path.pop()
    front = _with_front(list(trial.points.values()))
    by_place = dict(zip(trial.points, front, strict=True))
    settings: list[tuple[list[RequestLike], Point | None]] = [(trial.passes(at), by_place[at]) for at in reversed(path)]
    return SearchResult([*settings, (list(EXACT_PASSES), None), ([], None)], front)


def passes_of(keep: float, sparsity: float, bits: int | None) -> list[RequestLike]:
    """Return the passes of a point: exact ones and measured-dead elimination first."""
    passes: list[RequestLike] = [*EXACT_PASSES, "dead_neuron_elimination"]
    if keep < 1:
        passes.append(("neuron_pruning", {"keep": keep}))
    if sparsity > 0:
        passes.append(("weight_pruning", {"sparsity": sparsity}))
    if bits is not None:
        passes.append(("weight_quantization", {"bits": bits}))
    return passes


class _Trials:
    """Points tried so far, each tried once."""

    def __init__(
        self,
        graph: SNNGraph,
        fit: Labelled,
        judge: Labelled,
        scope: Scope,
        advance: Callable[[int], None],
        quantise: Quantise | None = None,
    ) -> None:
        self.source, self.judge, self.advance, self.quantise = graph, judge, advance, quantise
        self.bits = BITS if quantise is None else WHOLE_BITS
        self._whole: dict[tuple[int, ...], WholeNetwork | None] = {}
        self.scope = replace(scope, data=fit.inputs)
        self.points: dict[tuple[int, ...], Point] = {}
        self._partials: dict[tuple[int, ...], SNNGraph] = {}  # by the first notches of a point

    def accuracy(self, graph: SNNGraph) -> float:
        activity = simulate(graph, self.judge.inputs, self.scope)
        return float((activity.answers == self.judge.labels).mean())

    def point(self, at: tuple[int, ...]) -> Point:
        if at not in self.points:
            graph = self.graph(at)
            keep, sparsity, bits = self.strengths(at)
            activity = simulate(graph, self.judge.inputs, self.scope)
            weight_bits = {} if bits is None else {layer.name: bits for layer in graph if layer.operation.arrays()}
            whole = bits is not None and self.quantise is not None
            found = self.measured(at, self.judge) if whole else float((activity.answers == self.judge.labels).mean())
            cost = cost_of(graph, activity.events, weight_bits)
            self.points[at] = Point(keep=keep, sparsity=sparsity, bits=bits, accuracy=found, cost=cost, whole=whole)
            self.advance(1)
        return self.points[at]

    def measured(self, at: tuple[int, ...], data: Labelled) -> float:
        """Return the accuracy of a point as it runs: in whole numbers where it has them, and 0 where none hold."""
        bits = self.strengths(at)[2]
        if bits is None or self.quantise is None:
            return measured_accuracy(self.graph(at), data, self.scope)
        if at not in self._whole:
            assert self.scope.data is not None  # what the points are fitted on
            self._whole[at] = in_whole_numbers(self.quantise, self.graph(at), bits, self.scope.data)
        made = self._whole[at]
        return 0.0 if made is None else whole_accuracy(made, data, self.scope)

    def strengths(self, at: tuple[int, ...]) -> tuple[float, float, int | None]:
        return KEEP[at[0]], SPARSITY[at[1]], self.bits[at[2]]

    def passes(self, at: tuple[int, ...]) -> list[RequestLike]:
        """Return the passes of a point, without its whole numbers, which no pass makes."""
        keep, sparsity, bits = self.strengths(at)
        return passes_of(keep, sparsity, bits if self.quantise is None else None)

    def graph(self, at: tuple[int, ...]) -> SNNGraph:
        """Return the graph of a point; what points share (neurons first, then weights, then bits) is built once."""
        graph = self._partial((), passes_of(1.0, 0.0, None), self.source)
        for depth in (1, 2, 3):
            before, upto = (self.passes((*at[:d], 0, 0, 0)[:3]) for d in (depth - 1, depth))
            added = upto[len(before) :]
            graph = self._partial(at[:depth], added, graph)
        return graph

    def _partial(self, key: tuple[int, ...], passes: Sequence[RequestLike], graph: SNNGraph) -> SNNGraph:
        if key not in self._partials:
            for request in resolve(passes):
                rewrite = request.run(graph, self.scope)
                while rewrite.changed and request.is_exact:
                    rewrite = request.run(rewrite.graph, self.scope)
                graph = rewrite.graph
            self._partials[key] = graph
        return self._partials[key]


def _part(data: Labelled, which: int) -> Labelled:
    return Labelled(data.inputs[which::2], data.labels[which::2])


def _size(cost: Cost) -> float:
    """What the search saves: stored numbers, bytes and operations, each by its logarithm."""
    return (
        math.log(max(cost.nonzero, 1)) + math.log(max(cost.bytes, 1)) + math.log(max(cost.synaptic_operations or 1, 1))
    )


def _with_front(points: list[Point]) -> list[Point]:
    def beats(a: Point, b: Point) -> bool:
        mine = (-a.accuracy, a.cost.nonzero, a.cost.bytes, a.cost.synaptic_operations or 0)
        theirs = (-b.accuracy, b.cost.nonzero, b.cost.bytes, b.cost.synaptic_operations or 0)
        return all(x <= y for x, y in zip(mine, theirs, strict=True)) and mine != theirs

    return [replace(p, efficient=not any(beats(other, p) for other in points)) for p in points]
