"""Calls of the kernels of checkpoints: what is written, what is read back, and what is damaged."""

from __future__ import annotations

import math
from typing import Any

from conformance.random import integers
from conformance.random.damage import damage
from conformance.random.draw_content import content, written
from conformance.random.parameters import NOT_FINITE, Arguments
from conformance.random.values import Draw

METADATA = (
    "[]",
    "",
    "null",
    "{}, {}",
    '{"a": 1, "a": 2}',
    '{"a": NaN}',
    '{"a": 1e999}',
    '{"a": "\\ud800"}',
    "{'a': 1}",
)


def write(draw: Draw) -> Arguments:
    """Return the arguments of one call, with one fault at most: writing has no order of checks."""
    made = content(draw)
    if integers.are_in(made):
        if draw.chance(0.3):
            integers.spoil_content(draw, made)
        return made
    tame = made | {
        key: draw.numbers(len(made[key]), "dyadic") for key in made if key.split(".")[0] in ("weight", "bias")
    }
    if not written(tame, draw.path):  # what version 1 could hold: numbers beyond the type would be a second fault
        return tame
    if draw.chance(0.3):
        _spoil(draw, tame)
        return tame
    return made


def read(draw: Draw) -> Arguments | None:
    """Return the arguments of one call, or None where what was drawn cannot be written."""
    return (
        {"path": str(draw.path) + draw.pick(["", "", ".npz", ".json"])} if written(content(draw), draw.path) else None
    )


def reject(draw: Draw) -> Arguments | None:
    """Return the path of a pair that was damaged, once or several times: the order of checks is fixed."""
    if not written(content(draw), draw.path):
        return None
    damage(draw)
    return {"path": str(draw.path)}


def _spoil(draw: Draw, made: Arguments) -> None:
    arrays = [key for key in made if key.split(".")[0] in ("weight", "bias", "neuron")]
    layers = len(made["names"])
    fault = draw.whole(0, 8)
    if fault <= 2 and arrays:
        key = draw.pick(arrays)
        values = list(made[key])
        if draw.chance(0.4):
            values = [*values, 0.5]
        else:
            values[draw.whole(0, len(values) - 1)] = draw.pick(NOT_FINITE)
        made[key] = values
    elif fault == 3:
        made["metadata"] = draw.pick(METADATA)
    elif fault == 4:
        made["frozen"] = [*made.get("frozen", []), draw.pick(["nowhere", made["names"][0] + "x"])]
    elif fault == 5:
        _spoil_neuron(draw, made)
    elif fault == 6:
        made["kinds"] = [*made["kinds"], "IF"] if draw.chance(0.5) or layers == 1 else made["kinds"][:-1]
    elif fault == 7 and layers > 1 and "sizes" in made:
        made["names"] = [made["names"][0]] * layers
        made.pop("frozen", None)
    else:
        made |= {f"weight.{layers - 1}": [*made.get(f"weight.{layers - 1}", [0.5]), 1.0]}


def _spoil_neuron(draw: Draw, made: Arguments) -> None:
    """Put a value in a row of a neuron that the row must not have."""
    rows = 8 if "input_shape" in made else 7
    stored = [key for key in made if key.startswith("neuron.")]
    if not stored:
        return
    key = draw.pick(stored)
    values: list[Any] = list(made[key])
    width = len(values) // rows
    row, bad = draw.pick(
        [
            (0, 0.0),
            (0, -1.0),
            (2, 0.5),
            (2, -0.0),
            (4, 1.5),
            (4, -0.25),
            (5, 0.5),
            (6, -0.0),
            (6, -1.0),
            (rows - 1, 0.0),
        ]
    )
    values[row * width : (row + 1) * width] = [bad] * width
    if row == 0:  # a reset above it would be a second fault of the same code
        assert math.isfinite(bad)
    made[key] = values
