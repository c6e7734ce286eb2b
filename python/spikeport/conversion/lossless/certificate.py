"""What lossless conversion did to the answer: exact against the quantised network, measured against the trained one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.conversion.lossless.grid import why_inexact
from spikeport.conversion.lossless.quantised import Quantised, quantised
from spikeport.conversion.measurement import compared
from spikeport.graph import RunResult, SNNGraph
from spikeport.graph.effort import compared_on

if TYPE_CHECKING:
    from spikeport.conversion.converted import ConvertedSNN

Array = npt.NDArray[Any]

AT_ONCE = 64
"""Samples that run at once."""

USUAL_STEPS = 64
"""Steps that a sample takes, for how many can be compared."""


class Settling(NamedTuple):
    """A lossless network beside its quantised network, sample by sample.

    Attributes
    ----------
    output, quantised : (samples, n_outputs), in the units of the trained network
    settled : (samples,), steps, -1 where a sample had not settled
    other : (samples,), whether any count or any value of the output differs
    """

    output: Array
    quantised: Array
    settled: Array
    other: Array

    @property
    def has_settled(self) -> Array:
        """Whether each sample has settled."""
        return self.settled >= 0

    @property
    def largest_difference(self) -> float:
        """Largest difference of a settled sample's output."""
        return float(np.abs(self.output - self.quantised)[self.has_settled].max(initial=0))

    @property
    def agreement(self) -> float | None:
        """Share of settled samples with the quantised network's largest output; None where none has settled."""
        same = self.output.argmax(1) == self.quantised.argmax(1)
        return float(same[self.has_settled].mean()) if self.has_settled.any() else None

    @property
    def details(self) -> dict[str, Any]:
        """The same as figures."""
        steps = self.settled[self.has_settled]
        found: dict[str, Any] = {"settled": float(self.has_settled.mean())}
        if len(steps):
            found["steps"] = {"mean": float(steps.mean()), "most": int(steps.max())}
        return {**found, "samples_with_other_counts": int((self.other & self.has_settled).sum())}


def beside_quantised(snn: ConvertedSNN, x: Array, T: int | None = None, backend: str = "auto") -> Settling:
    """Run a lossless network and its quantised network on ``x`` of shape (samples, …), and compare every count."""
    graph, parts = snn.graph, []
    for start in range(0, len(x), AT_ONCE):
        part = snn.fed(np.asarray(x[start : start + AT_ONCE]).reshape(-1, *graph.input_shape))
        run = graph.run(part, T=T or snn.T, encoding="pulse", backend=backend)
        assert run.settled is not None
        expected = quantised(graph, part, backend)
        answers = (snn.decoded(drive.reshape(len(part), -1), 1) for drive in (run.drive, expected.drive))
        parts.append((*answers, run.settled, differs(graph, run, expected)))
    return Settling(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def differs(graph: SNNGraph, run: RunResult, expected: Quantised) -> Array:
    """Return, (samples,), whether any count of ``run`` or any value of its output is not the quantised network's."""
    batch = len(run.drive)
    other: Array = (run.drive != expected.drive).reshape(batch, -1).any(axis=1)
    for layer, sent, value in zip(graph, run.counts, expected.values, strict=True):
        if layer.neuron.is_spiking:
            other |= (sent != value).reshape(batch, -1).any(axis=1)
    return other


def exact_for(levels: int, *, whole: bool = False) -> str:
    """Return why a lossless network is exact; ``whole`` says that it is one of integers."""
    ground = "all numbers are whole" if whole else "weights lie on a binary grid"
    return (
        f"every sample that settles has the counts and the output of the quantised network with {levels} levels, bit "
        f"for bit: {ground}, and no sum of what spikes bring rounds"
    )


def certified(
    snn: ConvertedSNN, beside: tuple[Array, Array] | None, levels: int, details: dict[str, Any]
) -> Certificate:
    """Return what ``snn`` is to its quantised network, and further to the trained one: samples and its answers."""
    why = why_inexact(snn.graph)
    about = {"T": snn.T, "levels": levels, **details}
    proven = exact_for(levels, whole=snn.units is not None)
    if beside is None:
        further = (Certificate("unchecked", "nothing was compared with the trained network: no calibration data"),)
        if why is None:
            return Certificate("exact", proven, details=about, further=further)
        return Certificate("unchecked", f"no sample was run, and {why}", details=about, further=further)
    x, expected = beside
    places = np.linspace(0, len(x) - 1, _count(snn, len(x))).round().astype(int)
    found = beside_quantised(snn, x[places])
    about |= found.details
    if why is None and not about["samples_with_other_counts"]:
        # Once through each layer is less work than step by step, and is the same: so of more samples.
        more = np.linspace(0, len(x) - 1, compared_on(snn.graph, 1, len(x))).round().astype(int)
        answers = np.concatenate([snn.quantised(x[some]) for some in np.array_split(more, -(-len(more) // AT_ONCE))])
        further = (compared(snn, answers, expected[more], "quantised", {}),)
        return Certificate("exact", proven, details={**about, "compared": len(places)}, further=further)
    further = (compared(snn, found.output, expected[places], "pulse", {}),)
    return Certificate(
        "measured",
        f"settled samples beside the quantised network with {levels} levels: equal up to rounding, as "
        f"{why or 'the backend rounds otherwise than the contract says'}; a membrane on the edge of a level may fall "
        "on the other side",
        agreement=found.agreement,
        largest_difference=found.largest_difference,
        samples=len(places),
        details=about,
        further=further,
    )


def _count(snn: ConvertedSNN, count: int) -> int:
    return compared_on(snn.graph, min(snn.T, USUAL_STEPS), count)
