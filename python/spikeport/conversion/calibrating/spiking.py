"""From a network that was read and what was seen of it to a spiking network, in the way that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy.typing as npt

from spikeport.conversion.balance import balanced
from spikeport.conversion.calibrating.asked import Asked
from spikeport.conversion.calibrating.ways import ways_of
from spikeport.conversion.calibration import JUDGED, KEPT, Seen, parted
from spikeport.conversion.parts import Scale
from spikeport.conversion.thresholds.distribution import Outputs
from spikeport.conversion.thresholds.network import has_free_theta, thetas_of
from spikeport.conversion.thresholds.rules import EVERY, Rules
from spikeport.errors import ConversionError
from spikeport.graph import SNNGraph
from spikeport.report.progress import bar

if TYPE_CHECKING:
    from spikeport.conversion.calibrating.candidates import Candidate
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

FEWEST: Final = 100
"""Samples below which nothing is chosen or fitted by itself: the usual percentile is taken."""


@dataclass(frozen=True)
class Made:
    """A spiking network, what a rate of 1 stands for in each layer, and what there is to say.

    Attributes
    ----------
    graph, scales : the network and its units
    silent : names of layers that were never active
    details : for the certificate
    chosen : the same in a sentence, or ""
    judged : samples that nothing was fitted to, or None where nothing was fitted at all
    delay : steps at the start that are not read
    before : graph and scales of the same way before it was fitted to those samples, too; None where it was not
    """

    graph: SNNGraph
    scales: list[Scale]
    silent: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    chosen: str = ""
    judged: Array | None = None
    before: tuple[SNNGraph, list[Scale]] | None = None
    delay: int = 0


def untold(network: ReadNetwork, asked: Asked) -> Made:
    """Return the spiking network without calibration data: every θ that is not known is 1."""
    thetas, silent = thetas_of(network, None, asked.percentile)
    return Made(*balanced(network, thetas, asked.max_spikes), silent, delay=asked.delay or 0)


def spiking(
    network: ReadNetwork, values: Mapping[str, Outputs], seen: Seen, asked: Asked, progress: bool = False
) -> Made:
    """Return the spiking network for what each node put out, ``values``, on the samples ``seen``."""
    silent = thetas_of(network, values, asked.percentile)[1]
    details = {"silent_layers": silent} if silent else {}
    own = asked.rule == "auto" and seen.count >= FEWEST and _has_hidden_neurons(network)
    usual = f"percentile {asked.percentile:g}"
    names = [*EVERY] if own else [usual if asked.rule in ("auto", "percentile") else asked.rule]
    if not any(has_free_theta(network, node) for node in network.nodes):
        names = ["as learnt"]
    whole = rules_of(network, values, seen, asked)
    if not (own or asked.biases or asked.readout):
        (name,) = names
        share = {"percentile": asked.percentile} if name in (usual, "as learnt") else {}
        plain = balanced(network, whole.thetas(name), asked.max_spikes)
        return Made(*plain, silent, {**share, "thresholds": name, **details}, delay=asked.delay or 0)

    if seen.count < JUDGED:
        few = f"{seen.count} calibration samples are too few to fit to: give at least {JUDGED}, better a few hundred"
        raise ConversionError("calibration_empty", few)

    from spikeport.conversion.calibrating.choosing import chosen, together
    from spikeport.conversion.calibrating.readout import place_of

    if asked.readout and place_of(network) is None:
        raise ConversionError(
            "calibration",
            f"the outputs of {network.output.name} are neither sums with weights of their own nor averages of such "
            "sums, so that there is nothing to fit: leave readout_calibration off",
        )
    samples = seen.evenly(KEPT)
    learnt = names == ["as learnt"]
    some = whole.seeing(parted(samples)[0]) if own and not learnt else whole
    shares = some.shares() if own and not learnt else {}
    rules = {name: some.thetas(name) for name in names}
    with bar("choosing", None, shown=progress) as advance:
        how: dict[str, Any] = {"max_spikes": asked.max_spikes, "advance": advance}
        how["again"] = None if some is whole else whole.thetas
        tried = [(delay, ways_of(network, rules, shares, asked, own, delay)) for delay in asked.delays]
        made = [chosen(network, ways, samples, asked.timesteps, delay=delay, **how) for delay, ways in tried]
        ranking, judged = together(made)
    best = ranking[0]
    found = {**best.described, "runners_up": [candidate.described for candidate in ranking[1:]]}
    before = None if best.before is None else (best.before.graph, best.before.scales)
    found["fitted_again"] = best.before is not None
    return Made(best.graph, best.scales, silent, {**found, **details}, _sentence(ranking), judged, before, best.delay)


def _has_hidden_neurons(network: ReadNetwork) -> bool:
    return any(node.activation and not (node is network.output and node.is_weighted) for node in network.nodes)


def rules_of(network: ReadNetwork, values: Mapping[str, Outputs], seen: Seen, asked: Asked) -> Rules:
    """Return the rules for thresholds on all that was seen."""
    levels = asked.timesteps * asked.max_spikes
    return Rules(network, values, lambda: seen.evenly(KEPT), asked.percentile, levels, asked.per_channel)


def _sentence(ranking: list[Candidate]) -> str:
    best = ranking[0]
    named = f"; thresholds: {_words(best)}"
    whole = "" if best.before is None else "; then it was fitted once more, to these samples, too"
    if len(ranking) < 2:
        return f"{named}, on samples that nothing was fitted to{whole}"
    second = ranking[1]
    return (
        f"{named}: the best of {len(ranking)} ways on samples that nothing was fitted to (error {best.error:.3g}; next "
        f"{_words(second)}: {second.error:.3g}){whole}"
    )


def _words(candidate: Candidate) -> str:
    said = candidate.described
    late = f", read after step {candidate.delay}" if candidate.delay else ""
    weights = "" if candidate.fit.weights is None else f"weights {said['weights']}, "
    return f"{said['thresholds']}, biases {said['biases']}, {weights}readout {said['readout']}{late}"
