"""Cases of integers: neurons, operations and layers of dtype ``i32``.

Their answers are held against the scalar loops of `exact` like all others; at the bounds, what just fits runs, and what
passes 2^31 - 1 by one is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate import integrate_fire, layer, st_bif
from conformance.generate.make import case, checked
from conformance.generate.operations.operation import check as check_operation

M = 2**31 - 1


def cases() -> list[Case]:
    """Return all of them."""
    return [
        *checked([*_neurons(), *_random_neurons(), *_neuron_errors()], integrate_fire.check),
        *checked([*_st_bif(), *_st_bif_errors()], st_bif.check),
        *checked([*_operations(), *_operation_errors()], check_operation),
        *checked([*_layers(), *_layer_errors()], layer.check),
    ]


def _whole(array: Any) -> list[int]:
    return [int(value) for value in np.asarray(array).ravel()]


def _case(kernel: str, name: str, comment: str, flags: str, params: dict[str, Any], inputs: dict[str, Any]) -> Case:
    params = {"dtype": "i32", **params}
    return case(kernel, f"{kernel}.integers_{name}", comment, ["integers", *flags.split()], params, inputs)


def _steps(name: str, comment: str, flags: str, currents: Any, kernel: str = "if.multistep", **params: Any) -> Case:
    table = np.asarray(currents)
    return _case(kernel, name, comment, flags, {"shape": list(table.shape), **params}, {"currents": _whole(table)})


def _constant(name: str, comment: str, flags: str, current: list[Any], timesteps: int, **params: Any) -> Case:
    return _case("if.constant", name, comment, flags, {"timesteps": timesteps, **params}, {"current": current})


def _neurons() -> list[Case]:
    big = {"threshold": 1 << 30, "v_init": 0.0}
    return [
        _steps("at_threshold", "exactly at the threshold fires", "at_threshold", [[7], [6]], threshold=7, v_init=0.0),
        _steps("below_threshold", "one below stays silent", "below_threshold", [[6], [0]], threshold=7, v_init=0.0),
        _steps("defaults", "a start at half of the threshold", "default", [[3, 2], [0, 1]], threshold=6),
        _steps(
            "start", "a third of nine is three: the product is rounded once", "default", [[6]], threshold=9, **THIRD
        ),
        _steps("hard", "hard reset below zero", "hard_reset", [[12], [5], [12]], threshold=10, v_init=0.0, v_reset=-3),
        _steps(
            "several", "three spikes in a step", "several", [[31], [9], [29]], threshold=10, v_init=0.0, max_spikes=3
        ),
        _steps("negative", "negative currents add up", "negative", [[-5], [2], [9]], threshold=6),
        _steps(
            "per_neuron",
            "each its own threshold and start",
            "per_neuron",
            [[5, 5, 5]] * 4,
            threshold=[4, 8, 10],
            v_init=[0.25, -0.5, 0.1],
        ),
        _steps("no_steps", "no step: the membrane stays where it starts", "empty", np.zeros((0, 2)), threshold=4),
        _steps("no_neurons", "no neuron", "empty", np.zeros((2, 0)), threshold=4),
        _steps("beyond_f32", "sums that binary32 does not hold", "long", [[16777217]] * 5, threshold=1 << 25),
        _steps("at_the_bound", "T·|I| + θ is 2^31 - 1: it runs", "overflow", [[(1 << 30) - 1]], **big),
        _steps("down_to_the_bound", "the same, downwards", "overflow", [[-(1 << 30) + 1]], **big),
        _constant("every_level", "all 17 levels of 16 steps", "default", list(range(17)), 16, threshold=16),
        _constant("several", "28 levels of 4 steps", "several", list(range(0, 58, 2)), 4, threshold=8, max_spikes=7),
        _constant("no_steps", "no step", "empty", [5], 0, threshold=2),
        _constant("at_the_bound", "64 steps that just fit", "overflow", [1 << 24], 64, **FITS),
    ]


THIRD = {"v_init": 1 / 3}
FITS = {"threshold": M - (1 << 30), "v_init": 0.0}
"""Leaves room for 64 steps of 2^24."""


def _random_neurons() -> list[Case]:
    rng = np.random.default_rng(181)
    made = []
    for k in range(12):
        T, N = int(rng.integers(1, 16)), int(rng.integers(1, 7))
        params: dict[str, Any] = {"threshold": _whole(rng.integers(1, 200, N) * 2), "v_init": 0.5}
        flags = "random per_neuron"
        if k % 3 == 1:
            params["v_reset"], flags = int(rng.integers(-50, 2)), f"{flags} hard_reset"
        elif k % 3 == 2:
            params["max_spikes"], flags = int(rng.choice([3, 7])), f"{flags} several"
        currents = rng.integers(-100, 400, (T, N))
        made.append(_steps(f"random_{k:02}", "random whole currents", flags, currents, **params))
    return made


def _neuron_errors() -> list[Case]:
    good, even = [[4, 4]], {"threshold": 4}
    wrong: dict[str, tuple[Any, dict[str, Any]]] = {
        "current_of_a_half": ([[0.5, 1]], even),
        "threshold_of_a_half": (good, {"threshold": 4.5, "v_init": 0.0}),
        "start_of_a_half": (good, {"threshold": 5}),
        "reset_of_a_half": (good, {**even, "v_reset": 0.5}),
        "leak": (good, {**even, "beta": 0.5}),
        "threshold_zero": (good, {"threshold": 0}),
        "threshold_nan": (good, {"threshold": "nan"}),
        "reset_at_threshold": (good, {**even, "v_reset": 4}),
        "current_of_33_bits": ([[M + 1, 0]], even),
        "threshold_of_33_bits": (good, {"threshold": [2.0, 2.0**32]}),
        "start_of_33_bits": (good, {"threshold": 1 << 20, "v_init": 4096.0}),
        "above_the_bound": ([[1 << 30, 0]], {"threshold": 1 << 30, "v_init": 0.0}),
        "below_the_bound": ([[-(1 << 30), 0]], {"threshold": 1 << 30, "v_init": 0.0}),
        "steps_above_the_bound": ([[1 << 28, 0]] * 8, even),
        "start_above_the_bound": ([[1 << 20, 0]], {"threshold": 1 << 20, "v_init": [0.0, -2047.0]}),
        "reset_above_the_bound": ([[1, 0]], {**even, "v_reset": -M}),
        "several_above_the_bound": ([[0, 0]], {"threshold": 1 << 30, "max_spikes": 2}),
        "several_with_reset": (good, {**even, "v_reset": 0, "max_spikes": 2}),
    }
    made = []
    for name, (currents, params) in wrong.items():
        table = np.asarray(currents, np.float64)
        inputs = {"currents": [int(v) if v == int(v) else float(v) for v in table.ravel()]}
        params = {"shape": list(table.shape), **params}
        made.append(_case("if.multistep", name, "refused before any step", "error", params, inputs))
    return [
        *made,
        _constant("above_the_bound", "64 steps that do not fit", "error", [(1 << 24) + 1], 64, **FITS),
        _constant("of_a_half", "a current with a fraction", "error", [1, 0.5], 2, threshold=2),
        _constant("negative_steps", "a negative number of steps", "error", [1], -1, threshold=2),
    ]


def _st_bif() -> list[Case]:
    def steps(name: str, comment: str, flags: str, currents: Any, **params: Any) -> Case:
        return _steps(name, comment, flags, currents, "st_bif.multistep", **params)

    rng, quiet = np.random.default_rng(182), [[0]] * 12
    made = [
        steps("at_threshold", "v = θ fires", "at_threshold", [[5], [0]], threshold=10),
        steps("at_zero", "v = 0 does not fire down", "at_threshold", [[5], [-5], [0]], threshold=10),
        steps("below_threshold", "v = θ - 1 is silent", "below_threshold", [[4], [0]], threshold=10),
        steps("settles", "a large input leaves a spike a step", "settles", [[52], *quiet], threshold=10),
        steps("settles_back", "spikes are taken back", "settles negative", [[31], [-21], *quiet], threshold=10),
        steps("saturated", "no spike above the bound", "saturated tracer", [[90], *quiet], threshold=10, tracer_max=3),
        steps("both_ways", "a tracer below 0", "tracer", [[-35], *quiet], threshold=10, tracer_min=-2, tracer_max=2),
        steps("odd", "thirds have no place in binary", "default", [[1], [1], [1]], threshold=3, v_init=0.0),
        steps("no_steps", "no step: v is where it starts", "empty", np.zeros((0, 2)), threshold=[4, 6]),
        steps("at_the_bound", "T·|I| + θ is 2^31 - 1", "overflow", [[(1 << 30) - 1]], threshold=1 << 30),
    ]
    for k in range(8):
        T, N = int(rng.integers(1, 20)), int(rng.integers(1, 6))
        params = {"threshold": _whole(rng.integers(1, 60, N) * 2), "tracer_min": -int(k % 3), "tracer_max": 15}
        made.append(steps(f"random_{k}", "random", "random per_neuron", rng.integers(-80, 90, (T, N)), **params))
    return made


def _st_bif_errors() -> list[Case]:
    wrong: dict[str, tuple[list[Any], dict[str, Any]]] = {
        "current_of_a_half": ([0.5], {"threshold": 2}),
        "start_of_a_half": ([1], {"threshold": 3}),
        "threshold_of_a_half": ([1], {"threshold": 1.5, "v_init": 0.0}),
        "threshold_zero": ([1], {"threshold": 0}),
        "tracer": ([1], {"threshold": 2, "tracer_min": 1}),
        "above_the_bound": ([1 << 30], {"threshold": 1 << 30}),
    }
    kernel = "st_bif.multistep"
    return [
        _case(kernel, name, "refused before any step", "error", {"shape": [1, 1], **params}, {"currents": currents})
        for name, (currents, params) in wrong.items()
    ]


def _operation(name: str, comment: str, flags: str, word: str, signals: list[Any], **rest: Any) -> Case:
    params: dict[str, Any] = {"operation": word}
    params |= {key: rest[key] for key in ("kernel", "stride", "padding", "dilation", "groups") if key in rest}
    inputs: dict[str, Any] = {}
    for k, signal in enumerate(signals):
        params[f"shape.{k}"], inputs[f"inputs.{k}"] = list(np.shape(signal)), _plain(signal)
    if "weight" in rest:
        params["weight_shape"], inputs["weight"] = list(np.shape(rest["weight"])), _plain(rest["weight"])
    if "bias" in rest:
        inputs["bias"] = _plain(rest["bias"])
    return _case("operation.currents", name, comment, flags, params, inputs)


def _plain(values: Any) -> list[Any]:
    return [int(v) if float(v).is_integer() else float(v) for v in np.asarray(values, np.float64).ravel()]


def _operations() -> list[Case]:
    rng = np.random.default_rng(183)
    image, line = rng.integers(-3, 256, (2, 2, 4, 5, 4)), rng.integers(-2, 3, (3, 1, 4, 6))
    W8, W16 = rng.integers(-127, 128, (4, 4, 3, 3)), rng.integers(-32768, 32768, (6, 2, 2, 2))
    spikes = rng.integers(-1, 2, (8, 2, 2, 4, 4))
    narrow = rng.integers(-32768, 32768, (3, 80))
    wide = np.full((1, 1, 1), 65535)
    return [
        _operation(
            "linear",
            "an image read flat, 16-bit weights",
            "flat",
            "linear",
            [image],
            weight=narrow,
            bias=[1, -2, M // 2],
        ),
        _operation(
            "conv",
            "8-bit weights and a bias",
            "border",
            "conv",
            [image],
            weight=W8,
            bias=[0, 9, -9, 70000],
            padding=[1, 1],
        ),
        _operation(
            "conv_groups", "two groups, strides", "groups stride", "conv", [image], weight=W16, groups=2, stride=[2, 1]
        ),
        _operation(
            "conv_line",
            "over one axis, with gaps",
            "line dilation",
            "conv",
            [line],
            weight=W16[:, :, 0],
            groups=2,
            dilation=[2],
        ),
        _operation(
            "sum_pool",
            "sums of a window that reaches outside",
            "pool border",
            "sum_pool",
            [image],
            kernel=[3, 2],
            padding=[1, 0],
        ),
        _operation(
            "max_pool", "what the largest running sum grows by", "pool max_count", "max_pool", [spikes], kernel=[2, 2]
        ),
        _operation(
            "max_pool_padded",
            "places outside are none, not 0",
            "pool border",
            "max_pool",
            [-spikes - 2],
            kernel=[2, 2],
            padding=[1, 1],
        ),
        _operation("add", "three signals", "join", "add", [line, line + 1, -line]),
        _operation(
            "add_largest", "2^31 - 1 itself", "overflow join", "add", [np.full((1, 1, 1), M), np.zeros((1, 1, 1))]
        ),
        _operation("concat", "behind each other", "join", "concat", [line, line[:, :, :2]]),
        _operation("no_samples", "no sample", "empty", "linear", [np.zeros((2, 0, 3))], weight=[[1, 2, 3]]),
        _operation(
            "at_the_bound",
            "32767·65535 + the rest is 2^31 - 1",
            "overflow",
            "linear",
            [wide],
            weight=[[32767]],
            bias=[M - 32767 * 65535],
        ),
        _operation(
            "lowest_weight", "-32768 is a weight", "overflow", "linear", [np.ones((1, 1, 1))], weight=[[-32768]]
        ),
        _operation(
            "max_pool_at_the_bound",
            "two steps of 2^30 - 1",
            "overflow pool",
            "max_pool",
            [np.full((2, 1, 1, 1, 1), (1 << 30) - 1)],
            kernel=[1, 1],
        ),
    ]


def _operation_errors() -> list[Case]:
    one, wide = np.ones((1, 1, 1)), np.full((1, 1, 1), 65536)
    image = np.ones((2, 1, 1, 2, 2))
    return [
        _operation("input_of_a_half", "an input with a fraction", "error", "linear", [one / 2], weight=[[1]]),
        _operation("weight_of_a_half", "a weight with a fraction", "error", "linear", [one], weight=[[0.5]]),
        _operation("bias_of_a_half", "a bias with a fraction", "error", "linear", [one], weight=[[1]], bias=[0.5]),
        _operation("weight_of_17_bits", "a weight of 32768", "error", "linear", [one], weight=[[32768]]),
        _operation("weight_of_17_bits_negative", "a weight of -32769", "error", "linear", [one], weight=[[-32769]]),
        _operation("input_of_33_bits", "an input of 2^31", "error", "sum_pool", [image * 2.0**31], kernel=[1, 1]),
        _operation("bias_of_33_bits", "a bias of 2^31", "error", "linear", [one], weight=[[1]], bias=[M + 1]),
        _operation("average", "integers are not divided", "error", "avg_pool", [image], kernel=[2, 2]),
        _operation("above_the_bound", "32768·65536 is 2^31", "error", "linear", [wide], weight=[[-32768]]),
        _operation(
            "terms_above_the_bound",
            "each term fits, and their sizes do not",
            "error",
            "linear",
            [np.full((1, 1, 2), 65535)],
            weight=[[32767, -32767]],
        ),
        _operation(
            "padding_above_the_bound",
            "the bound does not look at padding",
            "error",
            "conv",
            [np.full((1, 1, 1, 1, 1), 65535)],
            weight=np.full((1, 1, 1, 3), 32767),
            padding=[0, 1],
        ),
        _operation("bias_above_the_bound", "the bias counts", "error", "linear", [one], weight=[[1]], bias=[-M]),
        _operation("sum_pool_above_the_bound", "four of 2^29", "error", "sum_pool", [image * (1 << 29)], kernel=[2, 2]),
        _operation(
            "max_pool_above_the_bound", "two steps of 2^30", "error", "max_pool", [image * (1 << 30)], kernel=[1, 1]
        ),
        _operation("add_above_the_bound", "2^30 twice", "error", "add", [one * (1 << 30), one * -(1 << 30)]),
    ]


def _layer(name: str, comment: str, flags: str, kind: str, **params: Any) -> Case:
    rng = np.random.default_rng(184)
    x, W = rng.integers(0, 4, (6, 2, 3)), rng.integers(-127, 128, (4, 3))
    inputs = {"inputs": _whole(x), "weights": _whole(W), "bias": [25, 0, -50, 100]} | params.pop("instead", {})
    params = {"shape": [6, 2, 3], "size": [3, 4], "kind": kind, **params}
    return _case("layer.forward", name, comment, flags, params, inputs)


def _layers() -> list[Case]:
    return [
        _layer("if", "integrate and fire", "default", "IF", threshold=100, v_init=0.5),
        _layer("hard", "hard reset", "hard_reset", "IF", threshold=64, v_reset=-7),
        _layer("several", "three spikes a step", "several", "IF", threshold=50, max_spikes=3),
        _layer(
            "st_bif", "bipolar, each its own threshold", "per_neuron", "ST-BIF", threshold=[20, 40, 60, 80], v_init=0.5
        ),
        _layer("identity", "currents are passed on, and added up", "identity", "identity"),
        _layer("defaults", "a threshold of 1, a start at 0", "default", "IF"),
    ]


def _layer_errors() -> list[Case]:
    high = {"bias": [M // 8, 0, 0, 0]}
    return [
        _layer("lif", "no leak, no LIF", "error", "LIF", threshold=2),
        _layer("start_of_a_half", "a start with a fraction", "error", "IF", threshold=5, v_init=0.5),
        _layer("input_of_a_half", "an input with a fraction", "error", "IF", instead={"inputs": [0.5] * 36}),
        _layer("weight_of_17_bits", "a weight too wide", "error", "IF", instead={"weights": [40000] * 12}),
        _layer(
            "several_above_the_bound", "127 thresholds are too much", "error", "IF", threshold=1 << 25, max_spikes=127
        ),
        _layer("above_the_bound", "six steps of 2^31/8 and more", "error", "IF", threshold=1 << 30, instead=high),
        _layer(
            "identity_above_the_bound",
            "a sum over more steps than fit",
            "error",
            "identity",
            instead={"bias": [M // 6, 0, 0, 0]},
        ),
    ]
