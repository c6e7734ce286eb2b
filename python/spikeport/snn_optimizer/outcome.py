"""What an optimisation came to, as data: what every pass did, what was saved, what the replay showed.

`spikeport.snn_optimizer.report` puts it into words; `spikeport.snn_optimizer.page` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import Outline
from spikeport.snn_optimizer.budget import Point
from spikeport.snn_optimizer.cost import Cost
from spikeport.snn_optimizer.replay.verification import Verification

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class PassResult:
    """What one pass did.

    Attributes
    ----------
    name : its long name
    neurons_removed, layers_fused, params_before, params_after : what it saved
    certificate : what it did to the answer
    before, after : the cost of the graph before and after it, where `optimize` ran it
    options : what it was given
    accuracy : share of right answers after it, where labels were given
    seconds : how long it took, without measuring and replaying
    changed : whether the graph after it is another
    """

    name: str
    neurons_removed: int
    layers_fused: int
    params_before: int
    params_after: int
    certificate: Certificate
    before: Cost | None = None
    after: Cost | None = None
    options: dict[str, Any] = field(default_factory=dict)
    accuracy: float | None = None
    seconds: float = 0.0
    changed: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready data."""
        return {
            "name": self.name,
            "options": self.options,
            "neurons_removed": self.neurons_removed,
            "layers_fused": self.layers_fused,
            "certificate": self.certificate.to_dict(),
            "accuracy": self.accuracy,
            "seconds": self.seconds,
            "changed": self.changed,
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
        }


@dataclass
class Outcome:
    """The figures of one optimisation.

    Attributes
    ----------
    pass_results : one `PassResult` for every pass that ran, in order
    params_before, params_after, neurons_before, neurons_after : of the whole graph
    before, after : its `Cost`
    certificate : what all passes together did to the answer
    verification : the replay of the graph before and after, None where it was not asked for
    accuracy_before, accuracy_after : share of right answers, where labels were given
    weight_bits : layers whose weights lie on a grid of so many bits
    front : every setting that a budget search tried; none is marked as taken where none kept to the budget
    measured_on : on what networks were compared, in words; empty where nothing was replayed
    outlines : what there is to draw of the graph before and after
    survivors : by layer that lost neurons or channels, the indices of those left, as they were numbered before
    """

    pass_results: list[PassResult] = field(default_factory=list)
    params_before: int = 0
    params_after: int = 0
    neurons_before: int = 0
    neurons_after: int = 0
    before: Cost | None = None
    after: Cost | None = None
    certificate: Certificate = field(default_factory=lambda: Certificate("exact", "nothing was done"))
    verification: Verification | None = None
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    weight_bits: dict[str, int] = field(default_factory=dict)
    front: list[Point] = field(default_factory=list)
    measured_on: str = ""
    outlines: tuple[Outline, Outline] | None = None
    survivors: dict[str, Array] = field(default_factory=dict)

    @property
    def compression_ratio(self) -> float:
        """Parameters before over parameters after."""
        return self.params_before / max(self.params_after, 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready data."""
        return {
            "certificate": self.certificate.to_dict(),
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
            "compression_ratio": self.compression_ratio,
            "accuracy_before": self.accuracy_before,
            "accuracy_after": self.accuracy_after,
            "weight_bits": self.weight_bits,
            "measured_on": self.measured_on or None,
            "verification": None if self.verification is None else self.verification.to_dict(),
            "passes": [result.to_dict() for result in self.pass_results],
            "front": [point.to_dict() for point in self.front],
        }
