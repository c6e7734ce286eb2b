"""The report: pathologies, statistics, and the ways to show and keep them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any

from spikeport.profiling.diagnosis import timeline
from spikeport.profiling.pathology import Pathology, Severity, Thresholds
from spikeport.profiling.recording.statistics import LayerStats
from spikeport.profiling.recording.synaptic import Activity

FORMAT = "spikeport.profile/1"


@dataclass(frozen=True)
class ProfileReport:
    """The diagnosis of a recording.

    Attributes
    ----------
    layer_stats : `LayerStats` by name, in network order
    pathologies : what is wrong, the worst first
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
    def is_healthy(self) -> bool:
        """Whether nothing was found at all."""
        return not self.pathologies

    def timeline(self) -> list[tuple[str, str, int, int]]:
        """Return spells of illness: category, layer, first and last step."""
        return timeline(self.layer_stats, self.thresholds, self.pathologies)

    def summary(self, colour: bool | None = None) -> str:
        """Return the report as text: a line a layer, then each pathology with its fix.

        ``colour`` adds terminal colours; without it they are added where standard output is a terminal.
        """
        from spikeport.profiling.shown.terminal import render

        return render(self, colour)

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

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return the report as JSON text, written to ``path`` as well where one is given."""
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def save_html(self, path: str | PathLike[str], title: str = "Spike profile") -> Path:
        """Write one self-contained page: pathologies with their fixes, rasters, histograms, curves, a table.

        Raises `spikeport.errors.MissingExtra` without matplotlib (extra ``plot``).
        """
        from spikeport.profiling.shown.html import page

        return page(self, title).save(path)


@cache
def schema() -> dict[str, Any]:
    """Return the JSON schema of `ProfileReport.to_dict`."""
    text = resources.files("spikeport.profiling").joinpath("report.schema.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
