"""Cases of ``st_bif.multistep``."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate import exact
from conformance.generate.make import case, checked, decimals, demand_exact, dyadic, fractions

ORDINARY = "ordinary_floats"


def cases() -> list[Case]:
    """Return all of them, each held against the scalar loops of `exact`."""
    return checked([*_edges(), *_random(), *_errors()], check)


def check(one: Case) -> None:
    """Hold a case against the scalar loop."""
    a = one.arguments
    dtype, (T, N) = a.get("dtype", "f64"), a["shape"]
    table = np.array(fractions(a["currents"], dtype), dtype=object).reshape(T, N)
    θ, v0 = ((fractions(a.get(key, default), dtype) * N)[:N] for key, default in (("threshold", 1.0), ("v_init", 0.5)))
    if ORDINARY in one.flags:
        table, θ, v0 = table.astype(float), [float(x) for x in θ], [float(x) for x in v0]
    bounds = a.get("tracer_min", 0), a.get("tracer_max", 31)
    answers = [exact.st_bif(list(table[:, n]), θ[n], v0[n], *bounds, dtype == "i32") for n in range(N)]
    spikes = [answers[n][0][t] for t in range(T) for n in range(N)]
    demand_exact(
        one.id, one.expected, {"spikes": spikes, "v": [v for _, v, _ in answers], "tracer": [S for _, _, S in answers]}
    )


def _multistep(name: str, comment: str, flags: list[str], currents: Any, **params: Any) -> Case:
    table = np.asarray(currents, np.float64)
    inputs = {"currents": decimals(table)}
    return case(
        "st_bif.multistep", f"st_bif.multistep.{name}", comment, flags, {"shape": list(table.shape), **params}, inputs
    )


def _edges() -> list[Case]:
    quiet = [[0.0]] * 12
    return [
        _multistep("at_one", "v exactly 1 fires", ["at_threshold"], [[0.5], [0.0]]),
        _multistep("at_zero", "v exactly 0 does not fire down", ["at_threshold"], [[0.5], [-0.5], [0.0]]),
        _multistep(
            "one_ulp_below",
            "v one ulp below 1 is silent",
            ["below_threshold"],
            [[float(np.nextafter(1, 0))]],
            v_init=0.0,
        ),
        _multistep("settles", "a large input leaves a spike a step", ["settles"], [[5.25], *quiet]),
        _multistep("settles_half_up", "two and a half settles on three", ["settles", "at_threshold"], [[2.5], *quiet]),
        _multistep("settles_back", "spikes are taken back", ["settles", "negative"], [[3.0], [-2.0], *quiet]),
        _multistep(
            "saturated_high", "no spike above the bound", ["saturated", "tracer"], [[9.0], *quiet], tracer_max=3
        ),
        _multistep("saturated_low", "no spike below zero", ["saturated", "negative"], [[-3.0], *quiet]),
        _multistep(
            "signed",
            "a signed tracer follows down to its bound",
            ["tracer", "negative", "saturated"],
            [[-9.0], *quiet],
            tracer_min=-4,
            tracer_max=3,
        ),
        _multistep(
            "released",
            "a saturated tracer is free again",
            ["saturated"],
            [[6.0], [0.0], [0.0], [-5.0], *quiet],
            tracer_max=2,
        ),
        _multistep("bound_zero", "a tracer that may only stay", ["tracer"], [[4.0], [-4.0]], tracer_max=0),
        _multistep("no_steps", "no step: v stays, the tracer is 0", ["empty"], np.zeros((0, 2))),
        _multistep("no_neurons", "no neuron", ["empty"], np.zeros((3, 0))),
        _multistep(
            "per_neuron", "one threshold a neuron", ["per_neuron"], [[1.0, 1.0, 1.0]] * 6, threshold=[0.5, 1.0, 4.0]
        ),
        _multistep("start", "another start", ["default"], [[0.25]] * 6, v_init=0.0),
        _multistep("f32", "binary32", ["f32"], [[0.375], [1.5], *quiet], dtype="f32"),
    ]


def _random() -> list[Case]:
    rng = np.random.default_rng(84)
    made = []
    for k in range(36):
        T, N = int(rng.integers(1, 20)), int(rng.integers(1, 7))
        low, high = (-int(rng.integers(1, 9)), int(rng.integers(1, 9))) if k % 2 else (0, int(rng.integers(1, 16)))
        params: dict[str, Any] = {
            "threshold": float(rng.choice([0.25, 0.5, 1.0, 2.0])),
            "tracer_min": low,
            "tracer_max": high,
        }
        flags = ["random", "tracer"]
        if k % 3 == 0:
            params["dtype"] = "f32"
            flags.append("f32")
        made.append(
            _multistep(f"random_{k:02}", "random dyadic currents", flags, dyadic(rng, -3, 3, 4, (T, N)), **params)
        )
    for k in range(8):
        params = {"threshold": 0.37 + 0.05 * k, "tracer_min": -5, "tracer_max": 5}
        made.append(
            _multistep(f"ordinary_{k}", "the division rounds", [ORDINARY], rng.normal(0, 0.5, (24, 3)), **params)
        )
    return made


def _errors() -> list[Case]:
    wrong: dict[str, dict[str, Any]] = {
        "threshold_zero": {"threshold": 0.0},
        "tracer_above_zero": {"tracer_min": 1},
        "tracer_below_zero": {"tracer_min": -3, "tracer_max": -1},
        "two_thresholds_for_one": {"threshold": [1.0, 1.0]},
    }
    made = [_multistep(name, "refused", ["error"], [[0.5]], **params) for name, params in wrong.items()]
    nan = case(
        "st_bif.multistep", "st_bif.multistep.nan", "refused", ["error"], {"shape": [1, 1]}, {"currents": ["nan"]}
    )
    none = _multistep(
        "no_neurons_threshold_zero",
        "refused where there is no neuron, too",
        ["error", "empty"],
        np.zeros((2, 0)),
        threshold=0.0,
    )
    return [*made, nan, none]
