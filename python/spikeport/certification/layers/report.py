"""What `certify` finds, with the ways to show it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from spikeport.certification.layers.findings import CertificationFindings
from spikeport.certification.shown.certification_page import certification_page
from spikeport.certification.shown.terminal import certification_text
from spikeport.report import Page


@dataclass(frozen=True)
class Certification(CertificationFindings):
    """What conversion lost, as `CertificationFindings` has it; printed it is a table, `page` an HTML page."""

    def __str__(self) -> str:
        return certification_text(self)

    def page(self, name: str = "a spiking network") -> Page:
        """Return the report as an HTML page; ``name`` is the network's."""
        return certification_page(self, name)

    def save_html(self, path: str | os.PathLike[str], name: str = "a spiking network") -> Path:
        """Write the page to ``path`` and return the path."""
        return self.page(name).save(path)
