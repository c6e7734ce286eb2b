"""Calls of ``operation.currents`` that are faulty: one fault each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from conformance.random.parameters import NOT_FINITE, Arguments
from conformance.random.values import TAME, Draw

POOLS = ("sum_pool", "avg_pool", "max_pool")
JOINS = ("add", "concat")


def spoil(draw: Draw, made: Arguments) -> None:
    """Put one fault in."""
    arrays = [key for key in made if key.startswith("inputs.") or key in ("weight", "bias")]
    for key in arrays:
        made[key] = draw.numbers(len(made[key]), draw.styled(TAME))
    faults = [fault for fault in FAULTS if fault.fits(made)]
    draw.pick(faults).put(draw, made)


class Fault(NamedTuple):
    """One thing that makes a call faulty, and for which calls."""

    fits: Callable[[Arguments], bool]
    put: Callable[[Draw, Arguments], Any]


def _windowed(made: Arguments) -> bool:
    return made["operation"] in ("conv", *POOLS)


def _entry(values: list[Any], draw: Draw, *bad: Any) -> None:
    values[draw.whole(0, len(values) - 1)] = draw.pick(bad)


def _not_finite(draw: Draw, made: Arguments) -> None:
    full = [key for key in made if (key.startswith("inputs.") or key in ("weight", "bias")) and made[key]]
    if full:
        _entry(made[draw.pick(full)], draw, *NOT_FINITE)


def _attribute(draw: Draw, made: Arguments) -> None:
    axes = len(made["shape.0"]) - 3
    key = draw.pick([k for k in ("kernel", "stride", "padding", "dilation") if _has(made["operation"], k)])
    values = list(made.get(key, [1] * axes))
    if draw.chance(0.3):
        values.append(1)
    else:
        _entry(values, draw, *([-1, -2] if key == "padding" else [0, -1]))
    made[key] = values


def _has(word: str, key: str) -> bool:
    return key != ("kernel" if word == "conv" else "dilation")


def _length(draw: Draw, made: Arguments) -> None:
    key = draw.pick([k for k in made if k.startswith("inputs.") or k in ("weight", "bias")])
    made[key] = [*made[key], 0.5] if draw.chance(0.5) or not made[key] else made[key][:-1]


def _other_steps(draw: Draw, made: Arguments) -> None:
    at = draw.whole(0, 1)
    shape = list(made["shape.1"])
    shape[at] += 1
    made |= {"shape.1": shape, "inputs.1": [0.5] * math.prod(shape)}


def _other_shape(draw: Draw, made: Arguments) -> None:
    shape = [*made["shape.1"], 2] if draw.chance(0.5) and len(made["shape.1"]) < 6 else [*made["shape.1"][:-1], 7]
    if made["operation"] == "concat" and len(shape) == 3:
        shape = [*shape, 2]
    made |= {"shape.1": shape, "inputs.1": [0.5] * math.prod(shape)}


def _another(draw: Draw, made: Arguments) -> None:
    made |= {"shape.1": made["shape.0"], "inputs.1": made["inputs.0"]}


def _alone(draw: Draw, made: Arguments) -> None:
    for k in range(1, 4):
        made.pop(f"shape.{k}", None)
        made.pop(f"inputs.{k}", None)


def _channels(draw: Draw, made: Arguments) -> None:
    shape = list(made["shape.0"])
    shape[2] += draw.whole(1, 2)
    made |= {"shape.0": shape, "inputs.0": [0.25] * math.prod(shape)}


def _groups(draw: Draw, made: Arguments) -> None:
    made["groups"] = draw.pick([0, -1, made["weight_shape"][0] + 1])


def _large(draw: Draw, made: Arguments) -> None:
    made |= {"kernel": [7] * (len(made["shape.0"]) - 3), "padding": [0] * (len(made["shape.0"]) - 3)}


def _pool_padding(draw: Draw, made: Arguments) -> None:
    made["padding"] = list(made["kernel"])


def _word(draw: Draw, made: Arguments) -> None:
    made["operation"] = draw.pick(["softmax", "Conv", "relu", "avgpool", "max_pool2d"])


def _axes(draw: Draw, made: Arguments) -> None:
    shape = made["shape.0"][:3]
    made |= {"shape.0": shape, "inputs.0": [0.5] * math.prod(shape)}


FAULTS = (
    Fault(lambda made: True, _not_finite),
    Fault(lambda made: True, _not_finite),
    Fault(lambda made: True, _length),
    Fault(lambda made: True, _word),
    Fault(_windowed, _attribute),
    Fault(_windowed, _attribute),
    Fault(_windowed, _axes),
    Fault(lambda made: made["operation"] in ("conv", "linear"), _channels),
    Fault(lambda made: made["operation"] == "conv", _groups),
    Fault(lambda made: made["operation"] in POOLS, _large),
    Fault(lambda made: made["operation"] in POOLS, _pool_padding),
    Fault(lambda made: made["operation"] in JOINS, _other_steps),
    Fault(lambda made: made["operation"] in JOINS, _other_shape),
    Fault(lambda made: made["operation"] in JOINS, _alone),
    Fault(lambda made: made["operation"] not in JOINS, _another),
)
