"""Calls of ``finetune.schedule``, ``finetune.unfreeze`` and ``finetune.step``."""

from __future__ import annotations

import math

from conformance.random.parameters import NOT_FINITE, Arguments
from conformance.random.values import TEXTS, Draw

RATES = (0.0, -0.0, 0.001, 0.01, 0.5, 1.0, 1 / 3, 5e-324, 1e-60, 2.0)
BAD_RATES = (*NOT_FINITE, -0.001, -5e-324)


def names(draw: Draw, n: int) -> list[str]:
    """Return n names that differ, odd ones among them."""
    odd = [text for text in TEXTS if text not in ("", "input")]
    return [f"{draw.pick(odd)}{k}" if draw.chance(0.2) else f"layer{k}" for k in range(n)]


def schedule(draw: Draw) -> Arguments:
    """Return the arguments of one call, with one fault at most."""
    layers = names(draw, draw.whole(1, 6))
    made: Arguments = {"names": layers}
    if draw.chance(0.5):
        made["until_name"] = draw.pick(layers)
    else:
        made["until_index"] = draw.whole(-1, len(layers) - 1)
    for key in ("lr_backbone", "lr_head"):
        if draw.chance(0.7):
            made[key] = draw.pick(RATES)
    if draw.chance(0.6):
        made["frozen"] = draw.some(layers) + draw.some(layers, 0.1)
    if draw.chance(0.4):
        made["head"] = draw.pick(layers)
    if draw.chance(0.2):
        _spoil_schedule(draw, made)
    return made


def _spoil_schedule(draw: Draw, made: Arguments) -> None:
    fault = draw.pick(["rate", "until", "head", "frozen"])
    if fault == "rate":
        made[draw.pick(["lr_backbone", "lr_head"])] = draw.pick(BAD_RATES)
    elif fault == "until" and "until_index" in made:
        made["until_index"] = draw.pick([-2, len(made["names"]), 2**31 - 1, -(2**31)])
    elif fault == "frozen":
        made["frozen"] = [*made.get("frozen", []), _stranger(draw, made)]
    else:
        made.pop("until_index", None)
        made |= {"until_name": made["names"][0], "head": made["names"][-1]}
        made[draw.pick(["until_name", "head"])] = _stranger(draw, made)


def _stranger(draw: Draw, made: Arguments) -> str:
    name = draw.pick(made["names"] or ["layer0"])
    return draw.pick(["nowhere", name + " ", name.upper() + "_", "layer99"])


def unfreeze(draw: Draw) -> Arguments:
    """Return the arguments of one call."""
    layers = names(draw, draw.whole(1, 6))
    made: Arguments = {"names": layers, "frozen": draw.some(layers) + draw.some(layers, 0.1)}
    if draw.chance(0.8):
        made["layers"] = draw.some(layers) + draw.some(layers, 0.1)
    if draw.chance(0.4):
        made["all"] = draw.whole(0, 1)
    if draw.chance(0.15):
        key = draw.pick(["frozen", "layers"])
        made[key] = [*made.get(key, []), _stranger(draw, made)]
    return made


def step(draw: Draw) -> Arguments:
    """Return the arguments of one call, with several faults now and then: their order is fixed."""
    layers = names(draw, draw.whole(1, 4))
    made: Arguments = {**draw.dtype(), "names": layers, "rates": [draw.pick(RATES) for _ in layers]}
    if draw.chance(0.5):
        made["frozen"] = draw.some(layers, 0.3)
    if draw.chance(0.6):
        made["momentum"] = draw.pick([0.0, -0.0, 0.5, 0.9, 1 - 2.0**-53, 1e-60, float(draw.rng.random())])
    sizes = [draw.size(4) for _ in layers]
    parts = ["weights", "gradients", *(["velocities"] if draw.chance(0.6) else [])]
    for part in parts:
        made |= {f"{part}.{k}": draw.numbers(n) for k, n in enumerate(sizes)}
    if draw.chance(0.3):
        for _ in range(draw.pick([1, 1, 2, 3])):
            _spoil_step(draw, made, parts)
    return made


def _spoil_step(draw: Draw, made: Arguments, parts: list[str]) -> None:
    fault = draw.pick(["momentum", "frozen", "rates", "values", "length", "number"])
    arrays = [key for key in made if key.split(".")[0] in parts]
    key = draw.pick(arrays) if arrays else "weights.0"
    if fault == "momentum":
        made["momentum"] = draw.pick([1.0, -0.5, -5e-324, 1.5, *NOT_FINITE])
    elif fault == "frozen":
        made["frozen"] = [*made.get("frozen", []), _stranger(draw, made)]
    elif fault == "rates" and made["rates"]:
        made["rates"][draw.whole(0, len(made["rates"]) - 1)] = draw.pick(BAD_RATES)
    elif fault == "values" and made.get(key):
        made[key] = [*made[key][:-1], draw.pick([math.nan, math.inf, 1e39])]
    elif fault == "length":
        made[key] = [*made.get(key, []), 0.5]
    elif draw.chance(0.5):
        made[f"{key.split('.')[0]}.{len(made['names'])}"] = [0.5]
    elif draw.chance(0.5) and made["rates"]:
        made["rates"] = made["rates"][:-1]
    else:
        made.pop(f"{draw.pick(parts)}.{len(made['names']) - 1}", None)
