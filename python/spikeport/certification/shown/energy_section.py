"""What a page says of work and energy: counts first, then three models beside each other and the published lines."""

from __future__ import annotations

from spikeport.certification.energy.assumptions import NOTE
from spikeport.certification.energy.crossover import LINES
from spikeport.certification.energy.model import KINDS
from spikeport.certification.lengths.findings import SweepFindings
from spikeport.certification.shown.curves import over_timesteps
from spikeport.certification.shown.words import decimals, percent, spread
from spikeport.report import Html, badge, columns, figure, paragraph, table

WORK = (
    "Counted, by NeuroBench's definitions: an accumulate is a spike that meets a weight which is not 0, a "
    "multiply-accumulate the same of a graded value, such as an analog input at each step, several spikes at once, or "
    "what a pool passes on. Means over the samples ± standard deviations. Membranes are read and written once for each "
    "neuron and step; each operation fetches its weight. The output is read by what it receives, so its neurons send "
    "nothing."
)


def work_parts(report: SweepFindings) -> list[Html]:
    """Return the counts of each layer for one length."""
    point = report.shown
    several = ["set bits"] if point.levels > point.timesteps else []
    counted = ("accumulates", "multiply-accumulates", "membrane reads", "membrane writes", "weight fetches")
    headers = ["layer", "rate", "spikes", *several, *counted]
    rows: list[list[object]] = [
        [
            layer.name,
            percent(layer.rate),
            spread(layer.spikes),
            *(spread(layer.set_bits) for _ in several),
            spread(layer.accumulates),
            spread(layer.multiply_accumulates),
            round(layer.membrane_reads),
            round(layer.membrane_writes),
            round(layer.weight_fetches),
        ]
        for layer in point.layers
    ]
    return [paragraph(f"For one inference of {point.timesteps} steps. {WORK}"), table(headers, rows, sortable=True)]


def energy_parts(report: SweepFindings) -> list[Html]:
    """Return the energies over the length, what the published lines say, and the assumptions."""
    point = report.shown
    T = [each.timesteps for each in report.points]
    ratios = {kind: [each.energy.ratios[kind] for each in report.points] for kind in KINDS}
    drawn = over_timesteps(T, ratios, "spiking over the other", levels={"the same": 1.0}, log_y=True)
    activity = {"this network": [each.energy.spikes_a_synapse for each in report.points]}
    published = {f"{line.source}: {line.costs_above:g}": line.costs_above for line in LINES if line.timesteps is None}
    met = over_timesteps(T, activity, "spikes a synapse and inference", levels=published, log_y=True)
    return [
        badge("warning", NOTE),
        paragraph(f"T = {point.timesteps}: {point.energy.verdict}"),
        columns(
            figure(drawn, "Energy of the spiking network over that of the network beside it; below 1 it costs less."),
            figure(met, "Activity, and the published activities above which a spiking network costs more."),
        ),
        _energies(report),
        _crossovers(report),
        *map(paragraph, report.assumptions.in_words()),
    ]


def _energies(report: SweepFindings) -> Html:
    rows: list[list[object]] = []
    for point in report.points:
        for kind, words in KINDS.items():
            energy = point.energy
            against = f"{words}, {energy.bits} bit{'s' * (energy.bits > 1)}" if kind == "bit-matched" else words
            ours = f"{energy.spiking[kind]:.4g} ± {energy.spread[kind]:.2g}"
            rows.append([point.timesteps, against, ours, energy.other[kind], decimals(energy.ratios[kind])])
    return table(["T", "model", "spiking, µJ", "other, µJ", "ratio"], rows, sortable=True)


def _crossovers(report: SweepFindings) -> Html:
    point = report.shown
    seen = {"spikes a synapse": point.energy.spikes_a_synapse, "rate": point.energy.rate}
    levels = {"pays": "pass", "does not pay": "fail", "open": "warning"}
    rows: list[list[object]] = []
    for line in LINES:
        low, high = line.pays_below, line.costs_above
        published = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        if line.quantity == "rate":
            published = f"{low:.1%} at T = {line.timesteps}"
        found = seen[line.quantity]
        here = f"{found:.1%} at T = {point.timesteps}" if line.quantity == "rate" else f"{found:.3g}"
        what = "firing rate" if line.quantity == "rate" else "spikes a synapse and inference"
        judged = point.energy.judgements[line.source]
        rows.append([line.source, what, published, here, badge(levels[judged], judged)])
    return table(["crossover", "quantity", "published", "here", ""], rows)
