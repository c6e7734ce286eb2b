"""The report as one page: what is wrong and what to do first, then the layers, then how it came about."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from spikeport.profiling.findings import Findings
from spikeport.profiling.pathology import Severity
from spikeport.profiling.recording.statistics import LayerStats
from spikeport.report.page import Html, Page, badge, card, columns, figure, paragraph, table, tiles
from spikeport.report.plots import COLOURS, INK, lines, new_figure, plain, raster, svg

_SEVERITY_COLOURS = {Severity.CRITICAL: COLOURS[3], Severity.WARNING: COLOURS[1], Severity.INFO: COLOURS[0]}


def page(findings: Findings, title: str) -> Page:
    """Return the page of a diagnosis."""
    layers = findings.layer_stats
    records = max((stats.n_records for stats in layers.values()), default=0)
    result = Page(title, f"{len(layers)} layers, {records:,} recordings")
    result.section("Diagnosis", _headline(findings), *_findings(findings))
    if not layers:
        return result
    result.section("Layers", _layer_table(findings))
    if findings.timeline():
        result.section("Timeline", _timeline(findings))
    result.section("Activity", _rate_curves(layers), columns(*(_rate_histogram(s) for s in layers.values())))
    rasters = [_raster(stats) for stats in layers.values() if stats.raster]
    if rasters:
        result.section("Spikes", columns(*rasters))
    with_voltages = [stats for stats in layers.values() if stats.has_voltages]
    if with_voltages:
        result.section("Membranes", columns(*(_membranes(stats) for stats in with_voltages)), _voltages(with_voltages))
    with_gradients = [stats for stats in layers.values() if stats.has_gradients]
    if with_gradients:
        result.section("Gradients", columns(_gradient_curves(with_gradients), _gradient_profile(with_gradients)))
    intervals = [stats for stats in layers.values() if stats.interval_histogram.sum()]
    if intervals:
        result.section("Inter-spike intervals", columns(*(_intervals(stats) for stats in intervals)))
    if findings.activity.effective_acs is not None:
        result.section("Synaptic operations", *_operations(findings))
    return result


def _short(names: Iterable[str], limit: int = 22) -> dict[str, str]:
    """Return a label for each name: the end of the long ones, where that tells the layers apart."""
    short = {name: name if len(name) <= limit else "…" + name[1 - limit :] for name in names}
    return short if len(set(short.values())) == len(short) else {name: name for name in short}


def _title(stats: LayerStats) -> str:
    return _short([stats.name], 44)[stats.name]


def _headline(findings: Findings) -> Html:
    count = {s: sum(p.severity is s for p in findings.pathologies) for s in Severity}
    worst = next((s for s in Severity if count[s]), None)
    verdict = badge("pass", "healthy") if worst is None else badge(worst.value)
    rates = [s.firing_rate for s in findings.layer_stats.values() if s.n_observations]
    figures: dict[str, object] = {"verdict": verdict, "findings": len(findings.pathologies)}
    if rates:
        figures["mean rate of a layer"] = float(np.mean(rates))
    if findings.activity.activation_sparsity is not None:
        figures["activation sparsity"] = f"{findings.activity.activation_sparsity:.1%}"
    return tiles(figures)


def _findings(findings: Findings) -> list[str]:
    if not findings.layer_stats:
        return ["Nothing was recorded."]
    if not findings.pathologies:
        return ["No pathology found: rates, membranes and gradients of every layer are within the thresholds."]
    return [
        card(
            badge(p.severity.value) + f" {p.category.replace('_', ' ')} · {p.layer}",
            p.message,
            f"Fix: {p.suggestion}",
        )
        for p in findings.pathologies
    ]


def _layer_table(findings: Findings) -> Html:
    headers = ["layer", "neurons", "rate", "dead", "saturated", "membrane", "deviation", "gradient norm", "synchrony"]
    rows = [
        [
            name,
            stats.n_neurons,
            stats.firing_rate if stats.n_observations else None,
            stats.dead_neuron_fraction if stats.n_observations else None,
            stats.saturated_neuron_fraction if stats.n_observations else None,
            stats.voltage_mean,
            stats.voltage_std,
            stats.gradient_norm_mean,
            stats.synchrony,
        ]
        for name, stats in findings.layer_stats.items()
    ]
    return table(headers, rows, sortable=True)


def _timeline(findings: Findings) -> Html:
    spans = findings.timeline()
    severities = {(p.category, p.layer): p.severity for p in findings.pathologies}
    rows = list(dict.fromkeys((category, layer) for category, layer, _, _ in spans))
    fig, ax = new_figure(9.2, 0.9 + 0.36 * len(rows))
    last = max(end for _, _, _, end in spans)
    last = max([last, *(frame.end for stats in findings.layer_stats.values() for frame in stats.frames)])
    for category, layer, first, end in spans:
        severity = severities.get((category, layer), Severity.INFO)
        width = max(end - first, last / 200, 0.5)
        ax.barh(rows.index((category, layer)), width, left=first, height=0.5, color=_SEVERITY_COLOURS[severity])
    short = _short({layer for _, layer in rows})
    labels = [plain(f"{category.replace('_', ' ')} · {short[layer]}") for category, layer in rows]
    ax.set_yticks(range(len(rows)), labels)
    ax.invert_yaxis()
    ax.set_xlim(0, max(last, 1))
    ax.set_xlabel("step")
    ax.grid(True, axis="x", color=INK, alpha=0.12)
    ax.set_axisbelow(True)
    words = (
        "When each layer was ill: red where it is critical, orange where it is a warning, blue where it was ill for a "
        "while but is not on the whole."
    )
    return figure(svg(fig), words, wide=True)


def _rate_curves(layers: dict[str, LayerStats]) -> Html:
    short = _short(layers)
    curves = {short[n]: (s.rate_curve.steps, s.rate_curve.means) for n, s in layers.items() if s.rate_curve.steps}
    fig = lines(curves, "step", "rate", title="Mean rate over training", size=(9.2, 3.2))
    return figure(svg(fig), "Spikes per neuron, step and sample.", wide=True)


def _rate_histogram(stats: LayerStats) -> Html:
    fig, ax = new_figure(4.6, 2.8)
    rates = stats.firing_rates[np.isfinite(stats.firing_rates)]
    top = max(1.0, float(rates.max(initial=0.0)))
    counts, edges = np.histogram(rates, bins=40, range=(0, top))
    ax.stairs(counts, edges, fill=True, color=COLOURS[0], alpha=0.8)
    ax.set_title(plain(_title(stats)), loc="left")
    ax.set_xlabel("rate of a neuron")
    ax.set_ylabel("neurons")
    ax.grid(True, color=INK, alpha=0.12)
    ax.set_axisbelow(True)
    words = f"{stats.dead_neuron_count} dead, {stats.saturated_neuron_count} saturated, of {stats.n_neurons}."
    return figure(svg(fig), words)


def _raster(stats: LayerStats) -> Html:
    windows = stats.raster
    gap = np.zeros((2, windows[0][1].shape[1]), np.int8)
    rows = [part for _, spikes in windows for part in (spikes, gap)][:-1]
    fig = raster(np.concatenate(rows), title=_title(stats), xlabel="time step, window after window", size=(4.6, 3.0))
    ax = fig.axes[0]
    position = 0
    for _, spikes in windows:
        if position:
            ax.axvline(position - 1.5, color=INK, linewidth=0.8, alpha=0.35)
        position += len(spikes) + 2
    steps = ", ".join(str(step) for step, _ in windows)
    return figure(svg(fig), f"One sample, {windows[0][1].shape[1]} neurons; windows at training steps {steps}.")


def _membranes(stats: LayerStats) -> Html:
    fig, ax = new_figure(4.6, 2.8)
    values = stats.membranes
    if len(values):
        low, high = np.quantile(values, [0.002, 0.998])
        marks = [m for m in (stats.membrane_threshold,) if m is not None]
        low, high = min([low, *marks]), max([high, *marks])
        margin = 0.04 * (high - low) or 0.5
        counts, edges = np.histogram(values, bins=50, range=(low - margin, high + margin))
        ax.stairs(counts, edges, fill=True, color=COLOURS[2], alpha=0.8)
    if stats.membrane_threshold is not None:
        ax.axvline(stats.membrane_threshold, color=COLOURS[3], linewidth=1.4, linestyle="--")
        left, right = ax.get_xlim()
        is_left = stats.membrane_threshold < (left + right) / 2
        place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
        place |= {"xytext": (4 if is_left else -4, 0), "ha": "left" if is_left else "right"}
        ax.annotate("threshold", (stats.membrane_threshold, 1.0), fontsize=9, color=INK, **place)
    ax.set_title(plain(_title(stats)), loc="left")
    ax.set_xlabel("membrane")
    ax.set_ylabel("count")
    ax.grid(True, color=INK, alpha=0.12)
    ax.set_axisbelow(True)
    words = (
        f"{stats.voltage_mean:.3g} ± {stats.voltage_std:.3g}, from {stats.voltage_min:.3g} to {stats.voltage_max:.3g}"
    )
    inactive = stats.surrogate_inactive_fraction
    tail = "." if math.isnan(inactive) else f"; the surrogate is inactive for {inactive:.0%} of them."
    return figure(svg(fig), words + tail)


def _voltages(layers: list[LayerStats]) -> Html:
    short = _short(stats.name for stats in layers)
    fig, ax = new_figure(9.2, 3.2)
    for index, stats in enumerate(layers):
        mean, deviation = np.asarray(stats.voltage_curve.means), np.asarray(stats.deviation_curve.means)
        colour = COLOURS[index % len(COLOURS)]
        ax.plot(stats.voltage_curve.steps, mean, color=colour, label=plain(short[stats.name]))
        ax.fill_between(
            stats.voltage_curve.steps, mean - deviation, mean + deviation, color=colour, alpha=0.15, linewidth=0
        )
    ax.set_title("Membranes over training", loc="left")
    ax.set_xlabel("step")
    ax.set_ylabel("membrane")
    ax.grid(True, color=INK, alpha=0.12)
    if len(layers) > 1:
        ax.legend(frameon=False, labelcolor=INK, fontsize=10)
    return figure(svg(fig), "Mean of the membranes, and one standard deviation around it.", wide=True)


def _gradient_curves(layers: list[LayerStats]) -> Html:
    short = _short(s.name for s in layers)
    curves = {short[s.name]: (s.gradient_curve.steps, s.gradient_curve.peaks) for s in layers}
    fig = lines(curves, "step", "norm", title="Gradient norm over training", log_y=True)
    return figure(svg(fig), "Euclidean norm of the gradient at each layer; a gap is a gradient of 0.")


def _gradient_profile(layers: list[LayerStats]) -> Html:
    fig, ax = new_figure()
    values = [stats.gradient_norm_mean for stats in layers]
    seen = [v for v in values if v > 0]
    ax.plot(range(len(values)), [v if v > 0 else math.nan for v in values], "o-", color=COLOURS[4])
    names = [plain(name) for name in _short(stats.name for stats in layers).values()]
    is_crowded = sum(map(len, names)) > 40
    ax.set_xticks(range(len(values)), names, rotation=30 if is_crowded else 0, ha="right" if is_crowded else "center")
    ax.set_xlim(-0.5, len(values) - 0.5)
    if seen:
        ax.set_yscale("log")
        ax.set_ylim(min(seen) / 5, max(seen) * 5)
    ax.set_title("Gradient norm by layer", loc="left")
    ax.set_ylabel("mean norm")
    ax.grid(True, axis="y", color=INK, alpha=0.12)
    ax.set_axisbelow(True)
    return figure(
        svg(fig), "From the input, left, to the output; it should not fall away to the left; a gap is a gradient of 0."
    )


def _intervals(stats: LayerStats) -> Html:
    fig, ax = new_figure(4.6, 2.6)
    counts = stats.interval_histogram
    last = int(np.flatnonzero(counts)[-1]) + 1
    ax.stairs(counts[:last], np.arange(last + 1) + 0.5, fill=True, color=COLOURS[5], alpha=0.8)
    ax.set_title(plain(_title(stats)), loc="left")
    ax.set_xlabel("interval, steps")
    ax.set_ylabel("count")
    ax.grid(True, color=INK, alpha=0.12)
    ax.set_axisbelow(True)
    words = f"Mean {stats.interval_mean:.3g} steps, coefficient of variation {stats.interval_cv:.2f}."
    return figure(svg(fig), words)


def _operations(findings: Findings) -> list[str]:
    a = findings.activity
    shown = {
        "effective ACs a sample": a.effective_acs,
        "effective MACs a sample": a.effective_macs,
        "dense operations a sample": a.dense,
        "connection sparsity": "–" if a.connection_sparsity is None else f"{a.connection_sparsity:.1%}",
    }
    note = paragraph(
        "In NeuroBench's terms: an accumulate (AC) is a weight meeting an input of -1, 0 or 1 that is not 0, a "
        "multiply-accumulate (MAC) one meeting a graded input; biases are not counted."
    )
    rows = [[name, value] for name, value in (a.layers or {}).items()]
    return [
        tiles({key: value if isinstance(value, str) else f"{value or 0:,.0f}" for key, value in shown.items()}),
        table(["connection", "effective operations a sample"], rows, sortable=True),
        note,
    ]
