"""`OptimizationReport`: what every pass did, in numbers, in words, and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from spikeport.snn_optimizer.cost import BYTES, Cost
from spikeport.snn_optimizer.outcome import Outcome
from spikeport.snn_optimizer.page import report_page


class OptimizationReport(Outcome):
    """Report from running all passes: an `Outcome` that prints itself, and saves itself as a page."""

    def summary(self) -> str:
        """Return the report as text: a table of the passes, then what each that changed something did to the answer."""
        rows: list[tuple[str, ...]] = [
            ("pass", "neurons", "nonzero", "bytes*", "synaptic ops", "accuracy", "certificate")
        ]
        if self.before is not None:
            rows.append(("(before)", *_figures(self.before, self.accuracy_before), ""))
        for result in self.pass_results:
            shown = _figures(result.after, result.accuracy)
            rows.append((result.name, *shown, result.certificate.level if result.changed else "nothing to do"))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.append(f"* {BYTES}")
        if self.measured_on:
            lines.append(f"Each pass, compared with the network before it, on {self.measured_on}:")
        lines += [f"{result.name}: {result.certificate}" for result in self.pass_results if result.changed]
        lines.append(
            f"{self.params_before:,} -> {self.params_after:,} parameters ({self.compression_ratio:.2f}x), "
            f"{self._nonzero()}{self.neurons_before:,} -> {self.neurons_after:,} neurons"
        )
        lines.append(f"certificate: {self.certificate}")
        lines.append(f"verification: {self.verification or 'not run'}")
        return "\n".join(lines)

    __str__ = summary

    def _nonzero(self) -> str:
        if self.before is None or self.after is None:
            return ""
        before, after = self.before.nonzero, self.after.nonzero
        return f"{before:,} -> {after:,} of them nonzero ({before / max(after, 1):.2f}x), "

    def save(self, path: str | PathLike[str], name: str = "a spiking network") -> Path:
        """Write the report as one self-contained HTML page, titled by the network's ``name``; plots need matplotlib."""
        return report_page(self, name).save(path)


def _figures(cost: Cost | None, accuracy: float | None) -> Sequence[str]:
    if cost is None:
        return ("-",) * 5
    operations = "-" if cost.synaptic_operations is None else f"{cost.synaptic_operations:,.0f}"
    right = "-" if accuracy is None else f"{accuracy:.2%}"
    return f"{cost.neurons:,}", f"{cost.nonzero:,}", f"{cost.bytes:,}", operations, right
