"""An evaluation to look at: a terminal table, an HTML page with plots, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeport.report.page import Page, figure, paragraph, table, tiles
from spikeport.report.plots import lines, svg

if TYPE_CHECKING:
    from rich.table import Table

    from spikeport.roberta.evaluate import SpikingEvaluation


def evaluation_table(evaluation: SpikingEvaluation) -> Table:
    """Return the headline figures as a table for the terminal."""
    from rich.table import Table

    result = Table("", "quantised", "spiking", title=f"{evaluation.figures['task']}: the spiking network")
    for row in _comparison(evaluation.figures):
        result.add_row(*row)
    return result


def save_evaluation(evaluation: SpikingEvaluation, folder: str | Path) -> dict[str, Path]:
    """Write ``snn_results.json``, ``snn_report.html`` and ``snn_accuracy.svg``; return their paths by name."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    figures = evaluation.figures
    data = {**figures, "certificate": evaluation.certificate.to_dict()}
    paths = {name: target / f"snn_{name}" for name in ("results.json", "report.html", "accuracy.svg")}
    paths["results.json"].write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    plot = _plot(figures)
    if plot:
        paths["accuracy.svg"].write_text(plot, encoding="utf-8")
    else:
        del paths["accuracy.svg"]
    _page(evaluation, plot).save(paths["report.html"])
    return paths


def _plot(figures: dict[str, Any]) -> str:
    if not figures["per_timestep"]:
        return ""
    metrics = figures["quantised_metrics"]
    series = {name: ([*range(1, figures["timesteps"] + 1)], _over_time(figures, name)) for name in metrics}
    levels = {f"quantised {name}": value for name, value in metrics.items()}
    return svg(lines(series, "timestep", "metric", title="the spiking network over time", levels=levels))


def _over_time(figures: dict[str, Any], name: str) -> list[float]:
    return [at[name] for at in figures["per_timestep"]]


def _comparison(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = [(name, f"{figures['quantised_metrics'][name]:.4f}", f"{v:.4f}") for name, v in figures["metrics"].items()]
    agreement, settling, joule = figures["agreement"], figures["settling"], figures["energy"]
    mean, most = settling["mean"], settling["most"]
    settled = "none" if mean is None else f"{mean:.1f} on average, {most} at most, {settling['unsettled']} not"
    spikes = sum(layer["spikes"] for layer in figures["layers"])
    operations = sum(layer["synaptic_operations"] for layer in figures["layers"])
    return [
        *rows,
        ("same prediction", "", f"{agreement['predictions']:.2%} of {figures['samples']}"),
        ("largest difference of a logit", "", f"{agreement['largest_difference']:.2g}"),
        ("settled after steps", "", settled),
        ("spikes a sentence", "", f"{spikes:,.0f}"),
        ("synaptic operations a sentence", "", f"{operations:,.0f}"),
        (
            "energy a sentence, estimated",
            f"{joule['quantised_microjoule']:.3g} µJ",
            f"{joule['spiking_microjoule']:.3g} µJ",
        ),
    ]


def _page(evaluation: SpikingEvaluation, plot: str) -> Page:
    figures = evaluation.figures
    page = Page(f"Spiking RoBERTa on {figures['task']}", str(evaluation.certificate))
    headline: dict[str, object] = dict(figures["metrics"])
    headline |= {"same prediction": f"{figures['agreement']['predictions']:.2%}", "timesteps": figures["timesteps"]}
    page.section("Answer", tiles(headline), table(["", "quantised", "spiking"], _comparison(figures)))
    if plot:
        page.section("Over time", figure(plot, "Metrics of the logits added up so far; dashed: the quantised network."))
    rows = [[layer["name"], layer["spikes"], layer["synaptic_operations"]] for layer in figures["layers"]]
    page.section(
        "Spikes", table(["neurons", "spikes a sentence", "synaptic operations a sentence"], rows, sortable=True)
    )
    page.section("Energy", paragraph(f"Assumptions: {figures['energy']['assumptions']}"))
    return page
