"""Calls of ``operation.currents``."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from conformance.random import integers
from conformance.random.parameters import Arguments
from conformance.random.spoil_operations import JOINS, POOLS, spoil
from conformance.random.values import Draw
from spikeport.operations import OPERATIONS

WORDS = ("linear", "conv", "conv", "conv", *POOLS, *JOINS)


class Geometry(NamedTuple):
    """A window that fits its input, and how many channels go in and come out."""

    attributes: dict[str, Any]
    weight_shape: tuple[int, ...]


def window(draw: Draw, word: str, shape: tuple[int, ...]) -> Geometry:
    """Return a window over a signal of this shape; for ``conv`` the shape of its weight, else ()."""
    sizes, conv = shape[1:], word == "conv"
    kernel = [draw.whole(1, 4) if draw.chance(0.8) else 1 for _ in sizes]
    dilation = [draw.whole(1, 3) if conv and draw.chance(0.4) else 1 for _ in sizes]
    padding = [draw.whole(0, 3 if conv else k - 1) if draw.chance(0.5) else 0 for k in kernel]
    for axis, n in enumerate(sizes):  # the window inside its input
        while n + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1 < 0:
            if dilation[axis] > 1:
                dilation[axis] -= 1
            elif conv and draw.chance(0.5):
                padding[axis] += 1
            else:
                kernel[axis] -= 1
                padding[axis] = padding[axis] if conv else min(padding[axis], kernel[axis] - 1)
    stride = [draw.whole(1, 3) for _ in sizes]
    attributes: dict[str, Any] = {} if conv else {"kernel": kernel}
    optional = {"stride": stride, "padding": padding}
    needed = {"padding"} if any(padding) else set()
    if not conv:
        return Geometry(attributes | {k: v for k, v in optional.items() if k in needed or draw.chance(0.7)}, ())
    groups = draw.pick([g for g in range(1, shape[0] + 1) if shape[0] % g == 0])
    optional |= {"dilation": dilation}
    kept = {key: value for key, value in optional.items() if key in needed or draw.chance(0.7)}
    if groups > 1 or draw.chance(0.3):
        kept["groups"] = groups
    return Geometry(kept, (groups * draw.whole(1, 2), shape[0] // groups, *kernel))


def signal_shape(draw: Draw, axes: int) -> tuple[int, ...]:
    """Return the shape of a signal at one step."""
    return (draw.pick([1, 2, 3, 4, 6]), *(draw.whole(1, 6) for _ in range(axes - 1)))


def operation_currents(draw: Draw) -> Arguments:
    """Return the arguments of one call."""
    word = draw.pick(WORDS)
    lead = [draw.size(5), draw.size(3)]
    made: Arguments = {"operation": word, **draw.dtype()}
    shapes = [signal_shape(draw, draw.whole(2, 3) if word in ("conv", *POOLS) else draw.whole(1, 3))]
    if word in JOINS:
        more = [shapes[0] if word == "add" else (draw.whole(1, 3), *shapes[0][1:]) for _ in range(draw.whole(1, 3))]
        shapes += more
    weight_shape: tuple[int, ...] = ()
    if word == "linear":
        weight_shape = (draw.whole(1, 5), math.prod(shapes[0]))
    elif word not in JOINS:
        attributes, weight_shape = window(draw, word, shapes[0])
        made |= attributes
    for k, shape in enumerate(shapes):
        made |= {f"shape.{k}": [*lead, *shape], f"inputs.{k}": draw.numbers(math.prod(lead) * math.prod(shape))}
    if weight_shape:
        made |= {"weight_shape": list(weight_shape), "weight": draw.numbers(math.prod(weight_shape))}
        if draw.chance(0.5):
            made["bias"] = draw.numbers(weight_shape[0])
    if draw.chance(integers.SHARE):
        return integers.operation(draw, made)
    if draw.chance(0.2):
        spoil(draw, made)
    return made


assert set(WORDS) == set(OPERATIONS), "an operation that is never drawn"
