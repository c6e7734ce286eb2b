"""`thresholds="auto"`: every way to convert is fitted on some samples, and the best on others is kept.

No rule for θ wins at every number of steps, and what rounds best is not what spikes best: with depth, the unevenness of
spikes outweighs rounding. So candidates are judged on the network as it spikes, by the error of its outputs, and what a
network without any fit would give is always among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy.typing as npt

from spikeport.conversion.balance import balanced
from spikeport.conversion.calibrating.candidates import VALUES, Candidate, Trial, widest
from spikeport.conversion.calibrating.sample import told
from spikeport.conversion.calibration import evenly, parted
from spikeport.graph.effort import additions

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]
Thetas = dict[str, Array]

WORK: Final = 5e11
"""Additions that fitting and judging may take; a network for which all samples take more is judged in two rounds."""

WORTH: Final = 0.98
"""Share of the plainest candidate's error that another has to stay below, to take its place."""

ROUNDING: Final = 1e-5
"""Errors below this are rounding, and no worse than each other."""

FEWEST: Final = 24
"""Samples that are fitted to and judged on, whatever it takes."""


def chosen(
    network: ReadNetwork,
    rules: Mapping[str, Thetas],
    samples: Array,
    timesteps: int,
    *,
    max_spikes: int = 1,
    biases: Sequence[bool] = (False, True),
    ridges: Sequence[float | None] = (None,),
    advance: Callable[[int], None] = lambda count: None,
) -> tuple[list[Candidate], Array]:
    """Return the candidates, best first, and the samples that the best one was judged on.

    Where the work allows it every candidate is fitted on the same samples. Otherwise all are on few, and the best of
    them and the first one, the plainest, once more on many; the others follow with what they came to on few.

    Parameters
    ----------
    network : what was read
    rules : θ of each rule, by its name; the first one with the first of ``biases`` and ``ridges`` is the plainest
    samples : (n, …), as the network takes them
    timesteps, max_spikes : what is converted for
    biases : whether to calibrate them, each way that is tried
    ridges : λ of a readout that is fitted, None for the trained one, each way that is tried
    advance : is told of each network that has been fitted
    """
    graph, _ = balanced(network, next(iter(rules.values())))
    most = max(FEWEST, VALUES // (timesteps * widest(graph)))
    each, trials = timesteps * max(1, additions(graph)), [(rule, own) for rule in rules for own in biases]

    def tried(places: Sequence[tuple[str, bool]], count: int) -> tuple[list[Candidate], Array]:
        fitted, judged = parted(evenly(samples, min(count, most)))
        trial = Trial(network, told(network, fitted), told(network, judged), timesteps, max_spikes)
        found: list[Candidate] = []
        for rule, own in places:
            found += trial.candidates(rule, rules[rule], own, ridges)
            advance(1)
        return ranked(found), judged

    affordable = int(WORK / (each * len(trials)))
    if affordable >= len(samples) or len(trials) <= 2:
        return tried(trials, max(FEWEST, affordable))
    first, _ = tried(trials, max(FEWEST, affordable // 2))
    finalists = list(dict.fromkeys([trials[0], (first[0].rule, first[0].biases)]))
    last, judged = tried(finalists, max(FEWEST, int(WORK / (2 * each * len(finalists)))))
    return last + [one for one in first if (one.rule, one.biases) not in finalists], judged


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates by their error, the smallest first; but the first given, the plainest, where it is as good."""
    plainest, in_order = candidates[0], sorted(candidates, key=lambda one: one.error)
    if plainest.error <= max(ROUNDING, in_order[0].error / WORTH):
        return [plainest, *(one for one in in_order if one is not plainest)]
    return in_order
