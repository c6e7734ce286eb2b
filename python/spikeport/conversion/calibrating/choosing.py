"""`thresholds="auto"`: every way to convert is fitted on some samples, and the best on others is kept.

No rule for θ wins at every number of steps, and what rounds best is not what spikes best: with depth, the unevenness of
spikes outweighs rounding. So candidates are judged on the network as it spikes, by the error of its outputs, and what a
network without any fit would give is always among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.conversion.balance import balanced
from spikeport.conversion.calibrating.candidates import VALUES, Candidate, Trial, widest
from spikeport.conversion.calibrating.fit import Fit
from spikeport.conversion.calibrating.sample import told
from spikeport.conversion.calibrating.ways import FITTED_FURTHER, Ways
from spikeport.conversion.calibration import evenly, parted
from spikeport.conversion.thresholds.rules import Thetas
from spikeport.graph.effort import additions

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

WORK: Final = 2e12
"""Additions that fitting and judging may take; a network for which all samples take more is judged in two rounds."""

WORTH: Final = 0.98
"""Share of the plainest candidate's error that another has to stay below, to take its place."""

ROUNDING: Final = 1e-5
"""Errors below this are rounding, and no worse than each other."""

LOST: Final = 1.1
"""How much larger the error may become, on samples that were fitted to, where all others are fitted to as well."""

FEWEST: Final = 24
"""Samples that are fitted to and judged on, whatever it takes."""


def chosen(
    network: ReadNetwork,
    ways: Ways,
    samples: Array,
    timesteps: int,
    *,
    max_spikes: int = 1,
    delay: int = 0,
    again: Callable[[str], Thetas] | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> tuple[list[Candidate], Array]:
    """Return the candidates, best first, and the samples that the best one was judged on.

    Where the work allows it every candidate is fitted on the same samples. Otherwise all are on few, and the best of
    them, its rule with all that can be fitted, and the plainest, once more on many; the others follow with what they
    came to on few.

    Parameters
    ----------
    network : what was read
    ways : what is tried
    samples : (n, …), as the network takes them
    timesteps, max_spikes, delay : what is converted for
    again : gives θ by a rule from all samples: the best way is made once more with it, see `_Round.once_more`
    advance : is told of each network that has been fitted
    """
    graph, _ = balanced(network, next(iter(ways.rules.values())))
    most = max(FEWEST, VALUES // (timesteps * widest(graph)))
    each = timesteps * max(1, additions(graph))
    given = parted(samples)

    def a_round(count: int) -> _Round:
        few = min(count, most, len(samples))
        fitted, judged = (evenly(part, max(1, round(few * len(part) / len(samples)))) for part in given)
        trial = Trial(network, told(network, fitted), told(network, judged), timesteps, max_spikes, delay)
        return _Round(ways, trial, fitted, judged, advance)

    affordable = int(WORK / (each * ways.networks))
    if affordable >= len(samples) or ways.networks <= 2:
        first = a_round(max(FEWEST, affordable))
        return first.once_more(ranked(first.explored()), again), first.judged
    first = a_round(max(FEWEST, affordable // 2))
    found = ranked(first.explored())
    finalists = [first.plainest, found[0].way, *((found[0].rule, fit) for fit in ways.further[-1:])]
    finalists = list(dict.fromkeys(finalists))
    last = a_round(max(FEWEST, int(WORK / (2 * each * len(finalists)))))
    best = ranked([candidate for rule, fit in finalists for candidate in last.tried(rule, fit)])
    best = last.once_more(best, again)
    return best + [one for one in found if one.way not in finalists], last.judged


class _Round:
    """Candidates that are fitted on the same samples, and judged on the same."""

    def __init__(self, ways: Ways, trial: Trial, samples: Array, judged: Array, advance: Callable[[int], None]) -> None:
        self.ways, self.trial, self.samples, self.judged, self.advance = ways, trial, samples, judged, advance
        self.found: dict[tuple[str, Fit], list[Candidate]] = {}

    @property
    def plainest(self) -> tuple[str, Fit]:
        """The way without any fit, or with the least of what was asked for."""
        return next(iter(self.ways.rules)), self.ways.fits[0]

    def tried(self, rule: str, fit: Fit) -> list[Candidate]:
        """Return the candidates of one way, made once."""
        if (rule, fit) not in self.found:
            made = self.trial.candidates(rule, self.ways.thetas(rule), fit, self.ways.ridges)
            self.found[rule, fit] = list(made)
            self.advance(1)
        return self.found[rule, fit]

    def explored(self) -> list[Candidate]:
        """Try what there is: all rules, the ladder as far as it is worth it, the best two of both further fitted."""
        errors = {rule: self._error(rule) for rule in self.ways.rules}
        errors |= climbed(list(self.ways.ladder), self._error)
        for rule in sorted(errors, key=errors.__getitem__)[:FITTED_FURTHER]:
            for fit in self.ways.further:
                self.tried(rule, fit)
        return [candidate for candidates in self.found.values() for candidate in candidates]

    def once_more(self, ranking: list[Candidate], again: Callable[[str], Thetas] | None) -> list[Candidate]:
        """Return the ranking with the best way made once more, of all samples: those it was judged on, too.

        More samples tell more of the largest activations, and of what weights and biases have to make good for. Which
        way is best was seen on samples that nothing was fitted to; its error stays the one of then.
        """
        best, thetas = ranking[0], self.ways.thetas(ranking[0].rule)
        seen = told(self.trial.network, np.concatenate([self.samples, self.judged]))
        trial = replace(self.trial, fitted=seen)
        (made,) = trial.candidates(best.rule, thetas if again is None else again(best.rule), best.fit, [best.ridge])
        self.advance(1)
        before = replace(self.trial, judged=self.trial.fitted)  # what no fit should follow may be among the others
        loses = before.error_of(made) > max(ROUNDING, LOST * before.error_of(best))
        kept = made.error <= max(ROUNDING, best.error) and not loses
        return [replace(made, error=best.error, before=best) if kept else best, *ranking[1:]]

    def _error(self, rule: str) -> float:
        return min(candidate.error for fit in self.ways.fits for candidate in self.tried(rule, fit))


def climbed(ladder: Sequence[str], error: Callable[[str], float]) -> dict[str, float]:
    """Return the error of each rung that was tried: from the middle, on to better neighbours until there is none.

    The neighbours are two rungs away; those beside the best one are tried at the end.
    """
    found: dict[int, float] = {}

    def best_near(at: int, step: int) -> int:
        places = [place for place in (at, at - step, at + step) if 0 <= place < len(ladder)]
        found.update({place: error(ladder[place]) for place in places if place not in found})
        return min(places, key=found.__getitem__)

    at = len(ladder) // 2
    while ladder and (better := best_near(at, 2)) != at:
        at = better
    if ladder:
        best_near(at, 1)
    return {ladder[place]: value for place, value in sorted(found.items())}


def together(rankings: Sequence[tuple[list[Candidate], Array]]) -> tuple[list[Candidate], Array]:
    """Return one ranking of several, and what its best was judged on; the first one wins where it is as good."""
    best = rankings[0]
    for other in rankings[1:]:
        best = other if other[0][0].error < WORTH * best[0][0].error else best
    others = [candidate for ranking, _ in rankings if ranking is not best[0] for candidate in ranking]
    return [best[0][0], *sorted([*best[0][1:], *others], key=lambda one: one.error)], best[1]


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates by their error, the smallest first; but the first given, the plainest, where it is as good."""
    plainest, in_order = candidates[0], sorted(candidates, key=lambda one: one.error)
    if plainest.error <= max(ROUNDING, in_order[0].error / WORTH):
        return [plainest, *(one for one in in_order if one is not plainest)]
    return in_order
