"""Cases of ``finetune.schedule`` and ``finetune.unfreeze``."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate.make import case

TWO = ["hidden", "output"]
LAYERS = ["conv", "hidden", "readout"]
ODD = ["first layer", 'a,b="c"', "größer als θ", "100%"]


def cases() -> list[Case]:
    """Return all of them."""
    return [*_schedules(), *_schedule_errors(), *_unfreezes()]


def _schedule(name: str, comment: str, flags: list[str], names: list[str], **arguments: Any) -> Case:
    inputs = {"names": names} | {key: arguments.pop(key) for key in ("frozen",) if key in arguments}
    return case("finetune.schedule", f"finetune.schedule.{name}", comment, flags, arguments, inputs)


RATES = {"lr_backbone": 0.0001, "lr_head": 0.001}
NONE = {"until_index": -1, **RATES}
SCHEDULES: dict[str, tuple[str, str, list[str], dict[str, Any]]] = {
    # name: (comment, flag, layers, arguments)
    "documented_phase_1": (
        "index 0 freezes the first of two",
        "until_index",
        TWO,
        {"until_index": 0, "lr_backbone": 0.0, "lr_head": 0.001},
    ),
    "documented_phase_2": ("-1 freezes none: the backbone learns slowly", "until_index", TWO, NONE),
    "by_name": ("up to and with the layer named", "until_name", LAYERS, {"until_name": "hidden", **RATES}),
    "by_first_name": ("the first layer's name freezes one", "until_name", LAYERS, {"until_name": "conv", **RATES}),
    "head_frozen": ("the last index freezes the head too", "frozen_head", LAYERS, {"until_index": 2, **RATES}),
    "head_frozen_before": ("a head frozen before has rate 0", "frozen_head", LAYERS, {**NONE, "frozen": ["readout"]}),
    "adds": ("layers frozen before stay so", "frozen_order", LAYERS, {**NONE, "until_index": 0, "frozen": ["hidden"]}),
    "unsorted": (
        "frozen names come out in network order",
        "frozen_order",
        LAYERS,
        {**NONE, "frozen": ["readout", "conv"]},
    ),
    "twice": (
        "a name frozen twice stands once",
        "frozen_order",
        LAYERS,
        {**NONE, "until_index": 0, "frozen": ["conv", "conv"]},
    ),
    "long_head": (
        "the head begins before the last layer",
        "head",
        LAYERS,
        {"until_index": -1, "head": "hidden", **RATES},
    ),
    "whole_head": ("everything is head", "head", LAYERS, {"until_index": -1, "head": "conv", **RATES}),
    "head_and_frozen": (
        "a frozen layer of the head",
        "head frozen_head",
        LAYERS,
        {"until_index": 1, "head": "hidden", **RATES},
    ),
    "one_layer": ("one layer is the head", "until_index", ["only"], NONE),
    "one_layer_frozen": ("one layer, frozen", "frozen_head", ["only"], {**NONE, "until_index": 0}),
    "defaults": ("rates 0 and 0.01 by default", "default", LAYERS, {"until_index": -1}),
    "odd_names": (
        "names with spaces, commas and letters beyond ASCII",
        "names",
        ODD,
        {"until_name": ODD[2], **RATES},
    ),
    "tiny_rate": (
        "a subnormal rate is not zero",
        "subnormal",
        LAYERS,
        {"until_index": -1, "lr_backbone": 5e-324, "lr_head": 1e308},
    ),
}


def _schedules() -> list[Case]:
    made = [
        _schedule(name, comment, flags.split(), names, **arguments)
        for name, (comment, flags, names, arguments) in SCHEDULES.items()
    ]
    rng = np.random.default_rng(89)
    for k in range(16):
        names = [f"layer{i}" for i in range(int(rng.integers(1, 9)))]
        frozen = [str(n) for n in rng.permutation(names)[: int(rng.integers(0, len(names) + 1))]]
        lr_backbone = float(rng.choice([0.0, 0.5, 0.001]))
        arguments: dict[str, Any] = {"lr_backbone": lr_backbone, "lr_head": 0.25, "frozen": frozen}
        if k % 2:
            arguments["until_name"] = str(rng.choice(names))
        else:
            arguments["until_index"] = int(rng.integers(-1, len(names)))
        if k % 3 == 0:
            arguments["head"] = str(rng.choice(names))
        made.append(_schedule(f"random_{k:02}", "a random schedule", ["random", "frozen_order"], names, **arguments))
    return made


def _schedule_errors() -> list[Case]:
    wrong: dict[str, dict[str, Any]] = {
        "unknown_name": {"until_name": "nowhere"},
        "case_counts": {"until_name": "Hidden"},
        "index_too_large": {"until_index": 3},
        "index_far_too_large": {"until_index": 99},
        "index_too_small": {"until_index": -2},
        "unknown_head": {"until_index": -1, "head": "nowhere"},
        "unknown_frozen": {"until_index": -1, "frozen": ["nowhere"]},
        "negative_head_rate": {"until_index": -1, "lr_head": -0.001},
        "negative_backbone_rate": {"until_index": -1, "lr_backbone": -1.0},
        "nan_rate": {"until_index": -1, "lr_head": "nan"},
        "infinite_rate": {"until_index": -1, "lr_backbone": "inf"},
        "name_with_space": {"until_name": "hidden "},
    }
    return [_schedule(name, "refused", ["error"], LAYERS, **arguments) for name, arguments in wrong.items()]


UNFREEZES: dict[str, tuple[str, str, list[str], list[str], dict[str, Any]]] = {
    # name: (comment, flag, frozen, layers to set free, other arguments)
    "one": ("one of two is set free", "", ["conv", "hidden"], ["hidden"], {}),
    "all_named": ("all by name", "", ["conv", "hidden"], ["hidden", "conv"], {}),
    "all": ("all at once", "", ["conv", "hidden"], [], {"all": 1}),
    "all_of_none": ("all at once where none is frozen", "empty", [], [], {"all": 1}),
    "none_named": ("an empty list changes nothing", "empty", ["hidden"], [], {}),
    "not_frozen": ("a layer that is not frozen may be named", "", ["conv"], ["readout"], {}),
    "unsorted": (
        "the rest comes out in network order",
        "frozen_order",
        ["readout", "hidden", "conv"],
        ["hidden"],
        {},
    ),
    "twice": ("a name given twice", "", ["conv", "hidden"], ["hidden", "hidden"], {}),
    "odd_names": ("names beyond ASCII", "names", [ODD[2], ODD[0]], [ODD[0]], {"names": ODD}),
    "unknown": ("an unknown name is refused", "error", ["conv"], ["nowhere"], {}),
    "unknown_frozen": ("an unknown frozen name is refused", "error", ["nowhere"], ["conv"], {}),
    "unknown_with_all": ("an unknown name is refused, all or not", "error", ["conv"], ["nowhere"], {"all": 1}),
}


def _unfreezes() -> list[Case]:
    made = []
    for name, (comment, flag, frozen, layers, arguments) in UNFREEZES.items():
        inputs = {"names": arguments.get("names", LAYERS), "frozen": frozen, "layers": layers}
        params = {key: value for key, value in arguments.items() if key != "names"}
        flags = ["unfreeze", *flag.split()]
        made.append(case("finetune.unfreeze", f"finetune.unfreeze.{name}", comment, flags, params, inputs))
    return made
