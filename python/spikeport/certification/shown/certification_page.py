"""The page of `certify`: where a conversion loses its accuracy."""

from __future__ import annotations

import html
from typing import Final

import numpy as np

from spikeport.certification.layers.findings import CertificationFindings, LayerLoss
from spikeport.certification.layers.losses import KINDS
from spikeport.certification.layers.settled import Settled
from spikeport.certification.shown.words import interval, percent, span
from spikeport.report import Html, Page, badge, card, columns, figure, paragraph, preformatted, svg, table, tiles
from spikeport.report.bars import bars
from spikeport.report.plots import lines

LISTED: Final = 20
"""Changed samples that a page lists; the data has them all."""

COLUMNS: Final = (
    "layer",
    "most by",
    "arrives",
    "inherited",
    *KINDS,
    "shift",
    "clipped",
    "rate",
    "neurons",
    "N",
    "N spikes are",
    "largest",
)

HOW: Final = (
    "θ threshold, N the most spikes that T steps allow, u what a rate of 1 stands for,\n"
    "a the trained activation, f its function, b what calibration added to the bias (and\n"
    "took from the start). A lossless network is fed once: T is 1, N its levels.\n\n"
    "received     ẑ = (θ·count + v_end - v_start)/T, in the unit of the trained network\n"
    "evenly       q = clip(floor(count + v_end/θ), 0, N)·u/T\n"
    "sent         r = count·u/T\n\n"
    "r - a  =  clip(a) - a                        clipping\n"
    "        + clip(f(ẑ - b)) - clip(a)         inherited from the layers before\n"
    "        + clip(f(ẑ)) - clip(f(ẑ - b))      shift\n"
    "        + q - clip(f(ẑ))                   quantisation\n"
    "        + r - q                            unevenness"
)

READ: Final = (
    "Losses are root mean squares, as shares of that of the layer's trained activations. Clipping, quantisation and "
    "unevenness are the layer's own; inherited is what the layers before it did to what it receives; shift is what "
    "calibration added to biases and starts to make good for them. A layer arrives with what its own losses, put into "
    "the trained network by themselves, change of the logits: RMS over the standard deviation of the logits. Arrivals "
    "do not add up: errors cancel, and amplify each other."
)


def certification_page(report: CertificationFindings, name: str) -> Page:
    """Return the page; ``name`` is the network's."""
    samples = report.certificate.samples or 0
    page = Page(f"Certification of {name}", f"what conversion lost, layer by layer, on {samples:,} samples")
    certificate = report.certificate
    page.section(
        "Result",
        tiles(_headline(report)),
        paragraph(report.verdict),
        badge(certificate.level),
        paragraph(certificate.reason),
    )
    if report.settled is not None:
        page.section("Beside the quantised network", *_settled(report.settled))
    if report.advice:
        page.section("What would help", card("In this order", *report.advice))
    if report.layers:
        page.section("Where it is lost", *_plots(report.layers), _layers(report), paragraph(READ))
    if report.agreement is not None:
        page.section("Samples with another answer", *_changed(report))
    return page.section("How it is told apart", preformatted(HOW))


def _headline(report: CertificationFindings) -> dict[str, object]:
    found: dict[str, object] = {}
    if report.agreement is not None:
        found["agreement"] = percent(report.agreement, 2)
        found["its 95 % interval"] = interval(report.certificate)
    found["relative logit error"] = f"{report.logit_error:.3g}"
    if report.agreement is not None:
        found["samples with another answer"] = f"{len(report.changed):,} of {report.certificate.samples:,}"
    worst = report.worst
    found["most is lost in"] = "none" if worst is None else _breakable(worst.name)
    if worst is not None:
        found["by"] = badge("warning", worst.worst_kind)
    found["timesteps"] = f"{report.timesteps}, {report.encoding}"
    if report.drawing is not None:
        found["drawing the input, by itself"] = f"{report.drawing:.3g}"
    return found


def _settled(settled: Settled) -> list[Html]:
    found: dict[str, object] = {"settled": percent(settled.share, 2), "levels": settled.levels}
    if settled.mean_steps is not None:
        found |= {"steps on average": f"{settled.mean_steps:.1f}", "steps at most": settled.most_steps}
    counts = {"samples": (np.arange(len(settled.steps)), np.array(settled.steps))}
    drawn = lines(counts, "steps", "samples that settle", markers=True)
    parts = [badge(settled.certificate.level), paragraph(settled.certificate.reason), tiles(found)]
    return [*parts, figure(svg(drawn), "After how many steps the samples settled.")] if settled.steps else parts


def _breakable(name: str) -> Html:
    """Return the name of a module, which may be broken behind its dots."""
    return Html(".<wbr>".join(html.escape(part) for part in name.split(".")))


def _plots(layers: tuple[LayerLoss, ...]) -> list[Html]:
    names = [layer.name for layer in layers]
    arriving = {kind: [layer.arrives[kind] for layer in layers] for kind in KINDS}
    lost = {"inherited": [layer.inherited for layer in layers]}
    lost = {kind: [getattr(layer, kind) for layer in layers] for kind in KINDS} | lost
    arrived = "RMS of the change over the logits' deviation"
    return [
        columns(
            figure(svg(bars(names, arriving, arrived)), "What each loss, by itself, changes of the answer."),
            figure(svg(bars(names, lost, "RMS over that of the activations")), "Lost in the layer, and inherited."),
        )
    ]


def _layers(report: CertificationFindings) -> Html:
    worst = report.worst
    rows: list[list[object]] = []
    for layer in report.layers:
        kind = badge("warning", layer.worst_kind) if layer is worst else layer.worst_kind
        figures = (layer.arrives["all"], layer.inherited, *(getattr(layer, k) for k in KINDS), layer.shift)
        shares = percent(layer.clipped, 2), percent(layer.rate)
        reach = layer.neurons, layer.levels, span(layer.stands_for), layer.largest
        rows.append([layer.name, kind, *figures, *shares, *reach])
    return table(COLUMNS, rows, sortable=True)


def _changed(report: CertificationFindings) -> list[Html]:
    if not report.changed:
        return [paragraph("None.")]
    ordered = sorted(report.changed, key=lambda sample: -sample.margin)
    rows = [[s.index, s.trained, s.spiking, round(s.margin, 3), round(s.error, 3)] for s in ordered[:LISTED]]
    few = (
        ""
        if len(ordered) <= LISTED
        else f" The {LISTED} of the {len(ordered):,} that the trained network was surest of."
    )
    words = (
        "Margin: how far the trained network's answer led, and error: RMS difference of the logits, both in standard "
        f"deviations of the logits. A small margin is a sample that the trained network nearly tied itself.{few}"
    )
    return [table(["sample", "trained", "spiking", "margin", "error"], rows, sortable=True), paragraph(words)]
