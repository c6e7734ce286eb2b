"""A fine-tuning, as the terminal shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spikeport.cli.app import console, say

if TYPE_CHECKING:
    from spikeport.transfer import FineTuned


def show(result: FineTuned, saved: Path, page: str | None) -> None:
    """Print a line for each phase, and where everything is."""
    from rich.table import Table

    table = Table("phase", "frozen", "epochs", "kept", "loss", "accuracy")
    if result.history[0].validation_loss is not None:
        table.add_column("held-out loss")
        table.add_column("held-out accuracy")
    for number, done in enumerate(result.phases, 1):
        first, kept = done.outcome.epochs[0], done.outcome.result
        passes = f"{done.outcome.epochs[-1].number}{', stopped early' if done.outcome.stopped_early else ''}"
        cells = [", ".join(done.phase.frozen) or "none", passes, str(kept.number)]
        cells += [_loss(kept.loss), _share(kept.accuracy)]
        if kept.validation_loss is not None:
            cells.append(f"{_loss(first.validation_loss)} → {_loss(kept.validation_loss)}")
            cells.append(f"{_share(first.validation_accuracy)} → {_share(kept.validation_accuracy)}")
        table.add_row(str(number), *cells)
    console.print(table)
    places = [str(done.saved) for done in result.phases if done.saved is not None]
    if places:
        say(f"after each phase: {', '.join(places)}")
    say(f"saved as {saved.with_suffix('.npz')} and {saved.name}" + (f"\nwrote {page}" if page else ""))


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
