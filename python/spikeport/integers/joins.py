"""One step for signals that are added, or that neurons without weights read.

The sum of a channel needs one scale for all that it adds. What can be scaled freely, weights that this sum alone reads,
follows; anything else (spikes, pools, other sums) is multiplied by a whole number, in a node that is put before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.integers.budget import Budget, within
from spikeport.integers.neurons import height, thresholds_below, thresholds_near
from spikeport.integers.rows import Rows
from spikeport.integers.signals import Carried
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]

TRIED: Final = 64
"""Scales that are tried below the largest one: some of them multiply what is fixed by nearly whole numbers."""

LEAST: Final = 0.6
"""Share of the largest scale below which none is tried: it would cost a bit."""


class Joint(NamedTuple):
    """What signals are brought to: scale (units,), whole thresholds or None, and a whole factor for each fixed one."""

    scale: Array
    thresholds: Array | None
    factors: list[Array]

    def shift(self, fixed: Sequence[Carried]) -> Array:
        """Return how far what is multiplied may be from what it should be, for each unit: real units."""
        off = [
            np.abs(factor / self.scale - source.step) * source.most
            for factor, source in zip(self.factors, fixed, strict=True)
        ]
        return np.asarray(sum(off, np.zeros(len(self.scale))))

    def mismatch(self, fixed: Sequence[Carried]) -> Array:
        """Return the largest relative error of a factor, for each unit."""
        off = [_off(factor, self.scale * source.step) for factor, source in zip(self.factors, fixed, strict=True)]
        return np.asarray(np.maximum.reduce([np.zeros(len(self.scale)), *off]))


def stages(factor: Array, budget: Budget) -> list[Array]:
    """Return whole factors, each no larger than a weight may be, that multiply to ``factor``: one, or two."""
    if factor.max() <= budget.largest_weight:
        return [factor]
    second = _second(factor, budget)
    return [factor // second, second]


def _second(factor: Array, budget: Budget) -> Array:
    return np.asarray(np.ceil(factor / budget.largest_weight).astype(np.int64))


def _whole(factor: Array, budget: Budget) -> Array:
    """Return the nearest whole factors that are products of two weights."""
    second = _second(factor, budget)
    return np.asarray(np.rint(factor / np.maximum(second, 1)).astype(np.int64) * second)


def joint(
    free: Sequence[Rows], fixed: Sequence[Carried], neuron: Neuron, budget: Budget, limit: Array, common: bool
) -> Joint | None:
    """Return the joint scale, up to ``limit``, of all that a sum reads; None where none is fine enough.

    What is fixed is multiplied once, or twice where no factor that a weight can hold is large enough: the finer scales
    that two would allow gain less than they cost. ``common`` asks for one scale for all units, as the output wants it.
    """
    once = _joint(free, fixed, neuron, budget, limit, common, 1)
    return once if once is not None or not fixed else _joint(free, fixed, neuron, budget, limit, common, 2)


def _joint(
    free: Sequence[Rows],
    fixed: Sequence[Carried],
    neuron: Neuron,
    budget: Budget,
    limit: Array,
    common: bool,
    times: int,
) -> Joint | None:
    units = len(free[0].bias) if free else len(fixed[0].step)
    as_is = None if free else _as_it_is(fixed, neuron, common)
    if as_is is not None and (as_is.scale <= limit).all():
        return as_is
    limits = [rows.scale(budget) for rows in free]
    limits += [budget.largest_weight**times / source.step for source in fixed]
    reach = sum((rows.reach for rows in free), sum((source.step * source.most for source in fixed), np.zeros(units)))
    limit = np.minimum(limit, within(budget, reach, height(neuron, units), np.minimum.reduce(limits)))
    if common:
        limit = np.full(units, limit.min())
    best: Joint | None = None
    for share in np.linspace(1, LEAST, TRIED if fixed else 1):
        found = _at(limit * share, fixed, neuron, budget, common)
        if found is None:
            continue
        best = found if best is None else _better(best, found, fixed, common)
    return best


def _as_it_is(fixed: Sequence[Carried], neuron: Neuron, common: bool) -> Joint | None:
    """Return the joint scale where everything has one already, and thresholds and starts are whole with it."""
    step = fixed[0].step
    if any((source.step != step).any() for source in fixed) or (common and (step != step[0]).any()):
        return None
    ones, scale = [np.ones(len(step), np.int64)] * len(fixed), 1 / step
    if not neuron.is_spiking:
        return Joint(scale, None, ones)
    θ = thresholds_near(neuron, scale)
    return Joint(scale, θ, ones) if (_off(θ, scale * neuron.threshold) <= 1e-12).all() else None


def _at(scale: Array, fixed: Sequence[Carried], neuron: Neuron, budget: Budget, common: bool) -> Joint | None:
    θ = None
    if neuron.is_spiking and common:
        θ = thresholds_near(neuron, scale)
    elif neuron.is_spiking:
        θ = thresholds_below(neuron, scale)
        if not θ.all():
            return None
        scale = θ / neuron.threshold
    elif fixed and not common:
        first = min(fixed, key=lambda source: float(source.step.min()))
        scale = np.floor(scale * first.step) / first.step
    factors = [_whole(scale * source.step, budget) for source in fixed]
    return Joint(scale, θ, factors) if all(factor.all() for factor in factors) else None


def _better(one: Joint, other: Joint, fixed: Sequence[Carried], common: bool) -> Joint:
    """Return the joint scale with the smaller error, unit by unit where each has its own."""
    errors = one.mismatch(fixed), other.mismatch(fixed)
    if common:
        return other if errors[1].max() < errors[0].max() else one
    take = errors[1] < errors[0]
    θ = None if one.thresholds is None or other.thresholds is None else np.where(take, other.thresholds, one.thresholds)
    factors = [np.where(take, b, a) for a, b in zip(one.factors, other.factors, strict=True)]
    return Joint(np.where(take, other.scale, one.scale), θ, factors)


def _off(whole: Array, real: Array) -> Array:
    return np.asarray(np.abs(whole / real - 1))
