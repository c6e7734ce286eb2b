"""Many drawn cases in every language, block by block: memory stays bounded, and a runner starts once a block."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from conformance import harness
from conformance.cases import KERNELS
from conformance.harness import Column
from conformance.languages import PATIENCE, Language, load_languages
from conformance.random.draw import drawn
from spikeport.report.progress import bar

BLOCK = 5000


@dataclass
class Difference:
    """A case that one column answers otherwise than the reference."""

    column: str
    kernel: str
    case: str
    detail: str


@dataclass
class Tally:
    """What came of all blocks: ``passed`` counts by kernel and column, ``refused`` the calls that are errors."""

    drawn: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    passed: Counter[tuple[str, str]] = field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    """As the last block left them: their versions, and why one is absent."""

    @property
    def ok(self) -> bool:
        """Whether nothing differs, nothing that is required is absent, and something was compared."""
        return bool(self.passed) and not self.failed and all(column.ok for column in self.columns)

    def add(self, columns: Sequence[Column]) -> None:
        """Count a block's outcomes."""
        self.columns = [replace(column, outcomes=[]) for column in columns]
        for column in columns:
            for outcome in column.outcomes:
                counts = {"passed": self.passed, "skipped": self.skipped, "failed": self.failed}[outcome.status]
                counts[column.name, outcome.kernel] += 1
                if outcome.status == "failed":
                    self.differences.append(Difference(column.name, outcome.kernel, outcome.case, outcome.detail))


def run(
    count: int,
    seed: int,
    columns: Sequence[str] = (),
    block: int = BLOCK,
    languages: Sequence[Language] | None = None,
    timeout: float = PATIENCE,
    built: bool = False,
) -> Tally:
    """Draw ``count`` cases of ``seed``, ask every column for them, or those named, and compare with the reference."""
    tally = Tally()
    given = load_languages() if languages is None else languages
    entries = [replace(entry, run=entry.quick or entry.run, build=[] if built else entry.build) for entry in given]
    wanted = [name for name in columns or harness.column_names(entries) if name != "reference"]
    for start in range(0, count, block):
        with tempfile.TemporaryDirectory() as folder:
            numbers = range(start, min(start + block, count))
            with bar(f"drawn from {start:,}", len(numbers)) as advance:
                cases = []
                for number in numbers:
                    cases.append(drawn(seed, number, Path(folder)))
                    advance(1)
            tally.drawn.update(case.kernel for case in cases)
            tally.refused.update(case.kernel for case in cases if "error" in case.expected)
            tally.add(harness.run(cases, wanted, entries, timeout))
        entries = [replace(entry, build=[]) for entry in entries]  # built once
        if any(column.not_built for column in tally.columns):
            break
    return tally


def print_tally(tally: Tally, seed: int, shown: int = 20) -> None:
    """Print counts by kernel and column, the first differences and how to see one again."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    names = [column.name for column in tally.columns]
    grid = Table("kernel", "drawn", "refused", *names)
    for kernel in (*KERNELS, "all"):
        of = [kernel] if kernel != "all" else list(KERNELS)
        cells = [_cell(tally, name, of) for name in names]
        drawn_, refused = (sum(counts[k] for k in of) for counts in (tally.drawn, tally.refused))
        grid.add_row(kernel, f"{drawn_:,}", f"{refused:,}", *cells)
    console = Console(width=max(Console().width, 46 + 20 * len(names)))
    console.print(grid)
    for column in tally.columns:
        if column.absent:
            state = "[bold red]required, but absent[/]" if column.required else "[yellow]absent[/]"
            console.print(f"{column.name}: {state}: {escape(column.absent)}")
        if column.not_built:
            console.print(f"{column.name}: [bold red]not built[/]: {escape(column.not_built)}")
    for one in tally.differences[:shown]:
        console.print(f"[red]{one.column}[/] {one.case} ({one.kernel}): {escape(one.detail)}", highlight=False)
    if len(tally.differences) > shown:
        console.print(f"… and {len(tally.differences) - shown:,} further differences")
    if tally.differences:
        console.print(f"again: python -m conformance --case {tally.differences[0].case}", highlight=False)
    passed, failed = tally.passed.total(), tally.failed.total()
    console.print(
        f"seed {seed}: {tally.drawn.total():,} calls, {passed:,} answers equal, {failed:,} different", highlight=False
    )


def _cell(tally: Tally, column: str, kernels: Sequence[str]) -> str:
    passed, skipped, failed = (
        sum(counts[column, k] for k in kernels) for counts in (tally.passed, tally.skipped, tally.failed)
    )
    if failed:
        return f"[bold red]{failed:,} of {passed + skipped + failed:,} differ[/]"
    if skipped:
        return f"[yellow]{passed:,} equal, {skipped:,} skipped[/]"
    return f"[green]{passed:,} equal[/]" if passed else "[dim]–[/]"
