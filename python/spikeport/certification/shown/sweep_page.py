"""The page of `sweep`: what each length of the run gives and costs."""

from __future__ import annotations

import numpy as np

from spikeport.certification.lengths.early_exit import EarlyExit
from spikeport.certification.lengths.findings import SweepFindings
from spikeport.certification.shown.curves import over_timesteps
from spikeport.certification.shown.energy_section import energy_parts, work_parts
from spikeport.certification.shown.terminal import exit_text
from spikeport.certification.shown.words import decimals, percent, spread
from spikeport.report import Html, Page, columns, figure, paragraph, svg, table, tiles
from spikeport.report.plots import lines, require_plots


def sweep_page(report: SweepFindings, name: str) -> Page:
    """Return the page; ``name`` is the network's."""
    require_plots()
    fed = f"{report.samples:,} samples, input as {report.encoding}"
    page = Page(f"{name} over the number of timesteps", f"what each length gives and costs: {fed}")
    page.section("Result", tiles(_headline(report)), *_result(report))
    if report.early_exit is not None:
        page.section("Early exit", *_early_exit(report.early_exit))
    page.section("Work", *work_parts(report))
    return page.section("Energy", *energy_parts(report))


def _headline(report: SweepFindings) -> dict[str, object]:
    shown = report.shown
    found: dict[str, object] = {"timesteps": shown.timesteps}
    if shown.accuracy is not None:
        found["accuracy"] = percent(shown.accuracy, 2)
    if report.trained_accuracy is not None:
        found["that of the trained network"] = percent(report.trained_accuracy, 2)
    if shown.agreement is not None:
        found["agreement"] = percent(shown.agreement, 2)
    if shown.logit_error is not None:
        found["relative logit error"] = decimals(shown.logit_error)
    found["spikes for an inference"] = f"{shown.spikes[0]:,.0f}"
    found["firing rate"] = percent(shown.energy.rate)
    if report.early_exit is not None:
        found["steps with early exit"] = f"{report.early_exit.mean_steps:.2f} of {report.early_exit.timesteps}"
    return found


def _result(report: SweepFindings) -> list[Html]:
    T = [point.timesteps for point in report.points]
    shares = {
        "accuracy": [point.accuracy for point in report.points],
        "agreement": [point.agreement for point in report.points],
        "settled": [point.settled for point in report.points],
    }
    drawn = {name: [v for v in found if v is not None] for name, found in shares.items() if None not in found}
    plots = []
    if drawn:
        level = {} if report.trained_accuracy is None else {"trained network": report.trained_accuracy}
        plot = over_timesteps(T, drawn, "share of the samples", levels=level)
        plots.append(figure(plot, "Accuracy, and agreement with the trained network."))
    errors = [point.logit_error for point in report.points if point.logit_error is not None]
    if errors:
        plot = over_timesteps(T, {"error": errors}, "relative logit error", log_y=True)
        plots.append(figure(plot, "RMS of the difference of the logits over their standard deviation."))
    settles = ["settled"] if report.shown.settled is not None else []
    headers = ["T", "N", "accuracy", "agreement", "its 95 % interval", "logit error", *settles]
    headers += ["spikes", "operations", "rate"]
    rows: list[list[object]] = [
        [
            point.timesteps,
            point.levels,
            percent(point.accuracy, 2),
            percent(point.agreement, 2),
            "–" if point.agreement_interval is None else " to ".join(f"{v:.1%}" for v in point.agreement_interval),
            decimals(point.logit_error),
            *([] if point.settled is None else [percent(point.settled, 1)]),
            spread(point.spikes),
            spread(point.operations),
            percent(point.energy.rate),
        ]
        for point in report.points
    ]
    return [*([columns(*plots)] if plots else []), table(headers, rows), paragraph(report.note)]


def _early_exit(found: EarlyExit) -> list[Html]:
    steps = np.arange(1, found.timesteps + 1)
    stopped = lines({"samples": (steps, np.array(found.steps))}, "step", "samples that stop", markers=len(steps) < 40)
    mean, kept = np.array(found.curve).T
    curve = lines({"margins": (mean, kept)}, "mean steps", "answers of the whole run", markers=True)
    words = (
        "Each point is another margin: the larger, the later samples stop. These margins were not chosen, only tried."
    )
    return [
        paragraph(exit_text(found)),
        columns(figure(svg(stopped), "After which step the samples stop."), figure(svg(curve), words)),
    ]
