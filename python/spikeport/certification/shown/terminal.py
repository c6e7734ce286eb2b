"""The reports as text of at most 110 columns, by rich."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from spikeport.certification.energy.assumptions import NOTE
from spikeport.certification.energy.model import KINDS
from spikeport.certification.layers.losses import KINDS as LOSSES
from spikeport.certification.shown.words import decimals, interval, percent

if TYPE_CHECKING:
    from spikeport.certification.layers.findings import CertificationFindings
    from spikeport.certification.lengths.early_exit import EarlyExit
    from spikeport.certification.lengths.findings import SweepFindings


def certification_text(report: CertificationFindings) -> str:
    """Return what was found as text: the figures, a line for each layer, and what would help."""
    rows = [
        [
            layer.name,
            f"{layer.neurons:,}",
            percent(layer.rate),
            decimals(layer.inherited),
            *(decimals(getattr(layer, kind)) for kind in LOSSES),
            decimals(layer.arrives["all"]),
            layer.worst_kind,
        ]
        for layer in report.layers
    ]
    agreed = ""
    if report.agreement is not None:
        agreed = f"agreement {report.agreement:.2%} (95 % interval {interval(report.certificate)}), "
    said = [
        f"{report.certificate.samples:,} samples, T = {report.timesteps}, input as {report.encoding}",
        f"{agreed}logits off by {report.logit_error:.3g} of their standard deviation, {len(report.changed):,} changed",
        *([] if report.settled is None else [report.settled.sentence]),
        report.verdict,
        _table(["layer", "neurons", "rate", "inherited", *LOSSES, "arrives", "most by"], rows),
        "Losses are shares of the activations (RMS); arrives: what the layer alone does to the logits, in standard",
        "deviations of them.",
        *(f"- {advice}" for advice in report.advice),
    ]
    return "\n".join(said)


def sweep_text(report: SweepFindings) -> str:
    """Return what was found as text: a line for each length, early exit, and the energies."""
    rows = [
        [
            str(point.timesteps),
            percent(point.accuracy, 2),
            percent(point.agreement, 2),
            decimals(point.logit_error),
            *([] if point.settled is None else [percent(point.settled, 1)]),
            f"{point.spikes[0]:,.0f}",
            f"{point.operations[0]:,.0f}",
            percent(point.energy.rate),
            *(decimals(point.energy.ratios[kind]) for kind in KINDS),
        ]
        for point in report.points
    ]
    shown = report.shown
    trained = "" if report.trained_accuracy is None else f", trained network {report.trained_accuracy:.2%}"
    settles = ["settled"] if shown.settled is not None else []
    headings = ["T", "accuracy", "agreement", "logit error", *settles, "spikes", "operations", "rate", *KINDS]
    said = [
        f"{report.samples:,} samples, input as {report.encoding}{trained}",
        _table(headings, rows),
        f"Energy over that of the network beside it. {NOTE}: {'; '.join(f'{k}: {v}' for k, v in KINDS.items())}.",
        f"T = {shown.timesteps}: {shown.energy.verdict}",
        *([] if report.early_exit is None else [exit_text(report.early_exit)]),
        report.note,
    ]
    return "\n".join(said)


def exit_text(found: EarlyExit) -> str:
    """Return what early exit gives, in a sentence."""
    if found.margin is None:
        return (
            f"Early exit: no margin keeps the answers of all but {found.tolerance:.1%} of the samples it is learnt on."
        )
    accuracy = ""
    if found.accuracy is not None and found.whole_accuracy is not None:
        accuracy = f", accuracy {found.accuracy:.2%} where the whole run has {found.whole_accuracy:.2%}"
    return (
        f"Early exit at a margin of {found.margin:.3g}: {found.mean_steps:.2f} of {found.timesteps} steps on average"
        f"{accuracy}; {found.kept:.2%} keep their answer (margin learnt on {found.learnt_on})."
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(
            heading, justify="left" if place == 0 else "right", overflow="fold", no_wrap=place > 0, min_width=3
        )
    for row in rows:
        table.add_row(*row)
    console = Console(file=io.StringIO(), width=110, color_system=None, highlight=False, markup=False, emoji=False)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    lines = [line.strip("\n").rstrip() for line in console.file.getvalue().split("\n")]
    return "\n".join(line for line in lines if line)
