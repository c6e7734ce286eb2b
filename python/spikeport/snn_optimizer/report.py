"""`OptimizationReport`: what every pass did, in numbers, in words, and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from spikeport.snn_optimizer.cost import Cost
from spikeport.snn_optimizer.outcome import Outcome
from spikeport.snn_optimizer.page import report_page


class OptimizationReport(Outcome):
    """Report from running all passes: an `Outcome` that prints itself, and saves itself as a page."""

    def summary(self) -> str:
        """Return the report as text: a table of the passes, then what each that changed something did to the answer."""
        rows: list[tuple[str, ...]] = [
            ("pass", "neurons", "nonzero", "bytes", "synaptic ops", "accuracy", "certificate")
        ]
        if self.before is not None:
            rows.append(("(before)", *_figures(self.before, self.accuracy_before), ""))
        for result in self.pass_results:
            shown = _figures(result.after, result.accuracy)
            rows.append((result.name, *shown, result.certificate.level if result.changed else "nothing to do"))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines += [f"{result.name}: {result.certificate}" for result in self.pass_results if result.changed]
        lines.append(
            f"{self.params_before:,} -> {self.params_after:,} parameters ({self.compression_ratio:.2f}x), "
            f"{self.neurons_before:,} -> {self.neurons_after:,} neurons"
        )
        lines.append(f"certificate: {self.certificate}")
        lines.append(f"verification: {self.verification or 'not run'}")
        return "\n".join(lines)

    __str__ = summary

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the report as one self-contained HTML page; plots need matplotlib (extra ``plot``)."""
        return report_page(self).save(path)


def _figures(cost: Cost | None, accuracy: float | None) -> Sequence[str]:
    if cost is None:
        return ("-",) * 5
    operations = "-" if cost.synaptic_operations is None else f"{cost.synaptic_operations:,.0f}"
    right = "-" if accuracy is None else f"{accuracy:.2%}"
    return f"{cost.neurons:,}", f"{cost.nonzero:,}", f"{cost.bytes:,}", operations, right
