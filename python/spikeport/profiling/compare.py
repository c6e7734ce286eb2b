"""What a fix changed: two reports, side by side."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spikeport.profiling.pathology import NETWORK, Pathology, ProfilingError
from spikeport.profiling.profiler import SpikeProfiler
from spikeport.profiling.report import ProfileReport

_FIGURES = (
    "firing_rate",
    "dead_neuron_fraction",
    "saturated_neuron_fraction",
    "voltage_std",
    "gradient_norm_mean",
    "synchrony",
)


@dataclass(frozen=True)
class Comparison:
    """The difference of two reports.

    Attributes
    ----------
    resolved : pathologies that are gone
    remaining : pathologies that are still there, as they are now
    appeared : pathologies that are new
    unknown : pathologies of layers that the second report does not have: nobody knows what became of them
    layers : by layer and figure, the value before and after (None where it is not known)
    """

    resolved: list[Pathology]
    remaining: list[Pathology]
    appeared: list[Pathology]
    layers: dict[str, dict[str, tuple[float | None, float | None]]]
    unknown: list[Pathology] = field(default_factory=list)

    @property
    def is_better(self) -> bool:
        """Whether something was resolved and nothing appeared."""
        return bool(self.resolved) and not self.appeared

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-ready data."""
        return {
            "resolved": [p.to_dict() for p in self.resolved],
            "remaining": [p.to_dict() for p in self.remaining],
            "appeared": [p.to_dict() for p in self.appeared],
            "unknown": [p.to_dict() for p in self.unknown],
            "layers": {
                name: {figure: list(pair) for figure, pair in rows.items()} for name, rows in self.layers.items()
            },
        }

    def summary(self) -> str:
        """Return the comparison as text."""
        console = Console(file=io.StringIO(), width=110, color_system=None, highlight=False, legacy_windows=False)
        groups = {
            "resolved": self.resolved,
            "remaining": self.remaining,
            "new": self.appeared,
            "unknown": self.unknown,
        }
        for title, found in groups.items():
            for p in found:
                console.print(Text(f"{title:9} {p.severity.value:8} {p.category} @ {p.layer}"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("layer", "figure", "before", "after"):
            table.add_column(heading, justify="right" if heading in ("before", "after") else "left")
        for name, rows in self.layers.items():
            for figure, (before, after) in rows.items():
                if before is not None or after is not None:
                    table.add_row(Text(name), figure, *("–" if v is None else f"{v:.3g}" for v in (before, after)))
        console.print(table)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue().rstrip() + "\n"


def compare(before: ProfileReport | SpikeProfiler, after: ProfileReport | SpikeProfiler) -> Comparison:
    """Return what changed from one report to another; a pathology is the same where category and layer are.

    Raises ProfilingError (``report``) where either is neither a report nor a profiler.
    """
    old, new = (side.report() if isinstance(side, SpikeProfiler) else side for side in (before, after))
    for side in (old, new):
        if not isinstance(side, ProfileReport):
            raise ProfilingError("report", f"compare takes two reports or profilers, not {side!r}")
    was = {(p.category, p.layer): p for p in old.pathologies}
    now = {(p.category, p.layer): p for p in new.pathologies}
    names = list(dict.fromkeys([*old.layer_stats, *new.layer_stats]))
    gone = [p for key, p in was.items() if key not in now]
    known = {NETWORK, *new.layer_stats}
    return Comparison(
        [p for p in gone if p.layer in known],
        [p for key, p in now.items() if key in was],
        [p for key, p in now.items() if key not in was],
        {name: {f: (_figure(old, name, f), _figure(new, name, f)) for f in _FIGURES} for name in names},
        [p for p in gone if p.layer not in known],
    )


def _figure(report: ProfileReport, layer: str, figure: str) -> float | None:
    stats = report.layer_stats.get(layer)
    value = math.nan if stats is None or not stats.n_neurons else float(getattr(stats, figure))
    return value if math.isfinite(value) else None
