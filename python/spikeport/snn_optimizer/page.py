"""The report of an optimisation as one HTML page."""

from __future__ import annotations

from spikeport.report import Html, Page, badge, columns, figure, network, paragraph, svg, table, tiles
from spikeport.report.plots import lines, scatter
from spikeport.snn_optimizer.budget import Point
from spikeport.snn_optimizer.cost import BYTES, Cost
from spikeport.snn_optimizer.outcome import Outcome, PassResult


def report_page(outcome: Outcome, name: str = "a spiking network") -> Page:
    """Return the page: what was saved, what each pass did and how sure that is, the replay, and the front of a
    search; ``name`` is the network's."""
    page = Page(f"Optimisation of {name}", "what every pass saved, and what it did to the answer")
    page.section(
        "Result", tiles(_headline(outcome)), badge(outcome.certificate.level), paragraph(outcome.certificate.reason)
    )
    if outcome.outlines is not None:
        before, after = outcome.outlines
        drawn = [network(*before, "The network before", "Before."), network(*after, "The network after", "After.")]
        page.section("Network", *([columns(*drawn)] if before != after else drawn[1:]))
    page.section("Passes", *_passes(outcome))
    if outcome.verification is not None:
        verdict = badge("pass", "same spikes") if outcome.verification.identical else badge("warning", "spikes differ")
        page.section("Verification", verdict, paragraph(str(outcome.verification)))
    if outcome.front:
        page.section("Front", paragraph(_FRONT), figure(_front_plot(outcome.front)), _front_table(outcome.front))
    return page


_FRONT = (
    "Every setting that the search tried, with its accuracy on the data that judged it. The search makes the product "
    "of numbers that are not zero, bytes and synaptic operations as small as the accuracy allows: of the next settings "
    "it takes the one that saves most of it, as a share, for the accuracy it loses. Efficient settings are those that "
    "no other beats in accuracy, stored numbers, bytes and operations at once."
)


def _headline(outcome: Outcome) -> dict[str, object]:
    found: dict[str, object] = {"neurons": f"{outcome.neurons_before:,} → {outcome.neurons_after:,}"}
    before, after = outcome.before, outcome.after
    if before is not None and after is not None:
        found["stored numbers"] = f"{before.parameters:,} → {after.parameters:,}"
        found["not zero"] = f"{before.nonzero:,} → {after.nonzero:,}"
        found["bytes"] = f"{before.bytes:,} → {after.bytes:,}"
        if before.synaptic_operations and after.synaptic_operations is not None:
            found["synaptic operations"] = f"{before.synaptic_operations:,.0f} → {after.synaptic_operations:,.0f}"
    if outcome.accuracy_before is not None and outcome.accuracy_after is not None:
        found["accuracy"] = f"{outcome.accuracy_before:.2%} → {outcome.accuracy_after:.2%}"
    return found


def _passes(outcome: Outcome) -> list[Html]:
    headers = ["pass", "neurons", "not zero", "bytes", "synaptic operations", "accuracy", "certificate"]
    rows: list[list[object]] = []
    if outcome.before is not None:
        rows.append(["(before)", *_cells(outcome.before), _percent(outcome.accuracy_before), ""])
    changed = [result for result in outcome.pass_results if result.changed]
    for result in changed:
        level = badge(result.certificate.level)
        rows.append([_name(result), *_cells(result.after), _percent(result.accuracy), level])
    reasons = [[_name(result), badge(result.certificate.level), result.certificate.reason] for result in changed]
    idle = [result.name for result in outcome.pass_results if not result.changed]
    parts = [table(headers, rows), paragraph(f"Bytes are those {BYTES.removeprefix('bytes ')}.")]
    if outcome.measured_on:
        parts.append(paragraph(f"Each pass is compared with the network before it, on {outcome.measured_on}."))
    if reasons:
        parts += [*_passes_plot(outcome), table(["pass", "certificate", "why"], reasons)]
    if idle:
        parts.append(paragraph(f"Found nothing to do: {', '.join(idle)}."))
    return parts


def _name(result: PassResult) -> str:
    options = ", ".join(f"{key}={value}" for key, value in result.options.items())
    return f"{result.name} ({options})" if options else result.name


def _cells(cost: Cost | None) -> list[object]:
    if cost is None:
        return [None] * 4
    operations = None if cost.synaptic_operations is None else round(cost.synaptic_operations)
    return [cost.neurons, cost.nonzero, cost.bytes, operations]


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.2%}"


def _passes_plot(outcome: Outcome) -> list[Html]:
    after = [result.after for result in outcome.pass_results if result.changed]
    costs = [cost for cost in (outcome.before, *after) if cost is not None]
    if len(costs) < 2:
        return []
    first = costs[0]
    series: dict[str, list[float]] = {"not zero": [c.nonzero / max(first.nonzero, 1) for c in costs]}
    series["bytes"] = [c.bytes / max(first.bytes, 1) for c in costs]
    if first.synaptic_operations:
        series["synaptic operations"] = [(c.synaptic_operations or 0) / first.synaptic_operations for c in costs]
    drawn = lines(dict(series), "passes that changed something", "share of the original", markers=True)
    return [figure(svg(drawn), "What is left after each pass, in the order of the table.")]


def _front_plot(points: list[Point]) -> Html:
    kinds = {
        "tried": [p for p in points if not p.efficient and not p.taken],
        "efficient": [p for p in points if p.efficient and not p.taken],
        "taken": [p for p in points if p.taken],
    }
    series = {
        kind: ([p.cost.synaptic_operations or 0 for p in chosen], [p.accuracy for p in chosen])
        for kind, chosen in kinds.items()
        if chosen
    }
    return svg(scatter(dict(series), "synaptic operations per inference", "accuracy", log_x=True))


def _front_table(points: list[Point]) -> Html:
    headers = [
        "neurons kept",
        "sparsity",
        "bits",
        "accuracy",
        "neurons",
        "not zero",
        "bytes",
        "synaptic operations",
        "",
    ]
    rows = [
        [
            f"{p.keep:.0%}",
            f"{p.sparsity:.0%}",
            p.bits or "float",
            _percent(p.accuracy),
            *_cells(p.cost),
            badge("pass", "taken") if p.taken else "efficient" if p.efficient else "",
        ]
        for p in sorted(points, key=lambda p: p.cost.synaptic_operations or 0)
    ]
    return table(headers, rows, sortable=True)
