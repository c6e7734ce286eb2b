"""What `sweep` finds, as data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from spikeport.certification.energy.assumptions import NOTE, Assumptions
from spikeport.certification.energy.crossover import LINES
from spikeport.certification.energy.model import KINDS, Energy
from spikeport.certification.lengths.early_exit import EarlyExit
from spikeport.conversion.running.samples import PULSE

ONE_RUN: Final = (
    "All lengths are read from one run of the longest, which holds the shorter ones to the bit. The network stays the "
    "one that was converted for T = {T}: one that is converted for each length may do better at that length."
)


SETTLES: Final = (
    "All lengths are read from one run of the longest, which holds the shorter ones to the bit. A sample that has "
    "settled has the quantised network's answer, and no further step changes it."
)


@dataclass(frozen=True)
class LayerWork:
    """What a layer does for an inference: means over the samples, and their standard deviations.

    Attributes
    ----------
    rate : spikes a neuron and step; None for a layer that sends none
    spikes, set_bits, accumulates, multiply_accumulates : (mean, standard deviation), of what is counted by
        `spikeport.certification.energy.work`
    membrane_reads, membrane_writes : one for each neuron and step
    weight_fetches : one for each accumulate and multiply-accumulate
    """

    name: str
    rate: float | None
    spikes: tuple[float, float]
    set_bits: tuple[float, float]
    accumulates: tuple[float, float]
    multiply_accumulates: tuple[float, float]
    membrane_reads: float
    membrane_writes: float
    weight_fetches: float


@dataclass(frozen=True)
class SweepPoint:
    """One length of the run.

    Attributes
    ----------
    timesteps, levels : T, and N, the most spikes that a neuron can send, or, of a lossless network, their largest sum
    accuracy : None without labels
    agreement, agreement_interval : with the trained network, and its 95 % interval; None without it
    logit_error : RMS of the difference of the logits over their standard deviation; None without them
    spikes, operations : a sample's, mean and standard deviation; operations are accumulates and multiply-accumulates
    layers : node by node
    energy : three models of it
    settled : share of the samples that a run of this length sees settled; None unless the network is lossless
    """

    timesteps: int
    levels: int
    accuracy: float | None
    agreement: float | None
    agreement_interval: tuple[float, float] | None
    logit_error: float | None
    spikes: tuple[float, float]
    operations: tuple[float, float]
    layers: tuple[LayerWork, ...]
    energy: Energy
    settled: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        return {**asdict(self), "energy": self.energy.to_dict()}


@dataclass(frozen=True)
class SweepFindings:
    """Accuracy, agreement, work and energy of one converted network over the length of its run.

    Attributes
    ----------
    points : one for each length, the shortest first
    samples, encoding : that it was run on, and how they were fed
    converted_for : the T that the network was converted for
    trained_accuracy : of the trained network on the same samples, or None
    early_exit : or None where the outputs are values, not classes
    assumptions : of the energies
    readout_delay : steps at the start that were not read
    """

    points: tuple[SweepPoint, ...]
    samples: int
    encoding: str
    converted_for: int
    trained_accuracy: float | None
    early_exit: EarlyExit | None
    assumptions: Assumptions
    readout_delay: int = 0

    @property
    def note(self) -> str:
        """How one run can tell of all lengths, and what it cannot tell."""
        late = f" The first {self.readout_delay} steps are not read." if self.readout_delay else ""
        if self.encoding == PULSE:
            return SETTLES
        return ONE_RUN.format(T=self.converted_for) + late

    def __getitem__(self, timesteps: int) -> SweepPoint:
        """Return the point of so many steps; raises KeyError where there is none."""
        for point in self.points:
            if point.timesteps == timesteps:
                return point
        raise KeyError(f"T = {timesteps} was not run: {', '.join(str(p.timesteps) for p in self.points)} were")

    @property
    def shown(self) -> SweepPoint:
        """The point whose work and energy a page shows in full: T of the conversion, or the one next to it."""
        return min(self.points, key=lambda point: (abs(point.timesteps - self.converted_for), point.timesteps))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready data."""
        return {
            "samples": self.samples,
            "encoding": self.encoding,
            "readout_delay": self.readout_delay,
            "converted_for": self.converted_for,
            "trained_accuracy": self.trained_accuracy,
            "note": self.note,
            "points": [point.to_dict() for point in self.points],
            "early_exit": None if self.early_exit is None else asdict(self.early_exit),
            "energy": {
                "note": NOTE,
                "kinds": dict(KINDS),
                "assumptions": self.assumptions.to_dict(),
                "in_words": [*self.assumptions.in_words()],
                "crossovers": [line._asdict() for line in LINES],
            },
        }

    def to_json(self) -> str:
        """Return the report as a JSON document."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
