"""The pass manager: passes run, exact ones to a fixed point, and the result held against what was there before.

Exact passes that stand next to each other form a set: they run in one order of our own, again and again until none
finds anything, so the order in which they were asked for does not matter. Passes that are not exact run where they
stand, once; what they did to the answer is measured by running both graphs. At the end the exact passes that were asked
for run once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate, weakest
from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.bounds import propagate
from spikeport.snn_optimizer.budget import Labelled, Point, measured_accuracy
from spikeport.snn_optimizer.cost import Cost, cost_of
from spikeport.snn_optimizer.layer_replay import replay_layers
from spikeport.snn_optimizer.passes import EXACT_PASSES, Step
from spikeport.snn_optimizer.quantization import packed
from spikeport.snn_optimizer.report import OptimizationReport, PassResult
from spikeport.snn_optimizer.rewrite import SILENT, Rewrite, detach
from spikeport.snn_optimizer.scope import Scope, spread
from spikeport.snn_optimizer.simulation import simulate
from spikeport.snn_optimizer.verification import Verification, drives_for, verify

Array = npt.NDArray[Any]
MOST_ROUNDS = 1000


class PassManager:
    """The state of one call: the graph so far, and what every pass did.

    Parameters
    ----------
    before : the graph as it was given
    scope : what passes may assume and measure on
    labels : one class a sample of the data that results are measured on, or None
    verification : whether to replay before and after
    held : what results are measured on, where that is other data than the passes see
    """

    def __init__(
        self, before: SNNGraph, scope: Scope, labels: Array | None, verification: bool, held: Scope | None = None
    ) -> None:
        self.before, self.graph, self.scope, self.labels = before, before, scope, labels
        self.held = held or scope
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

    def run(self, steps: Sequence[Step], advance: Callable[[int], None]) -> None:
        """Run the steps; ``advance`` is told how many are done."""
        exact = [step for step in steps if step.is_exact]
        group: list[Step] = []
        for step in (*steps, None):
            if step is not None and step.is_exact:
                group.append(step)
                continue
            self._fixed_point(group, say_unchanged=True)
            advance(len(group))
            if step is not None:
                self._apply(step, say_unchanged=True)
                advance(1)
                group = []
        if len(group) < len(exact):
            self._fixed_point(exact, say_unchanged=False)

    def _fixed_point(self, steps: Sequence[Step], *, say_unchanged: bool) -> None:
        chosen = {step.chosen.name: step for step in steps}
        order = [chosen[name] for name in EXACT_PASSES if name in chosen]
        found: set[str] = set()
        for _ in range(MOST_ROUNDS):  # every round but the last removes a neuron, a layer, a scale or a column
            changed = [step.chosen.name for step in order if self._apply(step)]
            found.update(changed)
            if not changed:
                break
        for step in order if say_unchanged else ():
            if step.chosen.name not in found:
                self._record(step, self.graph, Certificate("exact", "nothing to do"), 0.0, 0)

    def _apply(self, step: Step, *, say_unchanged: bool = False) -> bool:
        """Run one pass and record what it did; return whether it changed the graph."""
        start = time.perf_counter()
        rewrite = step.run(self.graph, self.scope)
        seconds = time.perf_counter() - start
        if not rewrite.changed:
            if say_unchanged:
                self._record(step, self.graph, rewrite.certificate, seconds, 0)
            return False
        previous = self.graph
        self._adopt(rewrite)
        certificate = self._measured(previous, rewrite)
        self._record(step, previous, certificate, seconds, rewrite.layers_fused)
        return True

    def _record(self, step: Step, previous: SNNGraph, certificate: Certificate, seconds: float, fused: int) -> None:
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
                changed=previous is not self.graph,
            )
        )

    @property
    def accuracy_lost(self) -> float:
        """Share of right answers that the passes so far have lost; 0 without labels."""
        return (self.first_accuracy or 0.0) - (self.accuracy or 0.0)

    def finished(self, front: Sequence[Point] = ()) -> tuple[SNNGraph, OptimizationReport]:
        """Return the graph, which shares no memory with the one given, and the report."""
        graph = detach(self.graph, self.before)
        seen = None if self.drives is None else self._replayed(self.before, graph, self.survivors)
        if seen is not None:
            proven = propagate(self.before, self.scope.arriving, self.scope.horizon)
            by_layer = replay_layers(self.before, graph, self.speakers, timesteps=self.held.timesteps, proven=proven)
            seen = replace(seen, layers=by_layer)
        report = OptimizationReport(
            pass_results=self.results,
            params_before=self.first_cost.parameters,
            params_after=self.cost.parameters,
            neurons_before=self.first_cost.neurons,
            neurons_after=self.cost.neurons,
            before=self.first_cost,
            after=self.cost,
            certificate=self._certificate(seen),
            verification=seen,
            accuracy_before=self.first_accuracy,
            accuracy_after=self.accuracy,
            weight_bits=dict(self.bits),
            front=list(front),
        )
        return graph, report

    def _certificate(self, seen: Verification | None) -> Certificate:
        """Return what all passes together did: exact only where all say so and the replay does not contradict them."""
        level = weakest(result.certificate for result in self.results)
        if level == "exact" and (seen is None or seen.is_alike):
            reason = f"every pass was exact on {self.scope.says}: equal bit for bit at every step, see each for why"
            return Certificate("exact", reason)
        if seen is None:
            return Certificate("unchecked", f"the weakest pass is {level}, and nothing was replayed")
        reason = (
            f"the weakest pass is {level}; outputs compared before and after, on the drives that are not adversarial"
        )
        if level == "exact":
            where = seen.first_difference or [layer.layer for layer in seen.layers if not layer.identical]
            reason = f"every pass claims to be exact, but the replay differs: {where}"
        return Certificate("measured", reason, **seen.figures())

    def _replayed(self, before: SNNGraph, after: SNNGraph, survivors: Mapping[str, Array]) -> Verification:
        assert self.drives is not None
        return verify(
            before,
            after,
            self.drives,
            timesteps=self.held.timesteps,
            encoding=self.held.encoding,
            seed=self.held.seed,
            survivors=survivors,
            adversarial=self.adversarial,
        )

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
        names = {layer.name for layer in rewrite.graph}
        self.bits = {name: bits for name, bits in self.bits.items() if name in names}
        self.graph = rewrite.graph

    def _measured(self, previous: SNNGraph, rewrite: Rewrite) -> Certificate:
        """Return the certificate, with what a replay on the drives shows where it is neither exact nor bounded."""
        certificate = rewrite.certificate
        if certificate.level == "exact" or self.drives is None:
            return certificate
        figures = self._replayed(previous, rewrite.graph, rewrite.survivors).figures()
        if certificate.level == "bounded":
            return replace(certificate, details={**certificate.details, **figures})
        return Certificate("measured", certificate.reason, details=certificate.details, **figures)

    def _cost(self) -> Cost:
        data = self.held.data
        if data is None and self.drives is not None:
            data = self.drives[: len(self.drives) - self.adversarial]
        events = None if data is None else simulate(self.graph, spread(data, 256), self.held, keep_inputs=False).events
        return cost_of(self.graph, events, self.bits)

    def _accuracy(self) -> float | None:
        if self.labels is None or self.held.data is None:
            return None
        return measured_accuracy(self.graph, Labelled(self.held.data, self.labels), self.held)
