"""What `sweep` finds, with the ways to show it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from spikeport.certification.lengths.findings import SweepFindings
from spikeport.certification.shown.sweep_page import sweep_page
from spikeport.certification.shown.terminal import sweep_text
from spikeport.report import Page


@dataclass(frozen=True)
class Sweep(SweepFindings):
    """What each length gives and costs, as `SweepFindings` has it; printed it is a table, `page` an HTML page."""

    def __str__(self) -> str:
        return sweep_text(self)

    def page(self, name: str = "a spiking network") -> Page:
        """Return the report as an HTML page; ``name`` is the network's."""
        return sweep_page(self, name)

    def save_html(self, path: str | os.PathLike[str], name: str = "a spiking network") -> Path:
        """Write the page to ``path`` and return the path."""
        return self.page(name).save(path)
