"""What is tried where nothing was asked for: rules for θ, what is fitted with each, readouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy.typing as npt

from spikeport.conversion.calibrating.asked import Asked
from spikeport.conversion.calibrating.fit import Fit
from spikeport.conversion.thresholds.rules import Thetas, are_equal

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

RIDGES: Final = (0.03, 0.3)
"""λ of a readout that is fitted; the one is kept that is better on samples that it was not fitted to."""

WEIGHTS: Final = 0.03
"""λ of the regression of hidden layers' weights, where it is tried."""

RUNGS: Final = 7
"""Rungs of a ladder that are tried, as a rule."""

FITTED_FURTHER: Final = 2
"""Rules that are fitted further."""


class Ways(NamedTuple):
    """What is tried.

    Attributes
    ----------
    rules : θ of each rule, by its name
    ladder : θ of rules of one kind, in an order along which the error falls, then rises; it is climbed from `START`
    fits : what each rule is tried with; the first rule with the first of them is the plainest way
    further : what the best rules are tried with, too
    ridges : λ of a readout that is fitted, None for the trained one
    """

    rules: Mapping[str, Thetas]
    ladder: Mapping[str, Thetas] = MappingProxyType({})
    fits: Sequence[Fit] = (Fit(), Fit(biases=True))
    further: Sequence[Fit] = ()
    ridges: Sequence[float | None] = (None,)

    @property
    def networks(self) -> int:
        """About how many networks are made."""
        return len(self.fits) * (len(self.rules) + min(len(self.ladder), RUNGS)) + FITTED_FURTHER * len(self.further)

    def thetas(self, rule: str) -> Thetas:
        """Return θ by the rule of this name."""
        return self.rules[rule] if rule in self.rules else self.ladder[rule]


def ways_of(
    network: ReadNetwork,
    rules: Mapping[str, Thetas],
    shares: Mapping[str, Thetas],
    asked: Asked,
    chooses: bool,
    delay: int = 0,
) -> Ways:
    """Return what is tried: of what was not asked for both ways, if it ``chooses``, else nothing more.

    Parameters
    ----------
    network : what was read
    rules : θ of each rule that is tried whatever it says
    shares : of the percentile: those are climbed along that no rule has already
    delay : steps at the start that will not be read
    """
    ladder = {name: own for name, own in shares.items() if not any(are_equal(own, known) for known in rules.values())}
    fits = [Fit(biases=biases) for biases in _either(asked.biases, chooses, (False,), (True,))]
    ridges = _either(asked.readout, chooses, (None,), RIDGES)
    is_deep = sum(node.activation is not None for node in network.nodes) > 1
    if not (chooses and is_deep) or asked.biases is False:
        return Ways(rules, ladder, fits, (), ridges)
    weights = [None] if asked.readout is False else [None, WEIGHTS]
    starts = not delay  # what a late start saves in the first steps is lost there, and is not read then
    further = [Fit(biases=True, starts=starts, weights=one) for one in weights if starts or one is not None]
    if further and ladder and asked.per_channel:
        further.append(further[-1]._replace(thresholds=True))
    return Ways(rules, ladder, fits, further, ridges)


def _either(asked: bool | None, chooses: bool, without: tuple[Any, ...], with_it: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what is tried: both where that is to be chosen, else what was asked for, or nothing."""
    if asked is None:
        return (*without, *with_it) if chooses else without
    return with_it if asked else without
