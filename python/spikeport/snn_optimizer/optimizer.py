"""The optimiser: passes run, exact ones to a fixed point, and the result held against what was there before.

Exact passes that stand next to each other form a set: they run in one order of our own, again and again until none
finds anything, so the order in which they were asked for does not matter. Passes that are not exact run where they
stand, once; what they did to the answer is measured by running both graphs. At the end the exact passes that were
asked for run once more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate, weakest
from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.bounds import InputRange
from spikeport.snn_optimizer.budget import Labelled, Point, measured_accuracy, search
from spikeport.snn_optimizer.cost import Cost, cost_of
from spikeport.snn_optimizer.layer_replay import replay_layers
from spikeport.snn_optimizer.models import as_graph, like, timesteps_of
from spikeport.snn_optimizer.passes import EXACT_PASSES, Request, Step, resolve
from spikeport.snn_optimizer.quantization import packed
from spikeport.snn_optimizer.report import OptimizationReport, PassResult
from spikeport.snn_optimizer.rewrite import SILENT, Rewrite, detach
from spikeport.snn_optimizer.scope import Scope, as_data
from spikeport.snn_optimizer.simulation import simulate
from spikeport.snn_optimizer.verification import drives_for, verify

Array = npt.NDArray[Any]
MOST_ROUNDS = 1000


def optimize(
    graph: Any,
    passes: Sequence[Request] | None = None,
    *,
    data: Any = None,
    max_accuracy_drop: float | None = None,
    input_range: InputRange | None = None,
    horizon: int | None = None,
    timesteps: int | None = None,
    encoding: str = "current",
    seed: int = 0,
    verification: bool = True,
    progress: bool = False,
) -> tuple[SNNGraph, OptimizationReport]:
    """Return a smaller graph and the report of what every pass did to the answer. The input is never changed.

    Parameters
    ----------
    graph : an `SNNGraph`, or whatever `spikeport.snn_optimizer.as_graph` takes
    passes : names, long or short, or (name, options); by default measured-dead elimination and all exact passes. An
        empty list runs none. Not together with ``max_accuracy_drop``, which chooses passes itself
    data : (samples, n_inputs), or a pair (inputs, labels): what measured passes measure on and the verification replays
    max_accuracy_drop : share of right answers that may be lost, e.g. 0.005; searches passes and strengths on ``data``,
        half of it to choose on and half to hold the
        result to; give data that the network was not trained on
    input_range : (low, high) that every input value is known to lie in, numbers or arrays (n_inputs,); None proves for
        any input whatever
    horizon : longest run, in steps, that proofs must hold for; None for any
    timesteps, encoding, seed : how data and drives are run; ``timesteps`` by default that of the model, or 16
    verification : replay the graph before and after on data or random drives and on adversarial ones
    progress : show a progress bar on standard error

    Raises
    ------
    GraphError (a ValueError) ``unknown_pass``, ``unknown_option``, ``input_range``, ``shape``, ``data``,
        ``budget``, and the codes of the passes' options, before any work.
    """
    before = as_graph(graph)
    before.validate()
    x, labels = _pair(data)
    scope = Scope(input_range, horizon, x, timesteps or timesteps_of(graph) or 16, encoding, seed)
    scope.check(before)
    if max_accuracy_drop is not None:
        return _within_budget(before, passes, scope, labels, max_accuracy_drop, verification, progress)
    run = _Run(before, scope, labels, verification)
    steps = resolve(passes)
    with _bar(progress, "passes", len(steps)) as advance:
        run.steps(steps, advance)
    return run.finished()


class SNNOptimizer:
    """The optimiser as an object: options once, many models.

    >>> optimizer = SNNOptimizer(input_range=(0.0, 1.0))
    >>> smaller = optimizer.optimize(model, passes=["fuse", "merge", "eliminate_dead"])
    >>> print(optimizer.report)

    Parameters
    ----------
    options : what `optimize` takes by keyword

    Attributes
    ----------
    report : the `OptimizationReport` of the last call, None before the first
    """

    def __init__(self, **options: Any) -> None:
        unknown = sorted(set(options) - set(optimize.__kwdefaults__ or {}))
        if unknown:
            known = ", ".join(optimize.__kwdefaults__ or {})
            raise GraphError("unknown_option", f"SNNOptimizer takes {known}, not {', '.join(unknown)}")
        self.options = options
        self.report: OptimizationReport | None = None

    def optimize(self, model: Any, passes: Sequence[Request] | None = None, **options: Any) -> Any:
        """Return the optimised model; the report is kept in ``report``.

        An `SNNGraph` gives an `SNNGraph`, a checkpoint a checkpoint (metadata kept, frozen layers that are still
        there), a converted network a converted network where it can hold the result, else an `SNNGraph`.
        """
        graph, self.report = optimize(model, passes, **{**self.options, **options})
        return like(model, graph)


class _Run:
    """The state of one call: the graph so far, and what every pass did."""

    def __init__(
        self, before: SNNGraph, scope: Scope, labels: Array | None, verification: bool, held: Scope | None = None
    ) -> None:
        self.before, self.graph, self.scope, self.labels = before, before, scope, labels
        self.held = held or scope  # what results are measured on; passes see only ``scope``
        self.survivors: dict[str, Array] = {}
        self.speakers: dict[str, Array] = {}
        self.bits: dict[str, int] = {}
        self.results: list[PassResult] = []
        self.drives: Array | None = None
        self.adversarial = 0
        if verification:
            self.drives, self.adversarial = drives_for(before, self.held)
        self.first_cost = self.cost = self._cost()
        self.accuracy = self.first_accuracy = self._accuracy()

    def steps(self, steps: Sequence[Step], advance: Any) -> None:
        exact = [step for step in steps if step.is_exact]
        position, lossy = 0, False
        while position < len(steps):
            group = []
            while position < len(steps) and steps[position].is_exact:
                group.append(steps[position])
                position += 1
            self.fixed_point(group, say_unchanged=True)
            advance(len(group))
            if position < len(steps):
                self.apply(steps[position], say_unchanged=True)
                position, lossy = position + 1, True
                advance(1)
        if lossy:
            self.fixed_point(exact, say_unchanged=False)

    def fixed_point(self, steps: Sequence[Step], *, say_unchanged: bool) -> None:
        chosen = {step.chosen.name: step for step in steps}
        order = [chosen[name] for name in EXACT_PASSES if name in chosen]
        found: set[str] = set()
        for _ in range(MOST_ROUNDS):  # every round but the last removes a neuron, a layer, a scale or a column
            changed = [step.chosen.name for step in order if self.apply(step)]
            found.update(changed)
            if not changed:
                break
        for step in order if say_unchanged else ():
            if step.chosen.name not in found:
                self.record(step, self.graph, Certificate("exact", "nothing to do"), 0.0, 0)

    def apply(self, step: Step, *, say_unchanged: bool = False) -> bool:
        """Run one pass and record what it did; return whether it changed the graph."""
        start = time.perf_counter()
        rewrite = step.chosen.apply(self.graph, self.scope, **step.options)
        seconds = time.perf_counter() - start
        if not rewrite.changed:
            if say_unchanged:
                self.record(step, self.graph, rewrite.certificate, seconds, 0)
            return False
        previous = self.graph
        self._adopt(rewrite)
        certificate = self._measured(previous, rewrite)
        self.record(step, previous, certificate, seconds, rewrite.layers_fused)
        return True

    def record(self, step: Step, previous: SNNGraph, certificate: Certificate, seconds: float, fused: int) -> None:
        before = self.cost
        if previous is not self.graph:
            self.cost = self._cost()
            self.accuracy = self.accuracy if certificate.level == "exact" else self._accuracy()
        self.results.append(
            PassResult(
                name=step.chosen.name,
                neurons_removed=before.neurons - self.cost.neurons,
                layers_fused=fused,
                params_before=before.parameters,
                params_after=self.cost.parameters,
                certificate=certificate,
                before=before,
                after=self.cost,
                options=dict(step.options),
                accuracy=self.accuracy,
                seconds=seconds,
            )
        )

    def finished(self, front: Sequence[Point] = ()) -> tuple[SNNGraph, OptimizationReport]:
        graph = detach(self.graph, self.before)
        levels = [result.certificate for result in self.results]
        checked = None
        if self.drives is not None:
            checked = verify(
                self.before,
                graph,
                self.drives,
                timesteps=self.scope.timesteps,
                encoding=self.scope.encoding,
                seed=self.scope.seed,
                survivors=self.survivors,
                adversarial=self.adversarial,
            )
            by_layer = replay_layers(self.before, graph, self.speakers, timesteps=self.scope.timesteps)
            checked = replace(checked, layers=by_layer)
        level = weakest(levels)
        if level == "exact":
            certificate = Certificate(
                "exact", "every pass was exact: equal bit for bit at every step, see each for why"
            )
        elif checked is not None:
            certificate = Certificate(
                "measured",
                f"passes that are {level} are among them; outputs compared before and after on the drives",
                agreement=checked.agreement,
                largest_difference=checked.largest_difference,
                samples=checked.samples,
            )
        else:
            certificate = Certificate("unchecked", f"passes that are {level} are among them, and nothing was replayed")
        report = OptimizationReport(
            pass_results=self.results,
            params_before=self.first_cost.parameters,
            params_after=self.cost.parameters,
            neurons_before=self.first_cost.neurons,
            neurons_after=self.cost.neurons,
            before=self.first_cost,
            after=self.cost,
            certificate=certificate,
            verification=checked,
            accuracy_before=self.first_accuracy,
            accuracy_after=self.accuracy,
            weight_bits=dict(self.bits),
            front=list(front),
        )
        return graph, report

    def _adopt(self, rewrite: Rewrite) -> None:
        own = {layer.name: layer for layer in self.graph}
        for layer in rewrite.graph:
            rows = rewrite.survivors.get(layer.name)
            if rows is not None:
                so_far = self.survivors.get(layer.name, np.arange(own[layer.name].n_neurons))
                self.survivors[layer.name] = so_far[rows]
            speaks = rewrite.speakers.get(layer.name)
            if speaks is None and rows is not None:
                speaks = np.full(own[layer.name].n_neurons, SILENT)
                speaks[rows] = np.arange(len(rows))
            if speaks is not None:
                earlier = self.speakers.get(layer.name, np.arange(own[layer.name].n_neurons))
                self.speakers[layer.name] = np.where(earlier < 0, earlier, speaks[np.maximum(earlier, 0)])
        self.bits.update(rewrite.weight_bits)
        for layer in rewrite.graph:
            if layer.name in self.bits and layer.name not in rewrite.weight_bits and own.get(layer.name) is not layer:
                try:
                    packed(layer, self.bits[layer.name])
                except GraphError:  # the pass took the weights off their grid
                    del self.bits[layer.name]
        self.graph = rewrite.graph

    def _measured(self, previous: SNNGraph, rewrite: Rewrite) -> Certificate:
        """Return the certificate, with what a replay on the drives shows where it is neither exact nor bounded."""
        certificate = rewrite.certificate
        if certificate.level == "exact" or self.drives is None:
            return certificate
        seen = verify(
            previous,
            rewrite.graph,
            self.drives,
            timesteps=self.scope.timesteps,
            encoding=self.scope.encoding,
            seed=self.scope.seed,
            survivors=rewrite.survivors,
            adversarial=self.adversarial,
        )
        figures: dict[str, Any] = {
            "agreement": seen.agreement,
            "largest_difference": seen.largest_difference,
            "samples": seen.samples,
        }
        if certificate.level == "bounded":
            return replace(certificate, details={**certificate.details, **figures})
        return Certificate("measured", certificate.reason, details=certificate.details, **figures)

    def _cost(self) -> Cost:
        data = self.held.data
        if data is None and self.drives is not None:
            data = self.drives[: len(self.drives) - self.adversarial]
        events = None if data is None else simulate(self.graph, data[:256], self.held, keep_inputs=False).events
        return cost_of(self.graph, events, self.bits)

    def _accuracy(self) -> float | None:
        if self.labels is None or self.held.data is None:
            return None
        return measured_accuracy(self.graph, Labelled(self.held.data, self.labels), self.held)


def _within_budget(
    before: SNNGraph,
    passes: Sequence[Request] | None,
    scope: Scope,
    labels: Array | None,
    drop: float,
    verification: bool,
    progress: bool,
) -> tuple[SNNGraph, OptimizationReport]:
    if passes is not None:
        raise GraphError("budget", "max_accuracy_drop chooses passes itself: leave passes=None")
    if scope.data is None or labels is None:
        raise GraphError("budget", "max_accuracy_drop needs data=(inputs, labels) to measure accuracy on")
    if not 0 <= drop < 1:
        raise GraphError("budget", f"max_accuracy_drop must be a share in [0, 1), not {drop!r}")
    if len(scope.data) < 2:
        raise GraphError(
            "budget", "max_accuracy_drop needs at least two samples: half to choose on, half to measure on"
        )
    choose, hold = Labelled(scope.data[::2], labels[::2]), Labelled(scope.data[1::2], labels[1::2])
    with _bar(progress, "searching", None) as advance:
        steps, front = search(before, choose, hold, scope, drop, advance)
    held = replace(scope, data=hold.inputs)
    run = _Run(before, replace(scope, data=choose.inputs), hold.labels, verification, held)
    run.steps(resolve(steps), lambda count: None)
    return run.finished(front)


def _pair(data: Any) -> tuple[Array | None, Array | None]:
    if not isinstance(data, tuple):
        return as_data(data), None
    if len(data) != 2:
        raise GraphError("data", f"data is a tuple of {len(data)}: give inputs, or the pair (inputs, labels)")
    x, labels = as_data(data[0]), np.asarray(data[1])
    if x is None or labels.ndim != 1 or len(labels) != len(x) or labels.dtype.kind not in "iu":
        raise GraphError(
            "data", f"labels have shape {labels.shape} and dtype {labels.dtype}: give one whole number a sample"
        )
    return x, labels


def _bar(progress: bool, what: str, total: int | None) -> Any:
    if not progress:
        return nullcontext(lambda count: None)
    from spikeport.snn_optimizer.progress import bar

    return bar(what, total)
