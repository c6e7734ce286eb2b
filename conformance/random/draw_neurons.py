"""Calls of the kernels of neurons, and of ``qcfs``."""

from __future__ import annotations

import numpy as np

from conformance.random import integers
from conformance.random.parameters import (
    INTEGRATE_FIRE,
    NOT_FINITE,
    ST_BIF,
    Arguments,
    parameters,
    spoil_parameter,
)
from conformance.random.values import TAME, Draw


def if_multistep(draw: Draw) -> Arguments:
    """Return the arguments of one call."""
    return _steps(draw, INTEGRATE_FIRE)


def st_bif_multistep(draw: Draw) -> Arguments:
    """Return the arguments of one call."""
    return _steps(draw, ST_BIF)


def _steps(draw: Draw, names: tuple[str, ...]) -> Arguments:
    T, N = draw.size(9), draw.size(5)
    if draw.chance(integers.SHARE):
        return {"shape": [T, N], **integers.neurons(draw, "currents", names, T, N)}
    given = parameters(draw, names, N)
    made = {**draw.dtype(), "shape": [T, N], "currents": _currents(draw, T * N, given), **given}
    if draw.chance(0.15):
        _spoil(draw, made, "currents", names, N)
    return made


def if_constant(draw: Draw) -> Arguments:
    """Return the arguments of one call."""
    N = draw.size(5)
    if draw.chance(integers.SHARE):
        T = draw.size(20)
        return {"timesteps": T, **integers.neurons(draw, "current", INTEGRATE_FIRE, T, N)}
    given = parameters(draw, INTEGRATE_FIRE, N)
    made = {**draw.dtype(), "timesteps": draw.size(20), "current": _currents(draw, N, given), **given}
    if draw.chance(0.15):
        if draw.chance(0.2):
            made |= {"timesteps": draw.pick([-1, -2, -(2**31)]), "current": draw.numbers(N, "dyadic")}
        else:
            _spoil(draw, made, "current", INTEGRATE_FIRE, N)
    return made


def qcfs(draw: Draw) -> Arguments:
    """Return the arguments of one call."""
    N = draw.size(6)
    T = draw.pick([1, 2, 3, 4, 7, 8, 16, 33, 1000, 2**24 + 1, 2**31 - 1])
    given = {"threshold": v} if (v := parameters(draw, ("threshold",), N).get("threshold")) is not None else {}
    x = draw.numbers(N)
    if draw.chance(0.4):  # where a level begins: ((k + 1/2)·θ)/T, and one ulp off
        θ = np.broadcast_to(given.get("threshold", 1.0), N)
        x = draw.nudged((draw.rng.integers(-1, T + 2, N) - 0.5) * θ / T).tolist()
    made = {**draw.dtype(), "x": x, "timesteps": T, **given}
    if draw.chance(0.15):
        if draw.chance(0.2):
            made |= {"timesteps": draw.pick([0, -1]), "x": draw.numbers(N, "dyadic")}
        else:
            _spoil(draw, made, "x", ("threshold",), N)
    return made


def _currents(draw: Draw, n: int, given: Arguments) -> list[float]:
    """Return currents, often those that bring a membrane to its threshold or one ulp beside it."""
    if not draw.chance(0.4):
        return draw.numbers(n)
    θ = np.min(given.get("threshold", 1.0))
    steps = draw.rng.choice([1 - np.min(given.get("v_init", 0.5)), 0.0, 0.5, 1.0, -0.5, 0.25], n)
    return list(draw.nudged(θ * steps).tolist())


def _spoil(draw: Draw, made: Arguments, key: str, names: tuple[str, ...], n: int) -> None:
    """Put one fault in: a number that is not finite, a parameter that is refused, or a length that does not fit."""
    made[key] = draw.numbers(len(made[key]), draw.styled(TAME))
    if made[key] and draw.chance(0.3):
        made[key][draw.whole(0, len(made[key]) - 1)] = draw.pick(NOT_FINITE)
    elif "shape" in made and draw.chance(0.2):
        made[key] = [*made[key], 0.5] if draw.chance(0.5) or not made[key] else made[key][:-1]
    else:
        spoil_parameter(draw, made, names, n)
