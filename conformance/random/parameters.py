"""What neurons are given: a line for each parameter, with good values and with those that are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from conformance.random.values import Draw

Arguments = dict[str, Any]
NOT_FINITE = [math.nan, math.inf, -math.inf]
LARGEST = 2**31 - 1


class Parameter(NamedTuple):
    """A parameter of a neuron: how often it is given, one good value of it, and values that are refused."""

    share: float
    good: Callable[[Draw, float], float | int]
    """Called with the threshold that stands beside it."""
    refused: list[Any]
    per_neuron: bool = True


def _threshold(draw: Draw, _: float) -> float:
    return draw.pick([0.25, 0.5, 1.0, 1.0, 1.5, 2.0, 3.0, 0.1, 1 / 3, float(draw.rng.random()) + 0.05])


def _reset(draw: Draw, threshold: float) -> float:
    return threshold * draw.pick([0.0, -0.0, 0.5, -0.5, -1.0, 0.25, 1 - 2.0**-20])


def _start(draw: Draw, _: float) -> float:
    return draw.pick([0.0, -0.0, 0.5, 0.5, 1.0, -1.0, 0.75, 0.3, 2.0, 1 - 2.0**-53, 5e-324])


def _beta(draw: Draw, _: float) -> float:
    return draw.pick([0.0, -0.0, 1.0, 0.5, 0.9, 1 - 2.0**-24, 5e-324, float(draw.rng.random())])


def _lower(draw: Draw, _: float) -> int:
    return draw.pick([0, 0, -1, -2, -8, -LARGEST])


def _upper(draw: Draw, _: float) -> int:
    return draw.pick([0, 1, 2, 7, 31, LARGEST])


def _several(draw: Draw, _: float) -> int:
    return draw.pick([1, 2, 3, 15, 127])


PARAMETERS: dict[str, Parameter] = {
    "threshold": Parameter(0.7, _threshold, [0.0, -0.0, -1.0, -5e-324, *NOT_FINITE]),
    "v_init": Parameter(0.6, _start, NOT_FINITE),
    "v_reset": Parameter(0.4, _reset, NOT_FINITE),
    "beta": Parameter(0.5, _beta, [-0.25, 1.5, -5e-324, 1 + 2.0**-23, *NOT_FINITE]),
    "tracer_min": Parameter(0.5, _lower, [1, LARGEST], per_neuron=False),
    "tracer_max": Parameter(0.5, _upper, [-1, -LARGEST], per_neuron=False),
    "max_spikes": Parameter(0.3, _several, [0, -1, 128, LARGEST], per_neuron=False),
}
INTEGRATE_FIRE = ("threshold", "v_init", "v_reset", "beta", "max_spikes")
ST_BIF = ("threshold", "v_init", "tracer_min", "tracer_max")
OF_KIND = {
    "IF": ("threshold", "v_init", "v_reset", "max_spikes"),
    "LIF": ("threshold", "v_init", "v_reset", "beta"),
    "ST-BIF": ST_BIF,
    "identity": (),
}


def parameters(draw: Draw, names: tuple[str, ...], n: int) -> Arguments:
    """Return some of these parameters, each one number or one for each of the n neurons."""
    given: Arguments = {}
    thresholds = [1.0] * n
    lowest = 1.0
    for name in names:
        kind = PARAMETERS[name]
        if not draw.chance(kind.share):
            continue
        if kind.per_neuron and n and draw.chance(0.35):
            given[name] = [float(kind.good(draw, thresholds[k])) for k in range(n)]
        else:
            given[name] = kind.good(draw, lowest)
        if name == "threshold":
            thresholds = given[name] if isinstance(given[name], list) else [given[name]] * n
            lowest = min(thresholds, default=1.0)
    if given.get("max_spikes", 1) > 1:  # under soft reset and without a leak only
        given = {name: value for name, value in given.items() if name not in ("v_reset", "beta")}
    return given


def spoil_parameter(draw: Draw, given: Arguments, names: tuple[str, ...], n: int) -> None:
    """Put one value that is refused among the parameters."""
    name = draw.pick(names)
    if name in ("v_reset", "beta"):
        given.pop("max_spikes", None)  # above 1 it would be a second fault
    if name == "threshold":
        given.pop("v_reset", None)  # a threshold below it would be a second fault
    bad = draw.pick(PARAMETERS[name].refused)
    if name == "v_reset":
        given.pop("threshold", None)
        given[name] = 0.0
        bad = draw.pick([bad, 1.0, 1.5, 2.0])
    if not PARAMETERS[name].per_neuron:
        given[name] = bad
    elif draw.chance(0.2):
        given[name] = [0.5] * (n + 2)
    elif n and draw.chance(0.4):
        before = given.get(name, PARAMETERS[name].good(draw, 1.0))
        given[name] = list(before) if isinstance(before, list) else [before] * n
        given[name][draw.whole(0, n - 1)] = float(bad)
    else:
        given[name] = float(bad)
