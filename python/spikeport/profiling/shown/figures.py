"""The figures of the page: rates, rasters, membranes, gradients and intervals of the layers, and when each was ill."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from spikeport.profiling.findings import Findings
from spikeport.profiling.pathology import Severity
from spikeport.profiling.recording.statistics import LayerStats
from spikeport.report.page import Html, figure
from spikeport.report.plots import COLOURS, INK, lines, new_figure, plain, raster, svg

_SEVERITY_COLOURS = {Severity.CRITICAL: COLOURS[3], Severity.WARNING: COLOURS[1], Severity.INFO: COLOURS[0]}


def timeline(findings: Findings) -> Html:
    """Return a bar for every spell of illness, in the colour of its severity."""
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


def rate_curves(layers: dict[str, LayerStats]) -> Html:
    """Return the mean rate of every layer over training."""
    short = _short(layers)
    curves = {short[n]: (s.rate_curve.steps, s.rate_curve.means) for n, s in layers.items() if s.rate_curve.steps}
    fig = lines(curves, "step", "rate", title="Mean rate over training", size=(9.2, 3.2))
    return figure(svg(fig), "Spikes per neuron, step and sample.", wide=True)


def rate_histogram(stats: LayerStats) -> Html:
    """Return how many neurons of a layer have which rate."""
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


def raster_windows(stats: LayerStats) -> Html:
    """Return the windows of spikes that were kept of a layer, one beside the other."""
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


def membrane_histogram(stats: LayerStats) -> Html:
    """Return the membranes of a layer, and its threshold where that is known."""
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


def membrane_curves(layers: list[LayerStats]) -> Html:
    """Return the mean of the membranes of every layer over training, and their deviation."""
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


def gradient_curves(layers: list[LayerStats]) -> Html:
    """Return the gradient norm of every layer over training."""
    short = _short(s.name for s in layers)
    curves = {short[s.name]: (s.gradient_curve.steps, s.gradient_curve.peaks) for s in layers}
    fig = lines(curves, "step", "norm", title="Gradient norm over training", log_y=True)
    return figure(svg(fig), "Euclidean norm of the gradient at each layer; a gap is a gradient of 0.")


def gradient_profile(layers: list[LayerStats]) -> Html:
    """Return the mean gradient norm by layer, from the input to the output."""
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


def interval_histogram(stats: LayerStats) -> Html:
    """Return how many steps lie between two spikes of a neuron."""
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


def _short(names: Iterable[str], limit: int = 22) -> dict[str, str]:
    """Return a label for each name: the end of the long ones, where that tells the layers apart."""
    short = {name: name if len(name) <= limit else "…" + name[1 - limit :] for name in names}
    return short if len(set(short.values())) == len(short) else {name: name for name in short}


def _title(stats: LayerStats) -> str:
    return _short([stats.name], 44)[stats.name]
