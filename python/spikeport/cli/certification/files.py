"""What both commands read and write: a converted checkpoint, samples of its shape, a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from spikeport.cli.app import fail, print_json, say

if TYPE_CHECKING:
    from spikeport.certification import Certification, Sweep
    from spikeport.conversion import ConvertedSNN

Checkpoint = Annotated[Path, typer.Argument(help="A converted network: PATH of PATH.npz and PATH.json.")]
Encoding = Annotated[
    Literal["current", "poisson", "pulse"] | None,
    typer.Option(
        help="current, poisson for values in [0, 1], or pulse for a lossless network; by default what fits it."
    ),
]
Seed = Annotated[int, typer.Option(help="Of the Poisson draws.")]
Report = Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def check_page(path: Path | None) -> None:
    """Leave with a message where a page could not be written, before any work."""
    if path is None:
        return
    from spikeport.report.plots import require_plots

    if path.is_dir() or not path.absolute().parent.is_dir():
        fail(f"the page cannot be written to {path}: give a file in a folder that exists")
    require_plots()


def loaded(checkpoint: Path, samples: Path) -> tuple[ConvertedSNN, Any, Any]:
    """Return the converted network, the samples and their labels or None."""
    from spikeport.cli.arrays import load_samples
    from spikeport.conversion.saved import load

    return load(checkpoint), *load_samples(samples)


def show(report: Certification | Sweep, page: Path | None, name: str, *, as_json: bool) -> None:
    """Write the page and print the report."""
    if page is not None:
        report.save_html(page, name)
    if as_json:
        print_json(report.to_dict())
        return
    say(str(report))
    if page is not None:
        say(f"Wrote {page}.")
