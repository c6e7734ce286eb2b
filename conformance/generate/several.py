"""Cases of neurons that send several spikes in one step: ``if.multistep``, ``if.constant``, ``layer.forward``."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate.integrate_fire import ORDINARY, check
from conformance.generate.make import case, checked, decimals, dyadic


def cases() -> list[Case]:
    """Return all of them; those of one neuron alone are held against the scalar loop."""
    return [*checked([*_edges(), *_random(), *_constant(), *_errors()], check), *_layers(), *_layer_errors()]


def _multistep(name: str, comment: str, flags: str, currents: Any, max_spikes: int, **params: Any) -> Case:
    table = np.asarray(currents, np.float64)
    params = {"shape": list(table.shape), "max_spikes": max_spikes, **params}
    inputs = {"currents": decimals(table)}
    return case("if.multistep", f"if.multistep.several_{name}", comment, ["several", *flags.split()], params, inputs)


def _edges() -> list[Case]:
    under = [[float(np.nextafter(m, 0.0)) for m in (1.0, 2.0, 3.0)]]
    third = 0.1 + 0.2  # 3·0.1 rounds to this
    return [
        _multistep("at_levels", "exactly at m·θ: m spikes", "at_threshold", [[1.0], [2.0], [3.0]], 3, v_init=0.0),
        _multistep("below_levels", "one ulp below m·θ: m - 1 spikes", "below_threshold", under, 3, v_init=0.0),
        _multistep(
            "above_the_most", "more than the most: the rest stays", "long", [[5.0], [0.0], [0.0]], 2, v_init=0.0
        ),
        _multistep("of_one", "at most one, said aloud", "default", [[2.0], [0.5], [0.0]], 1),
        _multistep("negative", "below 0 nothing is sent", "negative", [[-3.0], [2.5], [4.0]], 4),
        _multistep("start", "a start at three thresholds", "at_threshold", [[0.0]] * 2, 2, v_init=3.0),
        _multistep("most", "127 spikes in one step", "long", [[126.5], [127.0], [200.0]], 127),
        _multistep("rounded", "3·0.1 is one product, not a sum", f"{ORDINARY} at_threshold", [[third]], 3, **_tenth()),
        _multistep(
            "rounded_f32",
            "the products are rounded to binary32",
            f"{ORDINARY} f32",
            [[0.3], [0.7]],
            7,
            dtype="f32",
            **_tenth(),
        ),
        _multistep("no_steps", "no step", "empty", np.zeros((0, 2)), 3),
        _multistep("no_neurons", "no neuron", "empty", np.zeros((2, 0)), 3),
        _multistep(
            "levels_overflow",
            "4·θ is beyond binary32: three spikes",
            "f32",
            [[3.25e38]],
            9,
            dtype="f32",
            threshold=2.0**126,
            v_init=0.0,
        ),
        _multistep(
            "subnormal",
            "levels below the smallest normal number",
            "subnormal",
            [[2e-323]],
            3,
            threshold=5e-324,
            v_init=0.0,
        ),
    ]


def _tenth() -> dict[str, float]:
    return {"threshold": 0.1, "v_init": 0.0}


def _random() -> list[Case]:
    rng = np.random.default_rng(84)
    made = []
    for k in range(12):
        T, N, L = int(rng.integers(1, 16)), int(rng.integers(1, 7)), int(rng.choice([2, 3, 7, 15]))
        flags, params = "random", {"threshold": float(rng.choice([0.25, 0.5, 1.25])), "v_init": 0.5}
        if k % 3 == 1:
            flags, params["threshold"] = "random per_neuron", decimals(rng.choice([0.25, 0.5, 1.5], N))
        if k % 4 == 2:
            flags, params["dtype"], T = f"{flags} f32", "f32", min(T, 10)
        made.append(_multistep(f"random_{k:02}", "random dyadic", flags, dyadic(rng, -2, 6, 4, (T, N)), L, **params))
    for k in range(6):
        params = {"threshold": [0.3, 0.7, 1.1], "v_init": 0.4}
        currents = rng.normal(0.8, 1.0, (24, 3))
        made.append(_multistep(f"ordinary_{k}", "every product rounds", ORDINARY, currents, [2, 3, 7][k % 3], **params))
    return made


def _constant() -> list[Case]:
    def constant(name: str, comment: str, flags: str, current: Any, T: int, L: int, **params: Any) -> Case:
        params = {"timesteps": T, "max_spikes": L, **params}
        inputs = {"current": decimals(current)}
        return case("if.constant", f"if.constant.several_{name}", comment, ["several", *flags.split()], params, inputs)

    return [
        constant("every_level", "all 29 levels of 4 steps of 7 spikes", "default", np.arange(29) / 4, 4, 7),
        constant("between_levels", "halves between levels round up", "at_threshold", (np.arange(28) + 0.5) / 4, 4, 7),
        constant("above", "more than seven thresholds: the rest stays", "long", [7.25, 9.0], 8, 7),
        constant("f32", "binary32", "f32", [1.375, 2.625], 33, 3, dtype="f32", threshold=0.5),
        constant("ordinary", "every operation rounds", ORDINARY, [0.1, 0.77, 1.9], 40, 3, threshold=0.9),
        constant("no_steps", "no step", "empty", [2.5], 0, 3),
    ]


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("no spike at all", {"max_spikes": 0}),
    "negative_number": ("a negative number", {"max_spikes": -1}),
    "128": ("more than 127", {"max_spikes": 128}),
    "hard": ("hard reset, and more than one spike", {"max_spikes": 2, "v_reset": 0.0}),
    "leak": ("a leak, and more than one spike", {"max_spikes": 2, "beta": 0.5}),
    "one_leaks": ("one neuron that leaks, and more than one spike", {"max_spikes": 2, "beta": [1.0, 0.5]}),
}


def _errors() -> list[Case]:
    made = []
    for name, (comment, params) in WRONG.items():
        made.append(_multistep(name, f"refused: {comment}", "error", [[0.5, 0.5]], **params))
    none = np.zeros((2, 0))
    made.append(_multistep("no_neurons_128", "refused where there is no neuron, too", "error empty", none, 128))
    inputs = {"current": [0.5]}
    params = {"timesteps": 2, "max_spikes": 0}
    comment = "refused: no spike at all"
    return [*made, case("if.constant", "if.constant.several_none", comment, ["several", "error"], params, inputs)]


def _layer(name: str, comment: str, flags: str, kind: str, max_spikes: int, **params: Any) -> Case:
    rng = np.random.default_rng(85)
    x, W = dyadic(rng, 0, 3, 0, (6, 2, 3)), dyadic(rng, -1, 2, 3, (4, 3))
    params = {"shape": [6, 2, 3], "size": [3, 4], "kind": kind, "max_spikes": max_spikes, **params}
    inputs = {"inputs": decimals(x), "weights": decimals(W), "bias": [0.25, 0.0, -0.5, 1.0]}
    return case("layer.forward", f"layer.forward.several_{name}", comment, ["several", *flags.split()], params, inputs)


def _layers() -> list[Case]:
    return [
        _layer("three", "three spikes a step; inputs of several spikes", "default", "IF", 3),
        _layer("seven_f32", "seven spikes a step", "f32", "IF", 7, dtype="f32", threshold=0.25, v_init=0.5),
        _layer("per_neuron", "a threshold for each", "per_neuron", "IF", 3, threshold=[0.5, 1.0, 0.25, 2.0]),
        _layer("of_one", "one spike of a leaky neuron, said aloud", "leak", "LIF", 1, beta=0.5),
    ]


def _layer_errors() -> list[Case]:
    wrong = {
        "lif": ("LIF", 2, {}),
        "st_bif": ("ST-BIF", 2, {}),
        "hard": ("IF", 2, {"v_reset": 0.0}),
        "zero": ("IF", 0, {}),
    }
    return [
        _layer(name, "refused: neurons that can send but one", "error", kind, L, **params)
        for name, (kind, L, params) in wrong.items()
    ]
