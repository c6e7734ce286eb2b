"""The report: the findings, and the ways to show and keep them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any

from spikeport.profiling.findings import Findings


@dataclass(frozen=True)
class ProfileReport(Findings):
    """The diagnosis of a recording.

    Attributes
    ----------
    layer_stats : `LayerStats` by name, in network order
    pathologies : what is wrong, the worst first
    thresholds : the lines that were drawn
    activity : synaptic operations and sparsity, in NeuroBench's terms
    """

    def summary(self, colour: bool | None = None) -> str:
        """Return the report as text: one line per layer, then each pathology with its fix.

        ``colour`` adds terminal colours; without it they are added where standard output is a terminal.
        """
        from spikeport.profiling.shown.terminal import render

        return render(self, colour)

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
