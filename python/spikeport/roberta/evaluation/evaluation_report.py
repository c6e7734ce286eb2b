"""An evaluation to look at: a terminal table, an HTML page with plots, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeport.report.page import Page, figure, paragraph, table, tiles
from spikeport.report.plots import INK, lines, svg
from spikeport.roberta.evaluation.evaluate import readers_of_values

if TYPE_CHECKING:
    from rich.table import Table

    from spikeport.roberta.evaluation.evaluate import SpikingEvaluation

NETWORKS = ("quantised", "spiking")
COMPARED = ("quantised_microjoule", "spiking_microjoule", "ratio")
NAMED = 10
"""How many of the sentences outside the tolerance are named; ``snn_results.json`` has all."""


def evaluation_table(evaluation: SpikingEvaluation) -> Table:
    """Return the headline figures as a table for the terminal."""
    from rich.table import Table

    result = Table("", "quantised", "spiking", title=f"{evaluation.figures['task'].upper()}: the spiking network")
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
    drawn = lines(series, "timestep", "metric" if len(series) > 1 else next(iter(series)), size=(7.2, 3.2))
    axes = drawn.axes[0]
    for line, level in zip(axes.get_lines(), metrics.values(), strict=True):
        axes.axhline(level, color=line.get_color(), linestyle=(0, (4, 3)), linewidth=1)
    if len(series) > 1:  # above the axes, where no curve runs
        place: Any = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": len(series)}
        axes.legend(**place, frameon=False, fontsize=10, labelcolor=INK)
    return svg(drawn)


def _over_time(figures: dict[str, Any], name: str) -> list[float]:
    return [at[name] for at in figures["per_timestep"]]


def _comparison(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = [(name, f"{figures['quantised_metrics'][name]:.4f}", f"{v:.4f}") for name, v in figures["metrics"].items()]
    agreement, settling, joule = figures["agreement"], figures["settling"], figures["energy"]
    mean, most = settling["mean"], settling["most"]
    settled = "" if mean is None else f"{mean:.1f} on average, {most} at most"
    if settling["unsettled"]:
        settled += f"{settled and '; '}{settling['unsettled']} sentences did not settle"
    spikes = sum(layer["spikes"] for layer in figures["layers"])
    operations = sum(layer["synaptic_operations"] for layer in figures["layers"])
    return [
        *rows,
        ("same prediction", "", f"{agreement['predictions']:.2%} of {figures['samples']}"),
        ("largest difference of a logit", "", f"{agreement['largest_difference']:.2g}"),
        (f"logits within {agreement['tolerance']:g}", "", _within(agreement)),
        ("settled after steps", "", settled),
        ("spikes a sentence", "", f"{spikes:,.0f}"),
        ("synaptic operations a sentence", "", f"{operations:,.0f}"),
        *_values(figures),
        ("energy a sentence, estimated", _joule(joule, "quantised"), _joule(joule, "spiking")),
        ("energy, as a share of the quantised network's", "", f"{joule['ratio']:.3g}"),
    ]


def _values(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the row that says what does not spike, where something does not."""
    readers = readers_of_values(figures)
    if not readers:
        return []
    count = sum(entry["multiply_adds"] for entry in figures["values"] if entry["every_step"])
    return [("fed by values at every step", "", f"{len(readers)} modules, {count:,.0f} multiply-adds a sentence")]


def _joule(joule: dict[str, Any], network: str) -> str:
    """Return an energy with the score that it buys beside it."""
    score = joule["score"]
    beside = f", at {score['name']} {score[network]:.4f}" if score else ""
    return f"{joule[f'{network}_microjoule']:.3g} µJ{beside}"


def _short(name: str) -> str:
    """Return ``layer.0.attention.self.query`` for ``roberta.encoder.layer.0.attention.self.query_quantiser``."""
    return name.removeprefix("roberta.encoder.").removesuffix("quantiser").rstrip("._")


def _reading(entry: dict[str, Any]) -> str:
    return ", ".join(map(_short, entry["readers"])) + (", at every step" if entry["every_step"] else ", once")


def _within(agreement: dict[str, Any]) -> str:
    outside = [str(number) for number in agreement["outside"]]
    named = ", ".join(outside[:NAMED]) + (", …" if len(outside) > NAMED else "")
    return f"{agreement['within_tolerance']:.2%}" + (f"; not sentence {named}" if outside else "")


def _page(evaluation: SpikingEvaluation, plot: str) -> Page:
    figures, layers = evaluation.figures, evaluation.figures["layers"]
    page = Page(f"Spiking RoBERTa on {figures['task'].upper()}", str(evaluation.certificate))
    headline: dict[str, object] = dict(figures["metrics"])
    headline |= {"same prediction": f"{figures['agreement']['predictions']:.2%}", "timesteps": figures["timesteps"]}
    page.section("Answer", tiles(headline), table(["", "quantised", "spiking"], _comparison(figures)))
    if plot:
        page.section(
            "Over time", figure(plot, "The spiking network's answer after every step; dashed: the quantised network's.")
        )
    rows = [[_short(layer["name"]), *(round(layer[n]) for n in ("spikes", "synaptic_operations"))] for layer in layers]
    headers = ["neurons", "spikes", "synaptic operations"]
    page.section("Spikes a sentence", table(headers, rows, sortable=True))
    entries = [[_short(v["name"]), _reading(v), round(v["multiply_adds"])] for v in figures["values"]]
    page.section("Values, not spikes", table(["from", "into", "multiply-adds a sentence"], entries))
    joule = figures["energy"]
    parts = [
        [f"{network}: {kind}", f"{value:.3g}"]
        for network in NETWORKS
        for kind, value in joule[f"{network}_parts"].items()
    ]
    costs = [[row["costs"], *(f"{row[key]:.3g}" for key in COMPARED)] for row in joule["tables"]]
    page.section(
        "Energy",
        table(["work", "µJ a sentence"], parts),
        table(["costs of", "quantised, µJ", "spiking, µJ", "share"], costs),
        paragraph(f"Assumptions: {joule['assumptions']}"),
    )
    return page
