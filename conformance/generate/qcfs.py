"""Cases of ``qcfs``."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate import exact
from conformance.generate.make import case, checked, decimals, demand_exact, dyadic, fractions

ORDINARY = "ordinary_floats"


def cases() -> list[Case]:
    """Return all of them, each held against the scalar loops of `exact`."""
    return checked([*_edges(), *_random(), *_errors()], _check)


def _check(one: Case) -> None:
    a = one.arguments
    dtype, T = a.get("dtype", "f64"), a["timesteps"]
    x = fractions(a["x"], dtype)
    θ = (fractions(a.get("threshold", 1.0), dtype) * len(x))[: len(x)]
    if ORDINARY in one.flags:
        demand_exact(
            one.id,
            one.expected,
            {"y": [exact.qcfs(float(v), float(T), float(t), 0.5) for v, t in zip(x, θ, strict=True)]},
        )
    else:
        half = fractions(0.5)[0]
        demand_exact(one.id, one.expected, {"y": [exact.qcfs(v, T, t, half) for v, t in zip(x, θ, strict=True)]})


def _qcfs(name: str, comment: str, flags: list[str], x: Any, T: int, **params: Any) -> Case:
    return case("qcfs", f"qcfs.{name}", comment, flags, {"timesteps": T, **params}, {"x": decimals(x)})


def _edges() -> list[Case]:
    below = 0.125 - 2.0**-54
    return [
        _qcfs("levels", "every level of eight steps is itself", ["default"], np.arange(9) / 8, 8),
        _qcfs("halves", "halves between levels go up", ["at_threshold"], (np.arange(4) + 0.5) / 4, 4),
        _qcfs("below_half", "just below a half goes down", ["below_threshold"], [below], 4),
        _qcfs("clipped", "below 0 is 0, above θ is θ", ["negative", "saturated"], [-3.0, -0.125, 1.0, 7.5], 4),
        _qcfs("one_step", "one step has two levels", ["default"], [0.25, 0.5, 0.75], 1),
        _qcfs(
            "threshold",
            "another threshold",
            ["default"],
            dyadic(np.random.default_rng(1), -1, 5, 4, 8),
            8,
            threshold=4.0,
        ),
        _qcfs("per_neuron", "one threshold a neuron", ["per_neuron"], [0.5, 0.5, 0.5], 8, threshold=[0.5, 1.0, 2.0]),
        _qcfs("empty", "nothing", ["empty"], [], 4),
        _qcfs("f32", "binary32", ["f32"], np.arange(9) / 8, 4, dtype="f32"),
    ]


def _random() -> list[Case]:
    rng = np.random.default_rng(87)
    made = []
    for k in range(14):
        params: dict[str, Any] = {"threshold": float(rng.choice([0.5, 1.0, 2.0]))} | (
            {"dtype": "f32"} if k % 4 == 0 else {}
        )
        T = int(2 ** rng.integers(0, 7))
        flags = ["random", "f32"] if k % 4 == 0 else ["random"]
        made.append(_qcfs(f"random_{k:02}", "random dyadic values", flags, dyadic(rng, -1, 3, 5, 12), T, **params))
    for k in range(10):
        T = [3, 5, 6, 7, 10, 12, 15, 20, 25, 100][k]
        made.append(
            _qcfs(
                f"ordinary_{k}",
                "multiply, divide, add, in this order",
                [ORDINARY],
                rng.normal(0.5, 0.5, 12),
                T,
                threshold=0.3 + 0.17 * k,
            )
        )
    return made


def _errors() -> list[Case]:
    def refused(name: str, comment: str, T: int, x: list[Any], **params: Any) -> Case:
        return case("qcfs", f"qcfs.{name}", comment, ["error"], {"timesteps": T, **params}, {"x": x})

    return [
        refused("no_steps", "no step, no level", 0, [0.5]),
        refused("negative_steps", "a negative number of steps", -4, [0.5]),
        refused("threshold_zero", "no threshold at zero", 4, [0.5], threshold=0.0),
        refused("no_values_threshold_zero", "refused where there is no value, too", 4, [], threshold=0.0),
        refused("threshold_beyond_f32", "infinite once rounded", 4, [0.5], threshold=1e39, dtype="f32"),
        refused("nan", "not a number", 4, ["nan"]),
        refused("two_thresholds_for_three", "one threshold, or one a value", 4, [0.5, 0.5, 0.5], threshold=[1.0, 1.0]),
    ]
