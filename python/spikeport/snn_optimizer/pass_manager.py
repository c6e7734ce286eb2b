"""The pass manager: in which order passes run, and what is kept of each.

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
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.budget import Labelled, Point, answers, measured_accuracy
from spikeport.snn_optimizer.cost import Cost, cost_of
from spikeport.snn_optimizer.outcome import PassResult
from spikeport.snn_optimizer.passes.quantization import lies_on_grid
from spikeport.snn_optimizer.passes.registry import EXACT_PASSES
from spikeport.snn_optimizer.passes.request import Request
from spikeport.snn_optimizer.proofs.bounds import propagate
from spikeport.snn_optimizer.proofs.scope import Scope, as_samples, spread
from spikeport.snn_optimizer.replay.drives import drives_for
from spikeport.snn_optimizer.replay.layer_replay import replay_layers
from spikeport.snn_optimizer.replay.simulation import simulate
from spikeport.snn_optimizer.replay.verification import Verification, verify
from spikeport.snn_optimizer.report import OptimizationReport
from spikeport.snn_optimizer.surgery.rewrite import SILENT, Rewrite, detach
from spikeport.snn_optimizer.surgery.weighted import units_of
from spikeport.snn_optimizer.whole_numbers import Quantise, WholeNetwork, in_whole_numbers

Array = npt.NDArray[Any]
MOST_ROUNDS = 1000  # never reached: every round but the last removes a neuron, a layer, a scale or a column
WHOLE = "whole_numbers"  # in the report beside the passes
MOST_MEASURED = 256  # samples on which operations are counted after every pass: their mean needs no more


class PassManager:
    """The state of one call: the graph so far, and what every pass did.

    Parameters
    ----------
    before : the graph as it was given
    scope : what passes may assume and measure on
    labels : the class of every sample of the data that results are measured on, or None
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
        self.whole: Certificate | None = None
        self.drives: Array | None = None
        self.adversarial = 0
        if verification:
            self.drives, self.adversarial = drives_for(before, self.held)
        self.first_cost = self.cost = self._cost()
        self.accuracy = self.first_accuracy = self._accuracy()

    def run(self, requests: Sequence[Request], advance: Callable[[int], None]) -> None:
        """Run the passes that are asked for; ``advance`` is told how many are done."""
        exact = [request for request in requests if request.is_exact]
        group: list[Request] = []
        for request in (*requests, None):
            if request is not None and request.is_exact:
                group.append(request)
                continue
            self._fixed_point(group, record_unchanged=True)
            advance(len(group))
            if request is not None:
                self._apply(request, record_unchanged=True)
                advance(1)
                group = []
        if len(group) < len(exact):
            self._fixed_point(exact, record_unchanged=False)

    def _fixed_point(self, requests: Sequence[Request], *, record_unchanged: bool) -> None:
        by_name = {request.chosen.name: request for request in requests}
        order = [by_name[name] for name in EXACT_PASSES if name in by_name]
        found: set[str] = set()
        for _ in range(MOST_ROUNDS):
            changed = [request.chosen.name for request in order if self._apply(request)]
            found.update(changed)
            if not changed:
                break
        for request in order if record_unchanged else ():
            if request.chosen.name not in found:
                self._record(request, self.graph, Certificate("exact", "nothing to do"))

    def _apply(self, request: Request, *, record_unchanged: bool = False) -> bool:
        """Run one pass and record what it did; return whether it changed the graph."""
        start = time.perf_counter()
        rewrite = request.run(self.graph, self.scope)
        seconds = time.perf_counter() - start
        if not rewrite.changed:
            if record_unchanged:
                self._record(request, self.graph, rewrite.certificate, seconds=seconds)
            return False
        previous = self.graph
        self._adopt(rewrite)
        certificate = self._measured(previous, rewrite)
        self._record(request, previous, certificate, seconds=seconds, layers_fused=rewrite.layers_fused)
        return True

    def _record(
        self,
        request: Request,
        previous: SNNGraph,
        certificate: Certificate,
        *,
        seconds: float = 0.0,
        layers_fused: int = 0,
    ) -> None:
        before = self.cost
        if previous is not self.graph:
            self.cost = self._cost()
            self.accuracy = self.accuracy if certificate.level == "exact" else self._accuracy()
        self.results.append(
            PassResult(
                name=request.chosen.name,
                neurons_removed=before.neurons - self.cost.neurons,
                layers_fused=layers_fused,
                params_before=before.parameters,
                params_after=self.cost.parameters,
                certificate=certificate,
                before=before,
                after=self.cost,
                options=dict(request.options),
                accuracy=self.accuracy,
                seconds=seconds,
                changed=previous is not self.graph,
            )
        )

    def in_whole_numbers(self, quantise: Quantise, bits: int) -> WholeNetwork | None:
        """Return the graph so far in whole numbers, and record what they did; None where none hold.

        The graph itself stays as it is: what is replayed spike by spike is the network of floats.
        """
        start, data, labels = time.perf_counter(), self.scope.data, self.labels
        assert data is not None and self.held.data is not None and labels is not None  # a search has them
        made = in_whole_numbers(quantise, self.graph, bits, data)
        if made is None:
            return None
        before, seconds = self.cost, time.perf_counter() - start
        self.bits = {layer.name: bits for layer in self.graph if layer.operation.arrays()}
        self.cost = self._cost()
        fed = made.whole(as_samples(self.graph, self.held.data))
        given, found = answers(self.before, self.held.data, self.held), answers(made.graph, fed, self.held)
        self.accuracy = float((found == labels).mean())
        self.whole = Certificate(
            "measured",
            f"the weakest pass is measured; all passes together and whole numbers with weights of {bits} bits, the "
            f"network before and after, on {self.measured_on or 'the half of the data that nothing was chosen on'}",
            agreement=float((found == given).mean()),
            samples=len(labels),
        )
        size = self.cost.parameters
        options = {"bits": bits}
        self.results.append(
            PassResult(WHOLE, 0, 0, size, size, made.certificate, before, self.cost, options, self.accuracy, seconds)
        )
        return made

    @property
    def measured_on(self) -> str:
        """On what networks are compared, in words."""
        if self.drives is None:
            return ""
        count = len(self.drives) - self.adversarial
        if self.held.data is None:
            return f"{count} inputs drawn at random"
        if self.held is not self.scope:
            return f"{count} samples of the half of the data that nothing was chosen on"
        return f"{count} samples of the data given, which the passes saw too"

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
            certificate=self.whole or self._certificate(seen),
            verification=seen,
            accuracy_before=self.first_accuracy,
            accuracy_after=self.accuracy,
            weight_bits=dict(self.bits),
            front=list(front),
            measured_on=self.measured_on,
            outlines=(self.before.outline(), graph.outline()),
            survivors=dict(self.survivors),
        )
        return graph, report

    def _certificate(self, seen: Verification | None) -> Certificate:
        """Return what all passes together did: exact only where all say so and the replay does not contradict them."""
        level = weakest(result.certificate for result in self.results)
        if level == "exact" and (seen is None or seen.is_alike):
            reason = f"every pass was exact on {self.scope.in_words}: equal bit for bit at every step, see each for why"
            return Certificate("exact", reason)
        if seen is None:
            return Certificate("unchecked", f"the weakest pass is {level}, and nothing was replayed")
        reason = (
            f"the weakest pass is {level}; all passes together, the network before and after, on {self.measured_on}"
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
                so_far = self.survivors.get(layer.name, np.arange(units_of(own[layer.name])))
                self.survivors[layer.name] = so_far[rows]
            speaker = rewrite.speakers.get(layer.name)
            if speaker is None and rows is not None:
                speaker = np.full(units_of(own[layer.name]), SILENT)
                speaker[rows] = np.arange(len(rows))
            if speaker is not None:
                earlier = self.speakers.get(layer.name, np.arange(units_of(own[layer.name])))
                self.speakers[layer.name] = np.where(earlier < 0, earlier, speaker[np.maximum(earlier, 0)])
        self.bits.update(rewrite.weight_bits)
        layers = {layer.name: layer for layer in rewrite.graph}
        self.bits = {
            name: bits
            for name, bits in self.bits.items()
            if name in layers and (name not in rewrite.recomputed or lies_on_grid(layers[name], bits))
        }
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
        if data is None:
            return cost_of(self.graph, None, self.bits)
        activity = simulate(self.graph, spread(data, MOST_MEASURED), self.held)
        return cost_of(self.graph, activity.events, self.bits)

    def _accuracy(self) -> float | None:
        if self.labels is None or self.held.data is None:
            return None
        return measured_accuracy(self.graph, Labelled(self.held.data, self.labels), self.held)
