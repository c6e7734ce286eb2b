"""Cases of ``finetune.schedule``, ``finetune.unfreeze`` and ``finetune.step``."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate import exact
from conformance.generate.make import case, decimals, demand_exact, dyadic, fractions

LAYERS = ["conv", "hidden", "readout"]
ODD = ["first layer", 'a,b="c"', "größer als θ", "100%"]


def cases() -> list[Case]:
    """Return all of them; steps are held against the scalar loops of `exact`."""
    steps = [*_steps(), *_ordinary_steps(), *_step_errors()]
    for one in steps:
        if "error" not in one.expected:
            _check(one)
    return [*_schedules(), *_schedule_errors(), *_unfreezes(), *steps]


def _schedule(name: str, comment: str, flags: list[str], names: list[str], **arguments: Any) -> Case:
    inputs = {"names": names} | {key: arguments.pop(key) for key in ("frozen",) if key in arguments}
    return case("finetune.schedule", f"finetune.schedule.{name}", comment, flags, arguments, inputs)


def _schedules() -> list[Case]:
    rates = {"lr_backbone": 0.0001, "lr_head": 0.001}
    made = [
        _schedule(
            "documented_phase_1",
            "index 0 freezes the first of two",
            ["until_index"],
            ["hidden", "output"],
            until_index=0,
            lr_backbone=0.0,
            lr_head=0.001,
        ),
        _schedule(
            "documented_phase_2",
            "-1 freezes none: the backbone learns slowly",
            ["until_index"],
            ["hidden", "output"],
            until_index=-1,
            **rates,
        ),
        _schedule("by_name", "up to and with the layer named", ["until_name"], LAYERS, until_name="hidden", **rates),
        _schedule(
            "by_first_name", "the first layer's name freezes one", ["until_name"], LAYERS, until_name="conv", **rates
        ),
        _schedule(
            "head_frozen", "the last index freezes the head too", ["frozen_head"], LAYERS, until_index=2, **rates
        ),
        _schedule(
            "head_frozen_before",
            "a head frozen before has rate 0",
            ["frozen_head"],
            LAYERS,
            until_index=-1,
            frozen=["readout"],
            **rates,
        ),
        _schedule(
            "adds", "layers frozen before stay so", ["frozen_order"], LAYERS, until_index=0, frozen=["hidden"], **rates
        ),
        _schedule(
            "unsorted",
            "frozen names come out in network order",
            ["frozen_order"],
            LAYERS,
            until_index=-1,
            frozen=["readout", "conv"],
            **rates,
        ),
        _schedule(
            "twice",
            "a name frozen twice stands once",
            ["frozen_order"],
            LAYERS,
            until_index=0,
            frozen=["conv", "conv"],
            **rates,
        ),
        _schedule(
            "long_head",
            "the head begins before the last layer",
            ["head"],
            LAYERS,
            until_index=-1,
            head="hidden",
            **rates,
        ),
        _schedule("whole_head", "everything is head", ["head"], LAYERS, until_index=-1, head="conv", **rates),
        _schedule(
            "head_and_frozen",
            "a frozen layer of the head",
            ["head", "frozen_head"],
            LAYERS,
            until_index=1,
            head="hidden",
            **rates,
        ),
        _schedule("one_layer", "one layer is the head", ["until_index"], ["only"], until_index=-1, **rates),
        _schedule("one_layer_frozen", "one layer, frozen", ["frozen_head"], ["only"], until_index=0, **rates),
        _schedule("defaults", "rates 0 and 0.01 by default", ["default"], LAYERS, until_index=-1),
        _schedule(
            "odd_names",
            "names with spaces, commas and letters beyond ASCII",
            ["names"],
            ODD,
            until_name=ODD[2],
            **rates,
        ),
        _schedule(
            "tiny_rate",
            "a subnormal rate is not zero",
            ["subnormal"],
            LAYERS,
            until_index=-1,
            lr_backbone=5e-324,
            lr_head=1e308,
        ),
    ]
    rng = np.random.default_rng(89)
    for k in range(16):
        names = [f"layer{i}" for i in range(int(rng.integers(1, 9)))]
        frozen = [str(n) for n in rng.permutation(names)[: int(rng.integers(0, len(names) + 1))]]
        arguments: dict[str, Any] = {
            "lr_backbone": float(rng.choice([0.0, 0.5, 0.001])),
            "lr_head": 0.25,
            "frozen": frozen,
        }
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


def _unfreezes() -> list[Case]:
    def unfreeze(
        name: str,
        comment: str,
        flags: list[str],
        frozen: list[str],
        layers: list[str],
        names: Any = None,
        **params: Any,
    ) -> Case:
        inputs = {"names": names or LAYERS, "frozen": frozen, "layers": layers}
        return case("finetune.unfreeze", f"finetune.unfreeze.{name}", comment, ["unfreeze", *flags], params, inputs)

    return [
        unfreeze("one", "one of two is set free", [], ["conv", "hidden"], ["hidden"]),
        unfreeze("all_named", "all by name", [], ["conv", "hidden"], ["hidden", "conv"]),
        unfreeze("all", "all at once", [], ["conv", "hidden"], [], all=1),
        unfreeze("all_of_none", "all at once where none is frozen", ["empty"], [], [], all=1),
        unfreeze("none_named", "an empty list changes nothing", ["empty"], ["hidden"], []),
        unfreeze("not_frozen", "a layer that is not frozen may be named", [], ["conv"], ["readout"]),
        unfreeze(
            "unsorted",
            "the rest comes out in network order",
            ["frozen_order"],
            ["readout", "hidden", "conv"],
            ["hidden"],
        ),
        unfreeze("twice", "a name given twice", [], ["conv", "hidden"], ["hidden", "hidden"]),
        unfreeze("odd_names", "names beyond ASCII", ["names"], [ODD[2], ODD[0]], [ODD[0]], ODD),
        unfreeze("unknown", "an unknown name is refused", ["error"], ["conv"], ["nowhere"]),
        unfreeze("unknown_frozen", "an unknown frozen name is refused", ["error"], ["nowhere"], ["conv"]),
        unfreeze("unknown_with_all", "an unknown name is refused, all or not", ["error"], ["conv"], ["nowhere"], all=1),
    ]


def _step(
    name: str, comment: str, flags: list[str], layers: list[dict[str, Any]], rates: list[Any], **arguments: Any
) -> Case:
    names = arguments.pop("names", [f"layer{k}" for k in range(len(layers))])
    inputs = {"names": names, "rates": rates, "frozen": arguments.pop("frozen", [])}
    for k, layer in enumerate(layers):
        for part, values in layer.items():
            inputs[f"{part}.{k}"] = values if isinstance(values, list) else decimals(values)
    return case("finetune.step", f"finetune.step.{name}", comment, flags, arguments, inputs)


def _check(one: Case) -> None:
    a, rounds = one.arguments, "ordinary_floats" in one.flags
    dtype = a.get("dtype", "f64")

    def numbers(values: Any) -> list[Any]:
        exactly = fractions(values, dtype)
        return [float(v) for v in exactly] if rounds else exactly

    momentum = numbers(a.get("momentum", 0.0))[0]
    want: dict[str, list[Any]] = {}
    for k, name in enumerate(a["names"]):
        w, g = numbers(a[f"weights.{k}"]), numbers(a[f"gradients.{k}"])
        u = numbers(a[f"velocities.{k}"]) if f"velocities.{k}" in a else numbers([0.0] * len(w))
        rate = numbers(a["rates"][k])[0]
        pairs = list(zip(w, u, strict=True))
        if rate > 0 and name not in a["frozen"]:
            pairs = [exact.momentum_step(*three, rate, momentum) for three in zip(w, g, u, strict=True)]
        want[f"weights.{k}"], want[f"velocities.{k}"] = [p[0] for p in pairs], [p[1] for p in pairs]
    demand_exact(one.id, one.expected, want)


def _steps() -> list[Case]:
    layer = {"weights": [1.0, -0.5], "gradients": [0.5, 0.25]}
    made = [
        _step("plain", "no momentum: w - η·g", ["default"], [layer], [0.5]),
        _step("first_momentum", "velocities are zero at the start", ["momentum"], [layer], [0.5], momentum=0.5),
        _step(
            "momentum",
            "velocity first, then the weight",
            ["momentum"],
            [{**layer, "velocities": [1.0, -1.0]}],
            [0.5],
            momentum=0.5,
        ),
        _step(
            "no_momentum",
            "momentum 0 forgets the velocity",
            ["momentum"],
            [{**layer, "velocities": [1.0, -1.0]}],
            [0.5],
        ),
        _step(
            "frozen",
            "a frozen layer keeps weights and velocity",
            ["frozen_bits"],
            [{**layer, "velocities": [1.0, -1.0]}],
            [0.5],
            momentum=0.5,
            frozen=["layer0"],
        ),
        _step(
            "rate_zero",
            "rate 0 freezes as well",
            ["frozen_bits"],
            [{**layer, "velocities": [1.0, -1.0]}],
            [0.0],
            momentum=0.5,
        ),
        _step(
            "minus_zero",
            "a frozen minus zero stays one",
            ["frozen_bits"],
            [{"weights": [-0.0, 0.0], "gradients": [1.0, 1.0]}],
            [0.0],
        ),
        _step("two_layers", "one frozen, one not", ["frozen_bits"], [layer, layer], [0.5, 0.25], frozen=["layer0"]),
        _step("empty_layer", "a layer without weights", ["empty"], [{"weights": [], "gradients": []}], [0.5]),
        _step("f32", "binary32", ["f32"], [layer], [0.5], dtype="f32"),
        _step(
            "odd_names",
            "names beyond ASCII",
            ["names", "frozen_bits"],
            [layer] * 4,
            [0.5] * 4,
            names=ODD,
            frozen=[ODD[1]],
        ),
    ]
    rng = np.random.default_rng(90)
    for k in range(12):
        sizes = [int(n) for n in rng.integers(1, 7, int(rng.integers(1, 4)))]
        layers = [{part: dyadic(rng, -1, 1, 5, n) for part in ("weights", "gradients", "velocities")} for n in sizes]
        arguments: dict[str, Any] = {
            "momentum": float(rng.choice([0.0, 0.5, 0.75])),
            "frozen": ["layer0"] if k % 3 == 0 else [],
        }
        if k % 4 == 0:
            arguments["dtype"] = "f32"
        flags = ["random", "momentum"] + (["f32"] if k % 4 == 0 else [])
        made.append(
            _step(
                f"random_{k:02}",
                "random dyadic layers",
                flags,
                layers,
                decimals(rng.choice([0.25, 0.5], len(sizes))),
                **arguments,
            )
        )
    return made


def _ordinary_steps() -> list[Case]:
    rng = np.random.default_rng(91)
    made = []
    for k in range(6):
        layers = [{part: rng.normal(0, 1, 8) for part in ("weights", "gradients", "velocities")}]
        made.append(
            _step(
                f"ordinary_{k}",
                "each product is rounded before it is added",
                ["ordinary_floats", "momentum"],
                layers,
                [0.01 * (k + 1)],
                momentum=0.9,
            )
        )
    return made


def _step_errors() -> list[Case]:
    layer: dict[str, Any] = {"weights": [1.0, 2.0], "gradients": [1.0, 1.0]}
    return [
        _step(
            "lengths_differ",
            "two weights, three gradients",
            ["error"],
            [{**layer, "gradients": [1.0, 1.0, 1.0]}],
            [0.5],
        ),
        _step("velocity_length", "two weights, one velocity", ["error"], [{**layer, "velocities": [1.0]}], [0.5]),
        _step("rates_differ", "one layer, two rates", ["error"], [layer], [0.5, 0.5]),
        _step("names_differ", "one layer, two names", ["error"], [layer], [0.5], names=["a", "b"]),
        _step("negative_rate", "a negative rate", ["error"], [layer], [-0.5]),
        _step(
            "nan_gradient", "a gradient that is not finite", ["error"], [{**layer, "gradients": [1.0, "nan"]}], [0.5]
        ),
        _step("inf_weight", "a weight that is not finite", ["error"], [{**layer, "weights": ["inf", 1.0]}], [0.5]),
        _step("momentum_one", "momentum 1 never forgets", ["error"], [layer], [0.5], momentum=1.0),
        _step("momentum_negative", "a negative momentum", ["error"], [layer], [0.5], momentum=-0.5),
        _step("unknown_frozen", "a frozen name that no layer has", ["error"], [layer], [0.5], frozen=["nowhere"]),
    ]
