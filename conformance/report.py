"""The matrix, kernel × language: on the terminal, as data, as Markdown, as a page and as a badge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.cases import KERNELS
from conformance.harness import Column


def cell(column: Column, kernel: str) -> tuple[str, str]:
    """Return a cell's text and state: passed, failed, skipped, absent or none (a kernel a backend does not have)."""
    if column.absent:
        return ("absent", "failed" if column.required else "absent")
    if column.not_built:
        return ("not built", "failed")
    mine = [o for o in column.outcomes if o.kernel == kernel]
    counts = {status: sum(o.status == status for o in mine) for status in ("passed", "failed", "skipped")}
    if not mine:
        return ("–", "none")
    if counts["failed"]:
        return (f"{counts['failed']} of {len(mine)} failed", "failed")
    if counts["skipped"]:
        return (f"{counts['passed']} passed, {counts['skipped']} skipped", "skipped")
    return (f"{counts['passed']} passed", "passed")


def kernels_of(columns: Sequence[Column]) -> list[str]:
    """Return the kernels that any column ran, in the order of the contract."""
    seen = {outcome.kernel for column in columns for outcome in column.outcomes}
    return [kernel for kernel in KERNELS if kernel in seen]


def as_data(columns: Sequence[Column]) -> dict[str, Any]:
    """Return everything as JSON-ready data."""
    return {
        "ok": all(column.ok for column in columns),
        "columns": [
            {
                "name": column.name,
                "version": column.version,
                "flags": column.flags,
                "absent": column.absent or None,
                "not_built": column.not_built or None,
                "required": column.required,
                "kernels": {kernel: cell(column, kernel)[0] for kernel in kernels_of(columns)},
                "failures": [
                    {"kernel": o.kernel, "case": o.case, "detail": o.detail}
                    for o in column.outcomes
                    if o.status == "failed"
                ],
                "skipped": [{"case": o.case, "why": o.detail} for o in column.outcomes if o.status == "skipped"],
            }
            for column in columns
        ],
    }


def as_markdown(columns: Sequence[Column]) -> str:
    """Return the matrix as a Markdown table, versions below."""
    lines = [
        "| kernel | " + " | ".join(column.name for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for kernel in kernels_of(columns):
        lines.append(f"| `{kernel}` | " + " | ".join(cell(column, kernel)[0] for column in columns) + " |")
    lines += ["", *(f"- {c.name}: {_says(c)}" for c in columns)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _says(column: Column) -> str:
    if column.not_built:
        return f"not built: {column.not_built}"
    return column.absent or " ".join(filter(None, [column.version, column.flags]))


def as_badge(columns: Sequence[Column]) -> dict[str, Any]:
    """Return a badge in the form that shields.io reads."""
    ran = [column for column in columns if not column.absent]
    passed = sum(o.status == "passed" for column in ran for o in column.outcomes)
    total = sum(len(column.outcomes) for column in ran)
    green = bool(ran) and all(column.ok for column in columns) and passed == total
    return {
        "schemaVersion": 1,
        "label": "conformance",
        "message": f"{passed}/{total} in {len(ran)} columns",
        "color": "brightgreen" if green else "red",
    }


def write(columns: Sequence[Column], folder: Path) -> None:
    """Write ``report.json``, ``matrix.md``, ``matrix.html`` and ``badge.json`` into ``folder``."""
    from spikeport.report.page import Page, paragraph, table

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(as_data(columns), indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "matrix.md").write_text(as_markdown(columns), "utf-8")
    (folder / "badge.json").write_text(json.dumps(as_badge(columns)) + "\n", "utf-8")
    page = Page("Conformance", "one truth, every language, to the bit")
    rows = [[kernel, *(cell(column, kernel)[0] for column in columns)] for kernel in kernels_of(columns)]
    page.section("Kernel × language", table(["kernel", *(column.name for column in columns)], rows))
    failures = [[c.name, o.case, o.detail] for c in columns for o in c.outcomes if o.status == "failed"]
    page.section(
        "Failures",
        table(["column", "case", "what differs"], failures) if failures else paragraph("None."),
    )
    versions = [[c.name, c.not_built or c.absent or c.version, c.flags] for c in columns]
    page.section("Toolchains", table(["column", "version, or why it is absent or not built", "flags"], versions))
    page.save(folder / "matrix.html")


def print_matrix(columns: Sequence[Column], shown: int = 12) -> None:
    """Print the matrix, the first failures of every column and why a column is absent."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=max(Console().width, 24 + 20 * len(columns)))
    colours = {"passed": "green", "failed": "bold red", "skipped": "yellow", "absent": "yellow", "none": "dim"}
    grid = Table("kernel", *(column.name for column in columns))
    for kernel in kernels_of(columns):
        cells = [cell(column, kernel) for column in columns]
        grid.add_row(kernel, *(f"[{colours[state]}]{text}[/]" for text, state in cells))
    console.print(grid)
    for column in columns:
        if column.absent:
            state = "[bold red]required, but absent[/]" if column.required else "[yellow]absent[/]"
            console.print(f"{column.name}: {state}: {escape(column.absent)}")
        if column.not_built:
            console.print(f"{column.name}: [bold red]not built[/]: {escape(column.not_built)}")
        failed = [o for o in column.outcomes if o.status == "failed"]
        by_detail: dict[str, list[str]] = {}
        for outcome in failed:
            by_detail.setdefault(outcome.detail, []).append(outcome.case)
        for detail, cases in list(by_detail.items())[:shown]:
            more = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
            console.print(f"[red]{column.name}[/] {cases[0]}{more}: {escape(detail)}", highlight=False)
        if len(by_detail) > shown:
            console.print(f"[red]{column.name}[/] … and {len(by_detail) - shown} further kinds of failure")
    passed = sum(o.status == "passed" for c in columns for o in c.outcomes)
    failures = sum(o.status == "failed" for c in columns for o in c.outcomes)
    skips = sum(o.status == "skipped" for c in columns for o in c.outcomes)
    absent = sum(bool(c.absent) for c in columns)
    unbuilt = sum(bool(c.not_built) for c in columns)
    further = ((skips, "skipped"), (absent, "of the columns absent"), (unbuilt, "of the columns not built"))
    rest = [f"{n} {what}" for n, what in further if n]
    console.print(", ".join([f"{passed} passed, {failures} failed", *rest]), highlight=False)
