"""The report as one page: what is wrong and what to do first, then the layers, then how it came about."""

from __future__ import annotations

import numpy as np

from spikeport.profiling.findings import Findings
from spikeport.profiling.pathology import Severity
from spikeport.profiling.shown.figures import (
    gradient_curves,
    gradient_profile,
    interval_histogram,
    membrane_curves,
    membrane_histogram,
    raster_windows,
    rate_curves,
    rate_histogram,
    timeline,
)
from spikeport.report.page import Html, Page, badge, card, columns, paragraph, table, tiles


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
        result.section("Timeline", timeline(findings))
    result.section("Activity", rate_curves(layers), columns(*(rate_histogram(s) for s in layers.values())))
    rasters = [raster_windows(stats) for stats in layers.values() if stats.raster]
    if rasters:
        result.section("Spikes", columns(*rasters))
    with_voltages = [stats for stats in layers.values() if stats.has_voltages]
    if with_voltages:
        histograms = columns(*(membrane_histogram(stats) for stats in with_voltages))
        result.section("Membranes", histograms, membrane_curves(with_voltages))
    with_gradients = [stats for stats in layers.values() if stats.has_gradients]
    if with_gradients:
        result.section("Gradients", columns(gradient_curves(with_gradients), gradient_profile(with_gradients)))
    intervals = [stats for stats in layers.values() if stats.interval_histogram.sum()]
    if intervals:
        result.section("Inter-spike intervals", columns(*(interval_histogram(stats) for stats in intervals)))
    if findings.activity.effective_acs is not None:
        result.section("Synaptic operations", *_operations(findings))
    return result


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
    cards = [
        card(
            badge(p.severity.value) + f" {p.category.replace('_', ' ')} · {p.layer}",
            p.message,
            f"Fix: {p.suggestion}",
        )
        for p in findings.pathologies
    ]
    return [*([] if findings.start_here is None else [findings.start_here]), *cards]


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


def _operations(findings: Findings) -> list[str]:
    a = findings.activity
    shown = {
        "effective ACs per sample": a.effective_acs,
        "effective MACs per sample": a.effective_macs,
        "dense operations per sample": a.dense,
        "connection sparsity": "–" if a.connection_sparsity is None else f"{a.connection_sparsity:.1%}",
    }
    note = paragraph(
        "In NeuroBench's terms: an accumulate (AC) is a weight meeting an input of -1, 0 or 1 that is not 0, a "
        "multiply-accumulate (MAC) one meeting a graded input; biases are not counted."
    )
    rows = [[name, value] for name, value in (a.layers or {}).items()]
    return [
        tiles({key: value if isinstance(value, str) else f"{value or 0:,.0f}" for key, value in shown.items()}),
        table(["connection", "effective operations per sample"], rows, sortable=True),
        note,
    ]
