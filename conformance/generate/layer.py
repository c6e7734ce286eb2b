"""Cases of ``layer.forward``."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate import exact
from conformance.generate.make import case, checked, decimals, demand_exact, dyadic, fractions

ORDINARY = "ordinary_floats"


def cases() -> list[Case]:
    """Return all of them, each held against the scalar loops of `exact`."""
    return checked([*_edges(), *_random(), *_ordinary(), *_errors()], _check)


def _check(one: Case) -> None:
    a, rounds = one.arguments, ORDINARY in one.flags
    dtype, (T, B, n_in), (_, n_out) = a.get("dtype", "f64"), a["shape"], a["size"]

    def table(key: str, shape: Any) -> Any:
        values = np.array(fractions(a[key], dtype), dtype=object).reshape(shape)
        return values.astype(float) if rounds else values

    def parameter(key: str, default: float) -> list[Any]:
        values = (fractions(a.get(key, default), dtype) * n_out)[:n_out]
        return [float(v) for v in values] if rounds else values

    x, W = table("inputs", (T, B, n_in)), table("weights", (n_out, n_in))
    bias = table("bias", n_out) if "bias" in a else [None] * n_out
    zero: Any = 0.0 if rounds else Fraction(0)
    θ, v0, β, reset = (parameter(k, d) for k, d in (("threshold", 1), ("v_init", 0), ("beta", 1), ("v_reset", 0)))
    spikes = np.zeros((T, B, n_out), object)
    last, counts = np.zeros((B, n_out), object), np.zeros((B, n_out), object)
    for b in range(B):
        for j in range(n_out):
            I = [exact.weighted_sum(list(x[t, b]), list(W[j]), bias[j], zero) for t in range(T)]
            if a["kind"] == "ST-BIF":
                bounds = a.get("tracer_min", 0), a.get("tracer_max", 31)
                s, last[b, j], counts[b, j] = exact.st_bif(I, θ[j], v0[j], *bounds)
            elif a["kind"] == "identity":
                s, counts[b, j] = I, sum(I, zero)
            else:
                s, last[b, j] = exact.integrate_fire(I, θ[j], v0[j], reset[j] if "v_reset" in a else None, β[j])
                counts[b, j] = sum(s)
            spikes[:, b, j] = s
    outputs = {"spikes": spikes, "v": last, "counts": counts}
    demand_exact(one.id, one.expected, {key: list(value.ravel()) for key, value in outputs.items()})


def _forward(
    name: str, comment: str, flags: list[str], x: Any, W: Any, bias: Any = None, kind: str = "IF", **params: Any
) -> Case:
    x, W = np.asarray(x, np.float64), np.asarray(W, np.float64)
    inputs = {"inputs": decimals(x), "weights": decimals(W)} | ({} if bias is None else {"bias": decimals(bias)})
    shape = {"shape": list(x.shape), "size": [W.shape[1], W.shape[0]], "kind": kind}
    return case("layer.forward", f"layer.forward.{name}", comment, flags, {**shape, **params}, inputs)


def _edges() -> list[Case]:
    eye, ones = np.eye(2), np.ones((4, 1, 2))
    return [
        _forward("identity_weights", "each input drives its own output", ["default"], ones, eye),
        _forward(
            "transposed", "rows are outputs", ["transposed"], [[[1.0, 0.0]], [[0.0, 1.0]]], [[1.0, 0.0], [2.0, 0.5]]
        ),
        _forward(
            "bias_only",
            "a neuron without spikes fires by its bias",
            ["bias_only"],
            np.zeros((8, 1, 2)),
            np.zeros((1, 2)),
            [0.25],
        ),
        _forward("negative", "inhibition wins", ["negative"], ones, [[1.0, -2.0]]),
        _forward(
            "negative_spikes",
            "bipolar input spikes subtract",
            ["negative"],
            [[[1.0, -1.0]], [[-1.0, 1.0]]],
            [[1.0, 0.5]],
        ),
        _forward("analog", "an analog input, as the first layer has", ["encoding"], [[[0.25, 0.75]]] * 6, [[1.0, 0.5]]),
        _forward(
            "batch", "two samples do not see each other", ["batch"], [[[1.0, 0.0], [0.0, 1.0]]] * 3, [[1.0, 0.25]]
        ),
        _forward("no_steps", "no step", ["empty"], np.zeros((0, 1, 2)), eye),
        _forward("no_samples", "no sample", ["empty"], np.zeros((3, 0, 2)), eye),
        _forward(
            "no_inputs", "no input but a bias", ["empty", "bias_only"], np.zeros((4, 1, 0)), np.zeros((1, 0)), [0.5]
        ),
        _forward("lif", "leaky neurons", ["leak", "kind"], ones, [[0.5, 0.25]], kind="LIF", beta=0.5),
        _forward(
            "lif_hard",
            "leak and hard reset",
            ["leak", "hard_reset"],
            ones,
            [[0.5, 0.25]],
            kind="LIF",
            beta=0.5,
            v_reset=-0.25,
        ),
        _forward("hard", "hard reset", ["hard_reset"], ones, [[1.0, 0.25]], v_reset=0.0),
        _forward(
            "st_bif",
            "bipolar neurons",
            ["kind", "tracer"],
            [[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]] * 2,
            [[2.5, -4.0]],
            kind="ST-BIF",
            v_init=0.5,
        ),
        _forward(
            "identity",
            "no neuron: the currents pass",
            ["identity"],
            ones * 0.5,
            [[0.5, 0.25]],
            [0.125],
            kind="identity",
        ),
        _forward(
            "per_neuron",
            "one threshold and start a neuron",
            ["per_neuron"],
            ones,
            [[0.5, 0.5]] * 3,
            threshold=[1.0, 2.0, 0.5],
            v_init=[0.0, 0.5, 0.25],
        ),
        _forward("f32", "binary32", ["f32"], ones, [[0.625, 0.25]], dtype="f32"),
        _forward(
            "cancels",
            "a large pair cancels before the bias counts",
            ["bias_only", "negative"],
            ones,
            [[65536.0, -65536.0]],
            [0.5],
        ),
    ]


def _random() -> list[Case]:
    rng = np.random.default_rng(85)
    made = []
    for k in range(30):
        T, B, n_in, n_out = (int(rng.integers(1, high)) for high in (10, 4, 9, 7))
        kind = ["IF", "LIF", "ST-BIF", "IF", "identity"][k % 5]
        x = rng.integers(-1 if kind == "ST-BIF" else 0, 2, (T, B, n_in)).astype(float)
        params: dict[str, Any] = {"threshold": float(rng.choice([0.5, 1.0, 2.0])), "v_init": 0.5}
        if kind == "LIF":
            params["beta"] = 0.5
        if kind == "ST-BIF":
            params |= {"tracer_min": -3, "tracer_max": 5}
        flags = ["random", "kind", "batch"]
        if k % 3 == 0:
            params["dtype"] = "f32"
            flags.append("f32")
        bias = dyadic(rng, -1, 1, 4, n_out) if k % 2 else None
        made.append(
            _forward(
                f"random_{k:02}",
                "random dyadic weights",
                flags,
                x,
                dyadic(rng, -1, 1, 4, (n_out, n_in)),
                bias,
                kind,
                **params,
            )
        )
    return made


def _ordinary() -> list[Case]:
    rng = np.random.default_rng(86)
    made = []
    for k in range(8):
        x = rng.random((12, 2, 24)) if k % 2 else (rng.random((12, 2, 24)) < 0.4).astype(float)
        W, bias = rng.normal(0, 0.3, (5, 24)), rng.normal(0, 0.1, 5)
        made.append(
            _forward(f"ordinary_{k}", "ascending inputs, bias last, nothing fused", [ORDINARY], x, W, bias, v_init=0.5)
        )
    return made


def _errors() -> list[Case]:
    x, W = np.ones((2, 1, 2)), np.ones((1, 2))

    def refused(name: str, comment: str, **change: Any) -> Case:
        params = {"shape": [2, 1, 2], "size": [2, 1], "kind": "IF"}
        inputs = {"inputs": decimals(x), "weights": decimals(W)}
        for key, value in change.items():
            (params if key in params or not isinstance(value, list) else inputs)[key] = value
        return case("layer.forward", f"layer.forward.{name}", comment, ["error"], params, inputs)

    return [
        refused("wrong_width", "inputs of width 1 for weights of width 2", shape=[4, 1, 1]),
        refused("two_biases_for_one", "one bias a row of the weights", bias=[0.5, 0.5]),
        refused("nan_weight", "a weight that is not finite", weights=[1.0, "nan"]),
        refused("inf_input", "an input that is not finite", inputs=[1.0, 1.0, "inf", 1.0]),
        refused("inf_bias", "a bias that is not finite", bias=["-inf"]),
        refused("threshold_zero", "no threshold at zero", threshold=0.0),
        refused("threshold_beyond_f32", "infinite once rounded", threshold=1e39, dtype="f32"),
        refused("if_leaks", "IF has no leak", beta=0.5),
        refused("overflow", "a current that overflows", weights=[1.7e308, 1.7e308]),
        refused(
            "overflow_identity",
            "a current that overflows and would be passed on",
            weights=[1.7e308, 1.7e308],
            kind="identity",
        ),
        refused("unknown_kind", "a kind of neuron that does not exist", kind="Izhikevich"),
        refused("st_bif_tracer", "tracer bounds without 0", kind="ST-BIF", tracer_min=2),
    ]
