"""Cases of ``operation.currents``."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate import exact
from conformance.generate.make import case, checked, decimals, demand_exact, dyadic, fractions

ORDINARY = "ordinary_floats"


def cases() -> list[Case]:
    """Return all of them, each held against the scalar loops of `exact`."""
    return checked([*_edges(), *_random(), *_ordinary(), *_errors()], check)


def check(one: Case) -> None:
    """Compute every current by itself by the equations of section 2.2: in fractions, or floats where it rounds."""
    a = one.arguments
    single, rounds = a.get("dtype") == "f32", ORDINARY in one.flags

    def numbers(values: Any, shape: Any) -> Any:
        exactly = fractions(values, a.get("dtype", "f64"))
        to_number = (np.float32 if single else float) if rounds else (lambda value: value)
        return np.array([to_number(float(v) if rounds else v) for v in exactly], object).reshape(shape)

    signals = []
    while f"shape.{len(signals)}" in a:
        signals.append(numbers(a[f"inputs.{len(signals)}"], a[f"shape.{len(signals)}"]))
    weight = numbers(a["weight"], a["weight_shape"]) if "weight" in a else None
    bias = numbers(a["bias"], -1) if "bias" in a else None
    zero = numbers([0.0], 1)[0]
    with np.errstate(over="ignore"):  # of sums that do not show
        currents = exact.operation(a["operation"], signals, weight, bias, a, zero)
    assert list(currents.shape) == one.expected["shape"], one.id
    demand_exact(one.id, one.expected, {"currents": [float(v) if rounds else v for v in currents.ravel()]})


def operation_case(name: str, comment: str, flags: str, word: str, signals: list[Any], **rest: Any) -> Case:
    inputs: dict[str, Any] = {}
    params: dict[str, Any] = {"operation": word}
    for key in ("kernel", "stride", "padding", "dilation", "groups", "dtype"):
        if key in rest:
            params[key] = rest[key]
    for k, signal in enumerate(signals):
        params[f"shape.{k}"] = list(np.shape(signal))
        inputs[f"inputs.{k}"] = decimals(signal)
    if "weight" in rest:
        params["weight_shape"] = list(np.shape(rest["weight"]))
        inputs["weight"] = decimals(rest["weight"])
    if "bias" in rest:
        inputs["bias"] = decimals(rest["bias"])
    for key, value in rest.get("instead", {}).items():
        (inputs if key in inputs else params)[key] = value
    return case("operation.currents", f"operation.currents.{name}", comment, flags.split(), params, inputs)


def _draw(seed: int, *shape: int) -> Any:
    return dyadic(np.random.default_rng(seed), -1, 1, 3, shape)


IMAGE, LINE = _draw(1, 2, 1, 2, 4, 5), _draw(2, 3, 2, 2, 6)
KERNEL, SHORT = _draw(3, 2, 2, 3, 3), _draw(4, 3, 2, 3)
SPIKES = np.random.default_rng(5).integers(0, 2, (6, 2, 2, 4, 4)).astype(float)
BIPOLAR = np.random.default_rng(6).integers(-1, 2, (8, 1, 2, 4, 4)).astype(float)
PAIR = [1, 2]


def _edges() -> list[Case]:
    two = [_draw(7, 2, 2, 3, 2, 2), _draw(8, 2, 2, 3, 2, 2)]
    conv, pools = "conv", ("sum_pool", "avg_pool", "max_pool")
    made = [
        operation_case(
            "linear",
            "a vector, a matrix, a bias",
            "default",
            "linear",
            [_draw(9, 2, 3, 4)],
            weight=_draw(10, 2, 4),
            bias=_draw(11, 2),
        ),
        operation_case(
            "linear_flat",
            "an image is read flat, channels outermost",
            "flat",
            "linear",
            [IMAGE],
            weight=_draw(12, 3, 40),
        ),
        operation_case("conv", "a square kernel, all defaults", "default", conv, [IMAGE], weight=KERNEL),
        operation_case("conv_bias", "one bias a channel", "bias_only", conv, [IMAGE], weight=KERNEL, bias=[0.5, -0.25]),
        operation_case("conv_stride", "stride of 2 and 1", "stride", conv, [IMAGE], weight=KERNEL, stride=[2, 1]),
        operation_case("conv_padding", "zeros around the image", "border", conv, [IMAGE], weight=KERNEL, padding=PAIR),
        operation_case(
            "conv_dilation", "taps with gaps", "dilation", conv, [IMAGE], weight=KERNEL, padding=[1, 2], dilation=[1, 2]
        ),
        operation_case(
            "conv_groups",
            "two groups that do not see each other",
            "groups",
            conv,
            [IMAGE],
            weight=_draw(13, 4, 1, 2, 2),
            groups=2,
        ),
        operation_case(
            "conv_depthwise",
            "one channel a group, two outputs each",
            "groups",
            conv,
            [IMAGE],
            weight=_draw(14, 4, 1, 3, 3),
            groups=2,
            padding=[1, 1],
            bias=_draw(15, 4),
        ),
        operation_case(
            "conv_oblong",
            "a kernel that is not square: rows first",
            "transposed",
            conv,
            [IMAGE],
            weight=_draw(16, 2, 2, 1, 3),
        ),
        operation_case(
            "conv_pointwise", "a kernel of one place", "default", conv, [IMAGE], weight=_draw(17, 3, 2, 1, 1)
        ),
        operation_case(
            "conv_whole", "a kernel as large as the image", "border", conv, [IMAGE], weight=_draw(18, 2, 2, 4, 5)
        ),
        operation_case(
            "conv_beyond",
            "a kernel larger than the image, inside its padding",
            "border",
            conv,
            [IMAGE],
            weight=_draw(19, 1, 2, 6, 5),
            padding=[1, 0],
        ),
        operation_case(
            "conv_remainder",
            "a stride that leaves a row over",
            "stride border",
            conv,
            [IMAGE],
            weight=_draw(20, 1, 2, 2, 2),
            stride=[3, 2],
        ),
        operation_case("conv_line", "one axis", "line", conv, [LINE], weight=SHORT),
        operation_case(
            "conv_line_all",
            "one axis, every attribute",
            "line stride border dilation groups",
            conv,
            [LINE],
            weight=_draw(21, 4, 1, 2),
            bias=_draw(22, 4),
            stride=[2],
            padding=[1],
            dilation=[2],
            groups=2,
        ),
        operation_case("conv_f32", "binary32", "f32", conv, [IMAGE], weight=KERNEL, padding=[1, 1], dtype="f32"),
        operation_case("conv_no_steps", "no step", "empty", conv, [np.zeros((0, 2, 2, 4, 5))], weight=KERNEL),
        operation_case("conv_no_samples", "no sample", "empty", conv, [np.zeros((2, 0, 2, 4, 5))], weight=KERNEL),
        operation_case("conv_one", "one pixel, one weight", "default", conv, [[[[[[0.5]]]]]], weight=[[[[0.75]]]]),
        operation_case(
            "conv_silent",
            "no input at all: the bias alone",
            "bias_only",
            conv,
            [np.zeros((1, 1, 2, 4, 5))],
            weight=KERNEL,
            bias=[0.5, -0.5],
        ),
        operation_case(
            "max_pool_bipolar",
            "spikes of -1 lower a running count",
            "max_count negative",
            "max_pool",
            [BIPOLAR],
            kernel=[2, 2],
        ),
        operation_case(
            "max_pool_padding",
            "places in the padding are none, not zero",
            "max_count border negative",
            "max_pool",
            [-SPIKES],
            kernel=[3, 3],
            stride=[1, 1],
            padding=[1, 1],
        ),
        operation_case(
            "max_pool_takes_over",
            "the winner changes: what it is ahead by comes out at once",
            "max_count",
            "max_pool",
            [[[[x]] for x in ([1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0])]],
            kernel=[2],
        ),
        operation_case(
            "avg_pool_thirds",
            "one division, behind the sum",
            ORDINARY,
            "avg_pool",
            [np.ones((1, 1, 1, 3, 3)) * 0.1],
            kernel=[3, 3],
        ),
        operation_case(
            "avg_pool_padding",
            "places in the padding count",
            "border",
            "avg_pool",
            [IMAGE],
            kernel=[2, 4],
            stride=[1, 1],
            padding=[1, 2],
        ),
        operation_case("add", "two signals", "join", "add", two),
        operation_case("add_three", "three signals, one of them twice", "join", "add", [two[0], two[1], two[0]]),
        operation_case(
            "add_order",
            "in the order in which they are named",
            "join ordinary_floats",
            "add",
            [np.full((1, 1, 1), v) for v in (1e16, 1.0, -1e16)],
        ),
        operation_case("add_vector", "two vectors", "join", "add", [_draw(23, 2, 1, 3), _draw(24, 2, 1, 3)]),
        operation_case(
            "concat",
            "two images, channels behind each other",
            "join",
            "concat",
            [_draw(25, 2, 2, 1, 2, 3), _draw(26, 2, 2, 3, 2, 3)],
        ),
        operation_case("concat_vector", "three vectors", "join", "concat", [_draw(27, 1, 2, n) for n in (1, 2, 3)]),
        operation_case(
            "concat_f32",
            "two lines, binary32",
            "join f32",
            "concat",
            [_draw(28, 1, 2, n, 2) for n in (2, 1)],
            dtype="f32",
        ),
    ]
    for word in pools:
        flags = "max_count" if word == "max_pool" else "pool"
        made += [
            operation_case(word, "a window of 2 by 2", flags, word, [SPIKES], kernel=[2, 2]),
            operation_case(
                f"{word}_overlap",
                "windows that overlap, and a border",
                f"{flags} border",
                word,
                [SPIKES],
                kernel=[4, 2] if word == "avg_pool" else [3, 2],
                stride=[1, 2],
                padding=[1, 1],
            ),
            operation_case(f"{word}_line", "one axis, a place left over", f"{flags} line", word, [LINE], kernel=[4]),
            operation_case(f"{word}_f32", "binary32", f"{flags} f32", word, [SPIKES], kernel=[2, 2], dtype="f32"),
            operation_case(
                f"{word}_graded", "values that are no spikes", f"{flags} negative", word, [IMAGE], kernel=[2, 2]
            ),
            operation_case(
                f"{word}_empty", "no step", f"{flags} empty", word, [np.zeros((0, 1, 2, 4, 4))], kernel=[2, 2]
            ),
        ]
    return made


def _random() -> list[Case]:
    rng = np.random.default_rng(95)
    made = []
    for k in range(60):
        axes, word = int(rng.integers(1, 3)), ["conv", "conv", "sum_pool", "max_pool", "avg_pool"][k % 5]
        sizes = rng.integers(4, 7, axes)
        groups = int(rng.integers(1, 4)) if word == "conv" else 1
        channels = groups * int(rng.integers(1, 3))
        kernel = (
            [int(n) for n in rng.choice([1, 2, 4], axes)] if word == "avg_pool" else rng.integers(1, 4, axes).tolist()
        )
        shape = (int(rng.integers(1, 4)), int(rng.integers(1, 3)), channels, *sizes)
        signal = rng.integers(-1, 2, shape).astype(float) if k % 3 else dyadic(rng, -1, 1, 3, shape)
        rest: dict[str, Any] = {"stride": rng.integers(1, 4, axes).tolist(), "dtype": ["f64", "f32"][k % 2]}
        if word == "conv":
            rest |= {"padding": rng.integers(0, 3, axes).tolist(), "dilation": rng.integers(1, 3, axes).tolist()}
            rest |= {"weight": dyadic(rng, -1, 1, 3, (groups * int(rng.integers(1, 4)), channels // groups, *kernel))}
            rest |= {"groups": groups} | ({"bias": dyadic(rng, -1, 1, 3, len(rest["weight"]))} if k % 2 else {})
            reach = [d * (n - 1) + 1 for d, n in zip(rest["dilation"], kernel, strict=True)]
            rest["padding"] = [
                max(p, -(-(r - int(n)) // 2)) for p, r, n in zip(rest["padding"], reach, sizes, strict=True)
            ]
        else:
            rest |= {"kernel": kernel, "padding": [int(rng.integers(0, n)) for n in kernel]}
        flags = "random f32" if k % 2 else "random"
        made.append(operation_case(f"random_{k:02}", "random geometry, dyadic values", flags, word, [signal], **rest))
    return made


def _ordinary() -> list[Case]:
    rng = np.random.default_rng(96)
    made = []
    for k, dtype in enumerate(["f64", "f32"] * 4):
        signal = rng.random((2, 1, 4, 5, 5)) if k % 4 < 2 else (rng.random((2, 1, 4, 5, 5)) < 0.4).astype(float)
        rest: dict[str, Any] = {"weight": rng.normal(0, 0.3, (4, 2, 3, 3)), "bias": rng.normal(0, 0.1, 4), "groups": 2}
        rest |= {"padding": [1, 1], "dtype": dtype, "stride": [1, 2]}
        flags = ORDINARY + (" f32" if dtype == "f32" else "")
        said = "channel, row, column ascending; the bias last; nothing fused"
        made.append(operation_case(f"ordinary_conv_{k}", said, flags, "conv", [signal], **rest))
    for word, dtype in itertools.product(("sum_pool", "avg_pool", "max_pool"), ("f64", "f32")):
        flags = ORDINARY + (" f32" if dtype == "f32" else "")
        made.append(
            operation_case(
                f"ordinary_{word}_{dtype}",
                "every operation rounds",
                flags,
                word,
                [rng.random((4, 1, 2, 5, 4))],
                kernel=[3, 2],
                stride=[1, 1],
                padding=[1, 0],
                dtype=dtype,
            )
        )
    made.append(
        operation_case(
            "ordinary_linear",
            "an image read flat",
            ORDINARY,
            "linear",
            [rng.random((2, 2, 2, 3, 3))],
            weight=rng.normal(0, 0.3, (3, 18)),
            bias=rng.normal(0, 0.1, 3),
        )
    )
    return made


def _errors() -> list[Case]:
    def refused(name: str, comment: str, word: str = "conv", signals: Any = None, **rest: Any) -> Case:
        if word == "conv":
            rest = {"weight": KERNEL, **rest}
        return operation_case(name, comment, "error", word, [IMAGE] if signals is None else signals, **rest)

    return [
        refused("unknown", "an operation that does not exist", "softmax"),
        refused("channels", "three channels for a kernel of two", signals=[_draw(30, 1, 1, 3, 4, 5)]),
        refused("groups_rest", "two channels out for three groups", signals=[_draw(31, 1, 1, 6, 4, 5)], groups=3),
        refused("groups_zero", "no group", groups=0),
        refused("too_small", "a kernel larger than the image", weight=_draw(32, 1, 2, 5, 5)),
        refused("dilated_too_large", "a kernel that its gaps make too large", dilation=[2, 2]),
        refused("axes", "a line for a kernel of two axes", signals=[LINE]),
        refused("stride_zero", "a stride of 0", stride=[0, 1]),
        refused("stride_length", "one stride for two axes", stride=[1]),
        refused("padding_negative", "a padding below 0", padding=[-1, 0]),
        refused("dilation_zero", "a dilation of 0", dilation=[1, 0]),
        refused("bias_length", "three biases for two channels", bias=[0.5, 0.5, 0.5]),
        refused("weight_length", "a weight more than its shape has", instead={"weight": [*decimals(KERNEL), 0.5]}),
        refused("inputs_length", "a value less than their shape has", instead={"inputs.0": decimals(IMAGE)[:-1]}),
        refused("two_inputs", "two signals for one convolution", signals=[IMAGE, IMAGE]),
        refused("nan_weight", "a weight that is not finite", instead={"weight": ["nan", *decimals(KERNEL)[1:]]}),
        refused("inf_input", "an input that is not finite", instead={"inputs.0": ["inf", *decimals(IMAGE)[1:]]}),
        refused("linear_width", "a matrix of another width", "linear", weight=_draw(33, 3, 39)),
        refused("pool_padding", "a padding as large as the window", "max_pool", kernel=[2, 2], padding=[2, 0]),
        refused("pool_kernel", "a window without places", "sum_pool", kernel=[0, 1]),
        refused("pool_large", "a window larger than the image", "avg_pool", kernel=[6, 1]),
        refused("pool_axes", "a window of one axis for an image", "avg_pool", kernel=[2]),
        refused("add_one", "one signal is no sum", "add"),
        refused("add_shapes", "two shapes", "add", [IMAGE, _draw(34, 2, 1, 2, 5, 4)]),
        refused("add_steps", "two numbers of steps", "add", [IMAGE, IMAGE[:1]]),
        refused("concat_sizes", "another size behind the channels", "concat", [IMAGE, _draw(35, 2, 1, 2, 4, 4)]),
        refused("concat_one", "one signal alone", "concat"),
    ]
