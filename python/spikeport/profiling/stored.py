"""A report that was written as JSON, to be shown again: figures and findings, without what plots are drawn from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from spikeport.profiling.findings import FORMAT
from spikeport.profiling.pathology import Pathology, ProfilingError, Severity, Thresholds
from spikeport.profiling.recording.causes import Entry, Remedy, Update
from spikeport.profiling.recording.statistics import LayerStats
from spikeport.profiling.recording.synaptic import Activity
from spikeport.profiling.report import ProfileReport

Data = TypeVar("Data")

CAUSES: Mapping[str, type[Any]] = {"entry": Entry, "remedy": Remedy, "update": Update}


@dataclass(frozen=True)
class StoredReport(ProfileReport):
    """A report as `ProfileReport.to_json` wrote it; ``spells`` is its timeline."""

    spells: list[tuple[str, str, int, int]] = field(default_factory=list)

    def timeline(self) -> list[tuple[str, str, int, int]]:
        """Return spells of illness, as they were written: category, layer, first and last step."""
        return self.spells

    def save_html(self, path: str | PathLike[str], title: str = "Spike profile") -> Path:
        """Raise `ProfilingError` ``file``: the page is drawn from recordings, which the JSON does not hold."""
        raise ProfilingError("file", "a report kept as JSON has no curves to draw: write the page from the recordings")


def load_report(path: str | PathLike[str]) -> StoredReport:
    """Return the report that `ProfileReport.to_json`, or ``spikeport profile --json``, wrote.

    Raises ProfilingError (``file``) where the file holds something else; OSError where it cannot be read.
    """
    try:
        stored = json.loads(Path(path).read_text("utf-8"))
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT!r}")
        return StoredReport(
            layer_stats={name: _layer(name, found) for name, found in stored["layers"].items()},
            pathologies=[_pathology(found) for found in stored["pathologies"]],
            thresholds=_known(Thresholds, stored["thresholds"]),
            activity=_known(Activity, stored["activity"]),
            spells=[(s["category"], s["layer"], s["first_step"], s["last_step"]) for s in stored["timeline"]],
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProfilingError(
            "file", f"{path} is no report that spikeport profile --json wrote, or it is damaged: {error}"
        ) from None


def _layer(name: str, found: Mapping[str, Any]) -> LayerStats:
    rates = np.array([np.nan if rate is None else rate for rate in found["firing_rates"]], np.float64)
    causes = {part: _known(kind, found[part]) for part, kind in CAUSES.items() if found.get(part) is not None}
    plain = {**found, **causes, "name": name, "firing_rates": rates, "shape": tuple(found["shape"])}
    return _known(LayerStats, plain)


def _pathology(found: Mapping[str, Any]) -> Pathology:
    value = float("inf") if found["value"] is None else found["value"]
    return _known(Pathology, {**found, "severity": Severity(found["severity"]), "value": value})


def _known(kind: type[Data], given: Mapping[str, Any]) -> Data:
    """Return a ``kind`` of what is given; null, and names that it does not have, leave its defaults."""
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in given.items() if name in names and value is not None})
