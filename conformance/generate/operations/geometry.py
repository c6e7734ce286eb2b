"""Cases of ``operation.currents``: everything of a window at once, joins of three, single values, zeros, overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.cases import Case
from conformance.generate.make import checked, dyadic
from conformance.generate.operations.operation import ORDINARY, check, operation_case

CONV: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    # name: (shape of a signal, shape of the weight, what else)
    "wide": ((2, 4, 6), (3, 2, 1, 4), {"stride": [2, 1], "padding": [0, 3], "dilation": [1, 2]}),
    "tall": ((2, 6, 3), (3, 2, 4, 1), {"stride": [1, 2], "padding": [2, 0], "dilation": [2, 1]}),
    "oblong_groups": ((4, 5, 4), (6, 2, 3, 2), {"padding": [1, 2], "dilation": [2, 3], "groups": 2}),
    "oblong_depthwise": (
        (3, 4, 5),
        (3, 1, 2, 3),
        {"stride": [1, 2], "padding": [2, 1], "dilation": [3, 1], "groups": 3},
    ),
    "depthwise_more": ((3, 4, 4), (6, 1, 3, 2), {"stride": [2, 3], "padding": [1, 1], "groups": 3}),
    "only_padding": ((1, 1, 1), (2, 1, 3, 3), {"padding": [1, 1]}),
    "beyond_gaps": ((2, 2, 3), (2, 2, 2, 2), {"stride": [3, 3], "padding": [3, 2], "dilation": [4, 3]}),
    "skips": ((1, 5, 6), (2, 1, 1, 1), {"stride": [3, 2]}),
    "line_groups": ((6, 7), (4, 3, 3), {"stride": [2], "padding": [3], "dilation": [3], "groups": 2}),
    "line_depthwise": ((3, 5), (3, 1, 4), {"padding": [2], "dilation": [2], "groups": 3}),
    "line_skips": ((2, 6), (3, 2, 1), {"stride": [4], "padding": [1]}),
    "line_one": ((1, 1), (1, 1, 5), {"padding": [4], "dilation": [2]}),
}
POOLS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    # name: (shape of a signal, its window)
    "line_padding": ((2, 5), {"kernel": [4], "stride": [1], "padding": [3]}),
    "line_skips": ((3, 7), {"kernel": [2], "stride": [3], "padding": [1]}),
    "oblong": ((2, 3, 6), {"kernel": [1, 4], "stride": [2, 1], "padding": [0, 2]}),
    "skips": ((1, 6, 5), {"kernel": [2, 2], "stride": [4, 3]}),
    "one_place": ((2, 1, 1), {"kernel": [2, 2], "stride": [1, 1], "padding": [1, 1]}),
}
WORDS = ("sum_pool", "avg_pool", "max_pool")


def cases() -> list[Case]:
    """Return all of them, each held against the scalar loops of `exact`."""
    return checked([*_windows(), *_joins(), *_few(), *_zeros(), *_overflow()], check)


def _windows() -> list[Case]:
    rng = np.random.default_rng(410)
    made = []
    for name, (shape, weight, rest) in CONV.items():
        flags = " ".join(
            {"dilation": "dilation", "groups": "groups", "stride": "stride", "padding": "border"}[k] for k in rest
        )
        flags += " line" if len(shape) == 2 else ""
        x, w, b = (dyadic(rng, -1, 1, 3, s) for s in ((2, 2, *shape), weight, weight[:1]))
        said = "kernel, stride, padding, gaps and groups at once"
        made.append(operation_case(f"conv_{name}", said, flags, "conv", [x], weight=w, bias=b, **rest))
        x, w = rng.normal(0, 1, x.shape), rng.normal(0, 0.4, weight)
        flags += f" f32 {ORDINARY}"
        said += ", where every sum rounds"
        made.append(operation_case(f"conv_{name}_f32", said, flags, "conv", [x], weight=w, bias=b, dtype="f32", **rest))
    for word in WORDS:
        for name, (shape, rest) in POOLS.items():
            flags = ("max_count" if word == "max_pool" else "pool") + (" line" if len(shape) == 2 else " border")
            graded = rng.normal(0, 1, (3, 2, *shape))
            said = "graded values, negative ones among them"
            flags += f" negative {ORDINARY}"
            made.append(operation_case(f"{word}_{name}", said, flags, word, [graded], **rest))
            if name.startswith("line"):
                made.append(
                    operation_case(f"{word}_{name}_f32", said, f"{flags} f32", word, [graded], dtype="f32", **rest)
                )
    return made


def _joins() -> list[Case]:
    rng = np.random.default_rng(411)
    small = float(2**-24)
    images = [dyadic(rng, -1, 1, 3, (2, 2, n, 2, 3)) for n in (1, 3, 2)]
    ordinary = [rng.normal(0, 1, (2, 1, 3, 2, 2)) for _ in range(3)]

    def add(name: str, said: str, values: tuple[float, ...], **rest: Any) -> Case:
        signals = [np.full((1, 1, 1), value) for value in values]
        flags = f"join {ORDINARY}" + (" f32" if rest else "")
        return operation_case(f"add_{name}", said, flags, "add", signals, **rest)

    return [
        operation_case("concat_three", "three images", "join", "concat", images),
        operation_case("concat_three_f32", "three images, binary32", "join f32", "concat", images, dtype="f32"),
        operation_case(
            "concat_twice", "one image twice, another between", "join", "concat", [images[0], images[1], images[0]]
        ),
        operation_case("add_three_images", "three images that round", f"join {ORDINARY}", "add", ordinary),
        operation_case(
            "add_three_images_f32", "three images that round", f"join {ORDINARY} f32", "add", ordinary, dtype="f32"
        ),
        add("small_first", "what is small is lost behind what is large", (1.0, 1e16, -1e16)),
        add("small_last", "what is small is kept where the large ones are gone", (1e16, -1e16, 1.0)),
        add("halves_first_f32", "two halves of an ulp, added first, count", (small, small, 1.0), dtype="f32"),
        add("halves_last_f32", "two halves of an ulp, added last, do not", (1.0, small, small), dtype="f32"),
    ]


def _few() -> list[Case]:
    """Return calls with a single value, or with none."""
    one, none = np.full((1, 1, 1, 1, 1), 0.75), np.zeros((3, 0, 2, 2, 2))
    vector = np.full((1, 1, 1), 0.75)
    return [
        operation_case(
            "linear_single", "one value, one weight", "single", "linear", [vector], weight=[[0.5]], bias=[-0.25]
        ),
        operation_case("linear_no_steps", "no step", "empty", "linear", [np.zeros((0, 2, 3))], weight=np.ones((2, 3))),
        operation_case(
            "linear_no_samples", "no sample", "empty", "linear", [none], weight=np.ones((2, 8)), bias=[1.0, 2.0]
        ),
        operation_case("add_single", "one value each", "single join", "add", [vector, -vector]),
        operation_case("add_no_steps", "no step", "empty join", "add", [np.zeros((0, 1, 2, 3))] * 2),
        operation_case("concat_single", "one value each", "single join", "concat", [one, -one]),
        operation_case("concat_no_samples", "no sample", "empty join", "concat", [none, none[:, :, :1]]),
        operation_case(
            "conv_line_no_steps", "no step", "empty line", "conv", [np.zeros((0, 1, 1, 4))], weight=np.ones((1, 1, 2))
        ),
        *(operation_case(f"{word}_single", "one pixel", "single", word, [one], kernel=[1, 1]) for word in WORDS),
        *(operation_case(f"{word}_no_samples", "no sample", "empty", word, [none], kernel=[2, 1]) for word in WORDS),
    ]


def _zeros() -> list[Case]:
    minus = np.full((2, 1, 1, 1, 2), -0.0)
    tiny = np.full((2, 1, 1, 1, 2), 5e-324)
    half = {"weight": np.full((1, 1, 1, 1), 0.5)}
    said = "a sum starts at +0, so it is never -0"
    rounds = f"subnormal {ORDINARY}"
    return [
        operation_case("add_minus_zero", said, "minus_zero join", "add", [minus, minus]),
        operation_case("concat_minus_zero", "nothing is added: -0 stays", "minus_zero join", "concat", [minus, minus]),
        operation_case(
            "conv_minus_zero", said, "minus_zero", "conv", [-minus], weight=np.full((1, 1, 1, 1), -1.0), bias=[-0.0]
        ),
        operation_case("linear_minus_zero", said, "minus_zero", "linear", [minus], weight=[[1.0, 1.0]], bias=[-0.0]),
        *(operation_case(f"{word}_minus_zero", said, "minus_zero", word, [minus], kernel=[1, 2]) for word in WORDS),
        operation_case(
            "conv_subnormal", "half of the smallest number is a tie, to even", rounds, "conv", [tiny], **half
        ),
        operation_case(
            "avg_pool_subnormal",
            "one and a half of the smallest number is a tie, to two",
            rounds,
            "avg_pool",
            [tiny * [3, 0]],
            kernel=[1, 2],
        ),
        operation_case(
            "sum_pool_subnormal_f32",
            "below the smallest normal number",
            f"{rounds} f32",
            "sum_pool",
            [np.full((1, 1, 1, 1, 2), 2.0**-149)],
            kernel=[1, 2],
            dtype="f32",
        ),
    ]


def _overflow() -> list[Case]:
    large = np.full((1, 1, 1, 1, 2), 1e308)
    single = np.full((1, 1, 2), 3e38)

    def refused(name: str, said: str, word: str, *signals: Any, **rest: Any) -> Case:
        return operation_case(f"{word}_{name}", said, "error overflow", word, list(signals), **rest)

    wide = {"kernel": [1, 2]}
    down = np.array([-1e308, 0.0] * 3).reshape(3, 1, 1, 2)
    return [
        refused("overflow", "two finite terms, an infinite sum", "linear", large, weight=[[1.0, 1.0]]),
        refused("overflow_product", "a product beyond the largest float", "linear", large, weight=[[2.0, 0.0]]),
        refused("overflow_bias", "the bias alone is too much", "linear", large, weight=[[1.0, 0.0]], bias=[1e308]),
        refused(
            "overflow_f32", "beyond binary32, not beyond binary64", "linear", single, weight=[[1.0, 1.0]], dtype="f32"
        ),
        refused("overflow_nan", "infinity less infinity", "linear", large, weight=[[10.0, -10.0]]),
        refused("overflow", "two finite terms, an infinite sum", "conv", large, weight=np.ones((1, 1, 1, 2))),
        refused("overflow", "two finite terms, an infinite sum", "sum_pool", large, **wide),
        refused("overflow", "an average of an infinite sum", "avg_pool", large, **wide),
        refused("overflow", "a running sum that becomes infinite", "max_pool", np.tile(large, (2, 1, 1, 1, 1)), **wide),
        refused("overflow", "two finite terms, an infinite sum", "add", large, large),
        operation_case(
            "max_pool_overflow_hidden",
            "a running sum that becomes -infinity and is never the largest",
            f"overflow max_count line {ORDINARY}",
            "max_pool",
            [down],
            kernel=[2],
        ),
    ]
