"""Cases of ``finetune.step``."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate import exact
from conformance.generate.finetune import ODD
from conformance.generate.make import case, checked, decimals, demand_exact, dyadic, fractions


def cases() -> list[Case]:
    """Return all of them, each held against the scalar loops of `exact`."""
    return checked([*_steps(), *_ordinary_steps(), *_step_errors()], _check)


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


PLAIN = {"weights": [1.0, -0.5], "gradients": [0.5, 0.25]}
MOVING = {**PLAIN, "velocities": [1.0, -1.0]}
MINUS_ZERO = {"weights": [-0.0, 0.0], "gradients": [1.0, 1.0]}
NO_WEIGHTS: dict[str, Any] = {"weights": [], "gradients": []}
STEPS: dict[str, tuple[str, str, list[dict[str, Any]], list[float], dict[str, Any]]] = {
    # name: (comment, flags, layers, rates, other arguments)
    "plain": ("no momentum: w - η·g", "default", [PLAIN], [0.5], {}),
    "first_momentum": ("velocities are zero at the start", "momentum", [PLAIN], [0.5], {"momentum": 0.5}),
    "momentum": ("velocity first, then the weight", "momentum", [MOVING], [0.5], {"momentum": 0.5}),
    "no_momentum": ("momentum 0 forgets the velocity", "momentum", [MOVING], [0.5], {}),
    "frozen": (
        "a frozen layer keeps weights and velocity",
        "frozen_bits",
        [MOVING],
        [0.5],
        {"momentum": 0.5, "frozen": ["layer0"]},
    ),
    "rate_zero": ("rate 0 freezes as well", "frozen_bits", [MOVING], [0.0], {"momentum": 0.5}),
    "minus_zero": ("a frozen minus zero stays one", "frozen_bits", [MINUS_ZERO], [0.0], {}),
    "two_layers": ("one frozen, one not", "frozen_bits", [PLAIN, PLAIN], [0.5, 0.25], {"frozen": ["layer0"]}),
    "empty_layer": ("a layer without weights", "empty", [NO_WEIGHTS], [0.5], {}),
    "f32": ("binary32", "f32", [PLAIN], [0.5], {"dtype": "f32"}),
    "odd_names": (
        "names beyond ASCII",
        "names frozen_bits",
        [PLAIN] * 4,
        [0.5] * 4,
        {"names": ODD, "frozen": [ODD[1]]},
    ),
}


def _steps() -> list[Case]:
    made = [
        _step(name, comment, flags.split(), layers, rates, **arguments)
        for name, (comment, flags, layers, rates, arguments) in STEPS.items()
    ]
    rng = np.random.default_rng(90)
    for k in range(12):
        sizes = [int(n) for n in rng.integers(1, 7, int(rng.integers(1, 4)))]
        layers = [{part: dyadic(rng, -1, 1, 5, n) for part in ("weights", "gradients", "velocities")} for n in sizes]
        momentum, frozen = float(rng.choice([0.0, 0.5, 0.75])), ["layer0"] if k % 3 == 0 else []
        flags, dtype = (["f32"], {"dtype": "f32"}) if k % 4 == 0 else ([], {})
        flags, rates = ["random", "momentum", *flags], decimals(rng.choice([0.25, 0.5], len(sizes)))
        arguments: dict[str, Any] = {"momentum": momentum, "frozen": frozen, **dtype}
        made.append(_step(f"random_{k:02}", "random dyadic layers", flags, layers, rates, **arguments))
    return made


def _ordinary_steps() -> list[Case]:
    rng = np.random.default_rng(91)
    comment, flags = "each product is rounded before it is added", ["ordinary_floats", "momentum"]
    made = []
    for k in range(6):
        layers = [{part: rng.normal(0, 1, 8) for part in ("weights", "gradients", "velocities")}]
        made.append(_step(f"ordinary_{k}", comment, flags, layers, [0.01 * (k + 1)], momentum=0.9))
    return made


ONES: dict[str, Any] = {"weights": [1.0, 2.0], "gradients": [1.0, 1.0]}
ONES_MOVING = {**ONES, "velocities": [1.0, 1.0]}
FROZEN = {"frozen": ["layer0"]}
STEP_ERRORS: dict[str, tuple[str, dict[str, Any], list[float], dict[str, Any]]] = {
    # name: (comment, the layer, rates, other arguments)
    "lengths_differ": ("two weights, three gradients", {**ONES, "gradients": [1.0, 1.0, 1.0]}, [0.5], {}),
    "velocity_length": ("two weights, one velocity", {**ONES, "velocities": [1.0]}, [0.5], {}),
    "rates_differ": ("one layer, two rates", ONES, [0.5, 0.5], {}),
    "names_differ": ("one layer, two names", ONES, [0.5], {"names": ["a", "b"]}),
    "negative_rate": ("a negative rate", ONES, [-0.5], {}),
    "nan_gradient": ("a gradient that is not finite", {**ONES, "gradients": [1.0, "nan"]}, [0.5], {}),
    "inf_weight": ("a weight that is not finite", {**ONES, "weights": ["inf", 1.0]}, [0.5], {}),
    "momentum_one": ("momentum 1 never forgets", ONES, [0.5], {"momentum": 1.0}),
    "momentum_negative": ("a negative momentum", ONES, [0.5], {"momentum": -0.5}),
    "unknown_frozen": ("a frozen name that no layer has", ONES, [0.5], {"frozen": ["nowhere"]}),
    "no_name": ("one layer, no name", ONES, [0.5], {"names": []}),
    "no_gradient": ("a layer without gradients", {"weights": [1.0, 2.0]}, [0.5], {}),
    "frozen_bad_rate": ("the rate of a frozen layer is checked too", ONES, [-0.5], FROZEN),
    "frozen_nan": (
        "the gradients of a frozen layer are checked too",
        {**ONES, "gradients": [1.0, "nan"]},
        [0.5],
        FROZEN,
    ),
    "frozen_lengths": ("the lengths of a frozen layer are checked too", {**ONES, "gradients": [1.0]}, [0.5], FROZEN),
}


def _step_errors() -> list[Case]:
    made = [
        _step(name, comment, ["error"], [layer], rates, **arguments)
        for name, (comment, layer, rates, arguments) in STEP_ERRORS.items()
    ]
    some = "velocities for the first of two layers only"
    return [*made, _step("velocities_of_some", some, ["error"], [ONES_MOVING, ONES], [0.5, 0.5])]
