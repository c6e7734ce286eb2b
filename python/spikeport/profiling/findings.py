"""What a diagnosis found, as data: pathologies, statistics of the layers, and the lines that were drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from spikeport.profiling.diagnosis import timeline
from spikeport.profiling.pathology import Pathology, Severity, Thresholds
from spikeport.profiling.recording.statistics import LayerStats
from spikeport.profiling.recording.synaptic import Activity

FORMAT = "spikeport.profile/1"


@dataclass(frozen=True)
class Findings:
    """The diagnosis of a recording; `spikeport.profiling.ProfileReport` adds the ways to show and keep it.

    Attributes
    ----------
    layer_stats : `LayerStats` by name, in network order
    pathologies : what is wrong: causes before what follows from them, then the worst first
    thresholds : the lines that were drawn
    activity : synaptic operations and sparsity, in NeuroBench's terms
    """

    layer_stats: dict[str, LayerStats]
    pathologies: list[Pathology]
    thresholds: Thresholds = field(default_factory=Thresholds)
    activity: Activity = field(default_factory=Activity)

    @property
    def has_critical(self) -> bool:
        """Whether a pathology is critical."""
        return any(p.severity is Severity.CRITICAL for p in self.pathologies)

    @property
    def start_here(self) -> str | None:
        """What to mend first, in a line, where there is more than one finding: the others may follow from it."""
        if len(self.pathologies) < 2:
            return None
        first = self.pathologies[0]
        return f"Start here: {first.category} @ {first.layer}. {first.suggestion}"

    @property
    def is_healthy(self) -> bool:
        """Whether nothing was found at all."""
        return not self.pathologies

    def timeline(self) -> list[tuple[str, str, int, int]]:
        """Return spells of illness: category, layer, first and last step."""
        return timeline(self.layer_stats, self.thresholds, self.pathologies)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready data, as `schema` says."""
        return {
            "format": FORMAT,
            "has_critical": self.has_critical,
            "pathologies": [p.to_dict() for p in self.pathologies],
            "layers": {name: stats.to_dict() for name, stats in self.layer_stats.items()},
            "activity": self.activity.to_dict(),
            "timeline": [
                {"category": category, "layer": layer, "first_step": first, "last_step": last}
                for category, layer, first, last in self.timeline()
            ],
            "thresholds": asdict(self.thresholds),
        }
