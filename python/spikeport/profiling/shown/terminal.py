"""The report and the live view on a terminal, by rich."""

from __future__ import annotations

import io
import math
import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from spikeport.profiling.pathology import Pathology, Severity
from spikeport.profiling.recording.statistics import LayerStats

if TYPE_CHECKING:
    from spikeport.profiling.findings import Findings

_COLOURS = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def render(findings: Findings, colour: bool | None = None) -> str:
    """Return the report as text of at most 110 columns."""
    if colour is None:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    console = Console(
        file=io.StringIO(),
        width=110,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    console.print(layer_table(findings.layer_stats, findings.pathologies))
    console.print(Group(*_findings(findings)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip() + "\n"


def layer_table(layers: Mapping[str, LayerStats], pathologies: Iterable[Pathology]) -> Table:
    """Return a table with one line per layer."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer", overflow="fold")
    for heading in ("neurons", "rate", "dead", "saturated", "voltage", "gradient"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("findings")
    found = list(pathologies)
    for name, stats in layers.items():
        mine = [p for p in found if p.layer == name]
        words = Text(", ").join(Text(p.category, _COLOURS[p.severity]) for p in mine) if mine else Text("–", "dim")
        table.add_row(
            Text(name),
            f"{stats.n_neurons:,}",
            _number(stats.firing_rate, ".3f") if stats.n_observations else "–",
            f"{stats.dead_neuron_fraction:.0%}" if stats.n_observations else "–",
            f"{stats.saturated_neuron_fraction:.0%}" if stats.n_observations else "–",
            f"{stats.voltage_mean:.3g} ± {stats.voltage_std:.2g}" if stats.has_voltages else "–",
            _number(stats.gradient_norm_mean, ".2e"),
            words,
        )
    return table


def _findings(findings: Findings) -> Iterable[RenderableType]:
    if not findings.layer_stats:
        yield Text("Nothing was recorded.")
    elif not findings.pathologies:
        yield Text("No pathology found.", "green")
    if findings.start_here:
        yield Text(findings.start_here, "bold")
    for p in findings.pathologies:
        head = Text.assemble((f"{p.severity.value.upper():8}", _COLOURS[p.severity]), f" {p.category} @ {p.layer}")
        yield Text()
        yield head
        yield Text("  " + p.message)
        yield Text("  Fix: " + p.suggestion)


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)
