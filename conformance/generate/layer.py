"""Cases of ``layer.forward``."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from conformance.cases import Case
from conformance.generate import exact
from conformance.generate.make import case, checked, decimals, demand_exact, dyadic, fractions

ORDINARY = "ordinary_floats"


def cases() -> list[Case]:
    """Return all of them, each held against the scalar loops of `exact`."""
    return checked([*_edges(), *_random(), *_ordinary(), *_errors()], check)


class _Exact(NamedTuple):
    """The arguments of a case as numbers that the loops of `exact` take: fractions, or floats where the case rounds."""

    inputs: Any
    """(T, B, n_in)."""
    weights: Any
    """(n_out, n_in)."""
    bias: list[Any]
    """One per neuron, or None for each."""
    parameters: dict[str, list[Any]]
    """One value per neuron."""
    kind: str
    tracer: tuple[int, int]
    is_hard: bool
    zero: Any
    whole: bool
    max_spikes: int

    @classmethod
    def of(cls, one: Case) -> _Exact:
        arguments, to_number = one.arguments, float if ORDINARY in one.flags else Fraction
        n_in, n_out = arguments["size"]

        def numbers(values: Any) -> list[Any]:
            return [to_number(value) for value in fractions(values, arguments.get("dtype", "f64"))]

        defaults = {"threshold": 1, "v_init": 0, "beta": 1, "v_reset": 0}
        parameters = {key: numbers(arguments.get(key, default)) for key, default in defaults.items()}
        return cls(
            inputs=np.array(numbers(arguments["inputs"]), object).reshape(arguments["shape"]),
            weights=np.array(numbers(arguments["weights"]), object).reshape(n_out, n_in),
            bias=numbers(arguments["bias"]) if "bias" in arguments else [None] * n_out,
            parameters={key: values * n_out if len(values) == 1 else values for key, values in parameters.items()},
            kind=arguments["kind"],
            tracer=(arguments.get("tracer_min", 0), arguments.get("tracer_max", 31)),
            is_hard="v_reset" in arguments,
            zero=to_number(0),
            whole=arguments.get("dtype") == "i32",
            max_spikes=arguments.get("max_spikes", 1),
        )

    def run(self, sample: int, j: int) -> tuple[Any, Any, Any]:
        """Return what neuron ``j`` sends over the steps, its last membrane and its count."""
        steps, row = self.inputs[:, sample], list(self.weights[j])
        currents = [exact.weighted_sum(list(x), row, self.bias[j], self.zero) for x in steps]
        threshold, v_init, beta, v_reset = (
            self.parameters[key][j] for key in ("threshold", "v_init", "beta", "v_reset")
        )
        if self.kind == "identity":
            return currents, 0, sum(currents, self.zero)
        if self.kind == "ST-BIF":
            return exact.st_bif(currents, threshold, v_init, *self.tracer, self.whole)
        reset = v_reset if self.is_hard else None
        spikes, membrane = exact.integrate_fire(currents, threshold, v_init, reset, beta, self.max_spikes)
        return spikes, membrane, sum(spikes)


def check(one: Case) -> None:
    """Hold a case against the scalar loops, neuron by neuron."""
    layer, (T, B, _), (_, n_out) = _Exact.of(one), one.arguments["shape"], one.arguments["size"]
    spikes = np.zeros((T, B, n_out), object)
    membrane, counts = np.zeros((B, n_out), object), np.zeros((B, n_out), object)
    for b, j in np.ndindex(B, n_out):
        spikes[:, b, j], membrane[b, j], counts[b, j] = layer.run(b, j)
    outputs = {"spikes": spikes, "v": membrane, "counts": counts}
    demand_exact(one.id, one.expected, {key: list(value.ravel()) for key, value in outputs.items()})


def _forward(
    name: str, comment: str, flags: list[str], x: Any, W: Any, bias: Any = None, kind: str = "IF", **params: Any
) -> Case:
    x, W = np.asarray(x, np.float64), np.asarray(W, np.float64)
    inputs = {"inputs": decimals(x), "weights": decimals(W)} | ({} if bias is None else {"bias": decimals(bias)})
    shape = {"shape": list(x.shape), "size": [W.shape[1], W.shape[0]], "kind": kind}
    return case("layer.forward", f"layer.forward.{name}", comment, flags, {**shape, **params}, inputs)


EYE, ONES = np.eye(2), np.ones((4, 1, 2))
BIPOLAR = [[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]] * 2
LIF = {"kind": "LIF", "beta": 0.5}
SEVERAL = {"threshold": [1.0, 2.0, 0.5], "v_init": [0.0, 0.5, 0.25]}
EDGES: dict[str, tuple[str, str, Any, Any, dict[str, Any]]] = {
    # name: (comment, flags, inputs, weights, bias and parameters)
    "identity_weights": ("each input drives its own output", "default", ONES, EYE, {}),
    "transposed": ("rows are outputs", "transposed", [[[1.0, 0.0]], [[0.0, 1.0]]], [[1.0, 0.0], [2.0, 0.5]], {}),
    "bias_only": (
        "a neuron without spikes fires by its bias",
        "bias_only",
        np.zeros((8, 1, 2)),
        np.zeros((1, 2)),
        {"bias": [0.25]},
    ),
    "negative": ("inhibition wins", "negative", ONES, [[1.0, -2.0]], {}),
    "negative_spikes": (
        "bipolar input spikes subtract",
        "negative",
        [[[1.0, -1.0]], [[-1.0, 1.0]]],
        [[1.0, 0.5]],
        {},
    ),
    "analog": ("an analog input, as the first layer has", "encoding", [[[0.25, 0.75]]] * 6, [[1.0, 0.5]], {}),
    "batch": ("two samples do not see each other", "batch", [[[1.0, 0.0], [0.0, 1.0]]] * 3, [[1.0, 0.25]], {}),
    "no_steps": ("no step", "empty", np.zeros((0, 1, 2)), EYE, {}),
    "no_samples": ("no sample", "empty", np.zeros((3, 0, 2)), EYE, {}),
    "no_inputs": ("no input but a bias", "empty bias_only", np.zeros((4, 1, 0)), np.zeros((1, 0)), {"bias": [0.5]}),
    "lif": ("leaky neurons", "leak kind", ONES, [[0.5, 0.25]], LIF),
    "lif_hard": ("leak and hard reset", "leak hard_reset", ONES, [[0.5, 0.25]], {**LIF, "v_reset": -0.25}),
    "hard": ("hard reset", "hard_reset", ONES, [[1.0, 0.25]], {"v_reset": 0.0}),
    "st_bif": ("bipolar neurons", "kind tracer", BIPOLAR, [[2.5, -4.0]], {"kind": "ST-BIF", "v_init": 0.5}),
    "identity": (
        "no neuron: the currents pass",
        "identity",
        ONES * 0.5,
        [[0.5, 0.25]],
        {"bias": [0.125], "kind": "identity"},
    ),
    "per_neuron": ("one threshold and start a neuron", "per_neuron", ONES, [[0.5, 0.5]] * 3, SEVERAL),
    "f32": ("binary32", "f32", ONES, [[0.625, 0.25]], {"dtype": "f32"}),
    "cancels": (
        "a large pair cancels before the bias counts",
        "bias_only negative",
        ONES,
        [[65536.0, -65536.0]],
        {"bias": [0.5]},
    ),
}


def _edges() -> list[Case]:
    return [
        _forward(name, comment, flags.split(), inputs, weights, **arguments)
        for name, (comment, flags, inputs, weights, arguments) in EDGES.items()
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
        weights = dyadic(rng, -1, 1, 4, (n_out, n_in))
        made.append(_forward(f"random_{k:02}", "random dyadic weights", flags, x, weights, bias, kind, **params))
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
        refused("inputs_length", "three values for a shape of four", inputs=[1.0, 1.0, 1.0]),
        refused("weights_length", "three weights for two inputs and one neuron", weights=[1.0, 1.0, 1.0]),
        refused("unknown_kind", "a kind of neuron that does not exist", kind="Izhikevich"),
        refused("st_bif_tracer", "tracer bounds without 0", kind="ST-BIF", tracer_min=2),
    ]
