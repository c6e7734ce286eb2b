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
from spikeport.conversion.thresholds.by_data import by_data
from spikeport.conversion.thresholds.distribution import Outputs, Theta
from spikeport.conversion.thresholds.network import channels_of, has_free_theta, thetas_of
from spikeport.conversion.thresholds.percentile import by_percentile
from spikeport.errors import ConversionError
from spikeport.graph import SNNGraph
from spikeport.report.progress import bar

if TYPE_CHECKING:
    from spikeport.conversion.calibrating.candidates import Candidate
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

PERCENTILES: Final = (99.9, 99.0, 95.0)
"""Those that are tried where none was asked for."""

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
    """

    graph: SNNGraph
    scales: list[Scale]
    silent: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    chosen: str = ""
    judged: Array | None = None


def untold(network: ReadNetwork, asked: Asked) -> Made:
    """Return the spiking network without calibration data: every θ that is not known is 1."""
    thetas, silent = thetas_of(network, None, asked.percentile)
    return Made(*balanced(network, thetas, asked.max_spikes), silent)


def spiking(
    network: ReadNetwork, values: Mapping[str, Outputs], seen: Seen, asked: Asked, progress: bool = False
) -> Made:
    """Return the spiking network for what each node put out, ``values``, on the samples ``seen``."""
    plain, silent = thetas_of(network, values, asked.percentile)
    details = {"silent_layers": silent} if silent else {}
    own = asked.rule == "auto" and seen.count >= FEWEST and _has_hidden_neurons(network)
    usual = f"percentile {asked.percentile:g}"
    names = _all() if own else [usual if asked.rule in ("auto", "percentile") else asked.rule]
    if not any(has_free_theta(network, node) for node in network.nodes):
        names = ["as learnt"]
    rules = {name: thetas_by(network, values, seen, asked, name, plain) for name in names}
    if not (own or asked.biases or asked.readout):
        (name,) = rules
        share = {"percentile": asked.percentile} if name in (usual, "as learnt") else {}
        return Made(*balanced(network, rules[name], asked.max_spikes), silent, {**share, "thresholds": name, **details})

    if seen.count < JUDGED:
        few = f"{seen.count} calibration samples are too few to fit to: give at least {JUDGED}, better a few hundred"
        raise ConversionError("calibration_empty", few)

    from spikeport.conversion.calibrating.choosing import chosen
    from spikeport.conversion.calibrating.readout import place_of

    if asked.readout and place_of(network) is None:
        raise ConversionError(
            "calibration",
            f"the outputs of {network.output.name} are neither sums with weights of their own nor averages of such "
            "sums, so that there is nothing to fit: leave readout_calibration off",
        )
    samples = seen.evenly(KEPT)
    ways = ways_of(network, rules, asked, own, parted(samples)[0], plain)
    with bar("choosing", None, shown=progress) as advance:
        how = {"max_spikes": asked.max_spikes, "delay": asked.delay}
        ranking, judged = chosen(network, ways, samples, asked.timesteps, **how, advance=advance)
    best = ranking[0]
    found = {**best.described, "runners_up": [candidate.described for candidate in ranking[1:]]}
    return Made(best.graph, best.scales, silent, {**found, **details}, _sentence(ranking), judged)


def _has_hidden_neurons(network: ReadNetwork) -> bool:
    return any(node.activation and not (node is network.output and node.is_weighted) for node in network.nodes)


def _all() -> list[str]:
    return [*(f"percentile {share:g}" for share in PERCENTILES), "data", "balanced"]


def thetas_by(
    network: ReadNetwork, values: Mapping[str, Outputs], seen: Seen, asked: Asked, name: str, plain: dict[str, Array]
) -> dict[str, Array]:
    """Return θ of every node by the rule ``name``; ``plain`` are those by the percentile."""
    if name == "as learnt":
        return plain
    if name == "balanced":
        from spikeport.conversion.thresholds.balanced import locally_balanced

        free = [node for node in network.nodes if has_free_theta(network, node)]
        channels = {node.name: channels_of(network, node, asked.per_channel) for node in free}
        return {**plain, **locally_balanced(network, seen.evenly(KEPT), channels)}
    rule: Theta = (
        by_data(asked.timesteps * asked.max_spikes) if name == "data" else by_percentile(float(name.split()[1]))
    )
    return thetas_of(network, values, asked.percentile, rule)[0]


def _sentence(ranking: list[Candidate]) -> str:
    best = ranking[0]
    named = f"; thresholds: {_words(best)}"
    if len(ranking) < 2:
        return f"{named}, on samples that nothing was fitted to"
    second = ranking[1]
    return (
        f"{named}: the best of {len(ranking)} ways on samples that nothing was fitted to (error {best.error:.3g}; next "
        f"{_words(second)}: {second.error:.3g})"
    )


def _words(candidate: Candidate) -> str:
    said = candidate.described
    weights = "" if candidate.fit.weights is None else f"weights {said['weights']}, "
    return f"{said['thresholds']}, biases {said['biases']}, {weights}readout {said['readout']}"
