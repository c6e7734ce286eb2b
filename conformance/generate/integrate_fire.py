"""Cases of ``if.multistep`` and ``if.constant``."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate import exact
from conformance.generate.make import case, checked, decimals, demand_exact, dyadic, fractions
from conformance.in_process import DTYPES

ORDINARY = "ordinary_floats"


def cases() -> list[Case]:
    """Return all of them, each held against the scalar loops of `exact`."""
    return checked([*_edges(), *_random(), *_ordinary(), *_constant(), *_errors()], check)


def check(one: Case) -> None:
    """Hold a case of ``if.multistep`` or ``if.constant`` against the scalar loop."""
    a = one.arguments
    dtype = a.get("dtype", "f64")
    rounds = ORDINARY in one.flags
    if one.kernel == "if.multistep":
        T, N = a["shape"]
        table = np.array(fractions(a["currents"], dtype), dtype=object).reshape(T, N)
    else:
        T, N = a["timesteps"], len(a["current"])
        table = np.array([fractions(a["current"], dtype)] * T, dtype=object).reshape(T, N)

    def parameter(key: str, default: float) -> list[Any]:
        values = fractions(a.get(key, default), dtype)
        values = values * N if len(values) == 1 else values
        return [DTYPES[dtype](value) for value in values] if rounds else values

    if rounds:
        table = table.astype(DTYPES[dtype])
    θ, v0, β = parameter("threshold", 1.0), parameter("v_init", 0.5), parameter("beta", 1.0)
    if dtype == "i32":  # v_init·θ is a product of f64, rounded once
        v0 = [Fraction(float(start) * float(level)) / level for start, level in zip(v0, θ, strict=True)]
    reset = parameter("v_reset", 0.0) if "v_reset" in a else [None] * N
    L = a.get("max_spikes", 1)
    answers = [exact.integrate_fire(list(table[:, n]), θ[n], v0[n], reset[n], β[n], L) for n in range(N)]
    spikes = [answers[n][0][t] for t in range(T) for n in range(N)]
    demand_exact(
        one.id,
        one.expected,
        {
            "spikes": spikes,
            "v": [float(v) if rounds else v for _, v in answers],
            "counts": [sum(s) for s, _ in answers],
        },
    )


def _multistep(name: str, comment: str, flags: list[str], currents: Any, **params: Any) -> Case:
    table = np.asarray(currents, np.float64)
    params = {"shape": list(table.shape), **params}
    return case("if.multistep", f"if.multistep.{name}", comment, flags, params, {"currents": decimals(table)})


def _edges() -> list[Case]:
    below = float(np.nextafter(1.0, 0.0))
    return [
        _multistep(
            "at_threshold", "exactly at the threshold fires", ["at_threshold"], [[1.0], [0.5], [0.5]], v_init=0.0
        ),
        _multistep("one_ulp_below", "one ulp below stays silent", ["below_threshold"], [[below]], v_init=0.0),
        _multistep(
            "one_ulp_below_f32",
            "one binary32 ulp below stays silent",
            ["below_threshold", "f32"],
            [[float(np.nextafter(np.float32(1), np.float32(0)))]],
            dtype="f32",
            v_init=0.0,
        ),
        _multistep(
            "defaults", "threshold 1, start at one half, soft reset, no leak", ["default"], [[0.25, 0.5], [0.25, 0.5]]
        ),
        _multistep(
            "no_steps", "no step: the membrane stays where it starts", ["empty"], np.zeros((0, 3)), threshold=2.0
        ),
        _multistep("no_neurons", "no neuron: nothing, and no error", ["empty"], np.zeros((4, 0))),
        _multistep(
            "negative", "negative current lowers the membrane without bound", ["negative"], [[-3.0], [2.0], [2.0]]
        ),
        _multistep("one_spike_a_step", "twice the threshold still gives one spike", ["long"], [[2.0]] * 5, v_init=0.0),
        _multistep(
            "hard", "hard reset forgets the rest", ["hard_reset"], [[1.5], [0.5], [0.5]], v_init=0.0, v_reset=0.0
        ),
        _multistep(
            "hard_below", "hard reset below zero", ["hard_reset"], [[1.5], [1.0], [1.5]], v_init=0.0, v_reset=-0.5
        ),
        _multistep(
            "leak", "half of the membrane is lost a step", ["leak"], [[1.0], [0.5], [0.5]], threshold=2.0, beta=0.5
        ),
        _multistep("forgets", "beta 0: only this step's current counts", ["leak"], [[0.75], [0.75], [1.0]], beta=0.0),
        _multistep(
            "start_above", "a start above the threshold fires with no current", ["at_threshold"], [[0.0]], v_init=1.5
        ),
        _multistep("start_negative", "a negative start", ["negative"], [[0.5]] * 4, v_init=-0.5),
        _multistep(
            "per_neuron",
            "every parameter one a neuron",
            ["per_neuron", "leak", "hard_reset"],
            [[1.0, 1.0, 1.0]] * 4,
            threshold=[1.0, 2.0, 4.0],
            v_init=[0.0, 0.5, 0.25],
            v_reset=[0.0, -1.0, 0.5],
            beta=[1.0, 0.5, 0.25],
        ),
        _multistep("subnormal", "the smallest positive number adds up", ["subnormal"], [[5e-324]] * 4, v_init=0.0),
        _multistep("long", "a thousand steps of three eighths", ["long"], [[0.375]] * 1000),
        _multistep("minus_zero", "minus zero is no spike and no error", ["negative"], [[-0.0], [1.0]], v_init=0.0),
    ]


def _random() -> list[Case]:
    rng = np.random.default_rng(81)
    made = []
    for k in range(48):
        T, N = int(rng.integers(1, 24)), int(rng.integers(1, 9))
        params: dict[str, Any] = {
            "threshold": float(rng.choice([0.5, 1.0, 1.25, 2.0])),
            "v_init": float(rng.choice([0.0, 0.5])),
        }
        flags = ["random"]
        if k % 4 == 1:
            params["v_reset"] = float(rng.choice([0.0, -0.5, 0.25]))
            flags.append("hard_reset")
        if k % 6 == 2:
            params["beta"], T = 0.5, min(T, 12)
            flags.append("leak")
        if k % 5 == 3:
            params["threshold"] = decimals(rng.choice([0.5, 1.0, 1.5], N))
            flags.append("per_neuron")
        if k % 3 == 2:
            params["dtype"], T = "f32", min(T, 10)
            flags.append("f32")
        made.append(
            _multistep(f"random_{k:02}", "random dyadic currents", flags, dyadic(rng, -1, 2, 4, (T, N)), **params)
        )
    return made


def _ordinary() -> list[Case]:
    rng = np.random.default_rng(82)
    made = []
    for k in range(12):
        currents = rng.normal(0.3, 0.4, (32, 4))
        params = {"threshold": 0.7 + 0.1 * k, "v_init": 0.3, "beta": [1.0, 0.9, 0.99, 0.37][k % 4]}
        if k % 3 == 1:
            params["v_reset"] = -0.1
        made.append(
            _multistep(
                f"ordinary_{k:02}", "every operation rounds, none is fused", [ORDINARY, "leak"], currents, **params
            )
        )
    return made


def _constant() -> list[Case]:
    def constant(name: str, comment: str, flags: list[str], current: Any, T: int, **params: Any) -> Case:
        inputs = {"current": decimals(current)}
        return case("if.constant", f"if.constant.{name}", comment, flags, {"timesteps": T, **params}, inputs)

    rng = np.random.default_rng(83)
    made = [
        constant("every_level", "all seventeen levels of sixteen steps", ["default"], np.arange(17) / 16, 16),
        constant("between_levels", "halves between levels round up", ["at_threshold"], (np.arange(16) + 0.5) / 16, 16),
        constant("no_steps", "no step at all", ["empty"], [0.5, 1.0], 0),
        constant("no_neurons", "no neuron at all", ["empty"], [], 5),
        constant("negative", "a negative current never fires", ["negative"], [-0.5, -4.0], 8),
        constant("above_threshold", "above the threshold: a spike a step, the rest stays", ["long"], [1.5, 3.0], 8),
        constant("hard", "hard reset", ["hard_reset"], [0.375, 0.75], 16, v_reset=0.0, v_init=0.0),
        constant("leak", "a leak that keeps the neuron silent", ["leak"], [0.25, 0.5, 0.75], 8, beta=0.5, v_init=0.0),
        constant("f32", "binary32", ["f32"], [0.375, 0.625], 64, dtype="f32"),
        constant("long", "ten thousand steps", ["long"], [0.3125], 10000),
    ]
    for k in range(16):
        N, T = int(rng.integers(1, 7)), int(rng.integers(1, 65))
        params = {"threshold": float(rng.choice([0.5, 1.0, 2.0])), "v_init": float(rng.choice([0.0, 0.5]))}
        flags = ["random", "per_neuron"] if k % 4 == 0 else ["random"]
        if k % 4 == 0:
            params["threshold"] = decimals(rng.choice([0.5, 1.0, 1.75], N))
        made.append(constant(f"random_{k:02}", "random dyadic currents", flags, dyadic(rng, -1, 2, 5, N), T, **params))
    for k in range(6):
        params = {"threshold": 0.9, "beta": [1.0, 0.95][k % 2]}
        made.append(constant(f"ordinary_{k}", "every operation rounds", [ORDINARY], rng.uniform(0, 1, 5), 40, **params))
    return made


def _errors() -> list[Case]:
    good = [[0.5, 0.5]]
    wrong: dict[str, dict[str, Any]] = {
        "threshold_zero": {"threshold": 0.0},
        "threshold_negative": {"threshold": [1.0, -1.0]},
        "threshold_nan": {"threshold": "nan"},
        "beta_above_one": {"beta": 1.5},
        "beta_negative": {"beta": -0.5},
        "reset_at_threshold": {"v_reset": 1.0},
        "three_thresholds_for_two": {"threshold": [1.0, 1.0, 1.0]},
        "three_starts_for_two": {"v_init": [0.0, 0.0, 0.0]},
        "threshold_beyond_f32": {"threshold": 1e39, "dtype": "f32"},
        "start_beyond_f32": {"v_init": [0.0, -1e39], "dtype": "f32"},
    }
    made = [_multistep(name, "refused before any step", ["error"], good, **params) for name, params in wrong.items()]
    for name in ("threshold_zero", "beta_above_one", "reset_at_threshold"):
        comment = "refused where there is no neuron, too"
        made.append(_multistep(f"no_neurons_{name}", comment, ["error", "empty"], np.zeros((2, 0)), **wrong[name]))
    for value in ("nan", "inf", "-inf"):
        made.append(
            case(
                "if.multistep",
                f"if.multistep.current_{value.replace('-', 'minus_')}",
                "a current that is not finite is refused before any step",
                ["error"],
                {"shape": [2, 1]},
                {"currents": [0.5, value]},
            )
        )
    for name, values in (("more", [0.5] * 5), ("fewer", [0.5] * 3)):
        said = f"{len(values)} currents for two steps of two neurons"
        made.append(
            case(
                "if.multistep",
                f"if.multistep.currents_{name}",
                said,
                ["error"],
                {"shape": [2, 2]},
                {"currents": values},
            )
        )
    made.append(
        case(
            "if.constant",
            "if.constant.negative_steps",
            "a negative number of steps is refused",
            ["error"],
            {"timesteps": -1},
            {"current": [0.5]},
        )
    )
    return made
