"""Calls of integers: whole numbers, one fault at most, and often just at the bound or one above it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from conformance.random.parameters import NOT_FINITE, OF_KIND, Arguments
from conformance.random.values import Draw
from spikeport.operations import Linear

M = 2**31 - 1
SHARE = 0.2
"""Of the calls of a kernel that has integers, so many are of them."""
FRACTIONS = (0.5, -0.5, 1.25, 1e-300)
TOO_LARGE = (2.0**31, -(2.0**31), 1e300)


def numbers(draw: Draw, n: int, most: int = 60) -> list[Any]:
    """Return n whole numbers: spikes, bipolar ones, or up to ``most``."""
    low, high = draw.pick([(0, 1), (-1, 1), (0, most), (-most, most), (-most, most)])
    return [int(value) for value in draw.rng.integers(low, high + 1, n)]


def parameters(draw: Draw, names: tuple[str, ...], n: int) -> Arguments:
    """Return parameters of neurons, each one number or one for each of n; always a threshold and a start."""
    each = n > 0 and draw.chance(0.4)
    thresholds = [2 * draw.whole(1, 60) for _ in range(n if each else 1)]
    starts = [draw.pick([0.0, 0.5, 0.5, 1.0, -1.0, -0.5, 1 / θ if 1 / θ * θ == 1 else 0.5]) for θ in thresholds]
    given: Arguments = {"threshold": thresholds if each else thresholds[0], "v_init": starts if each else starts[0]}
    if "v_reset" in names and draw.chance(0.3):
        given["v_reset"] = draw.pick([0, -1, -40, min(thresholds) - 1])
    elif "max_spikes" in names and draw.chance(0.4):
        given["max_spikes"] = draw.pick([1, 2, 7, 127])
    if "tracer_min" in names and draw.chance(0.5):
        given |= {"tracer_min": draw.pick([0, -1, -8]), "tracer_max": draw.pick([0, 1, 7, 31])}
    return given


def highest(given: Arguments) -> float:
    """Return what a membrane reaches without any current."""
    θ, v0 = np.asarray(given["threshold"], np.float64), np.asarray(given["v_init"])
    return float(max(np.abs(v0 * θ).max(), abs(given.get("v_reset", 0)), given.get("max_spikes", 1) * θ.max()))


def neurons(draw: Draw, key: str, names: tuple[str, ...], T: int, N: int) -> Arguments:
    """Return currents by the name ``key`` and parameters; the caller says how many steps they are."""
    n = N if key == "current" else T * N
    given = parameters(draw, names, N)
    made: Arguments = {"dtype": "i32", key: numbers(draw, n), **given}
    if n and T and draw.chance(0.2):
        most = int((M - highest(given)) // T)
        made[key][draw.whole(0, n - 1)] = draw.pick([most, most + 1, -most, -most - 1])
    elif draw.chance(0.2):
        _spoil_neurons(draw, made, key, names)
    return made


def _spoil_neurons(draw: Draw, made: Arguments, key: str, names: tuple[str, ...]) -> None:
    if made[key] and draw.chance(0.4):
        made[key][draw.whole(0, len(made[key]) - 1)] = draw.pick([*FRACTIONS, *TOO_LARGE, *NOT_FINITE])
        return
    name = draw.pick([name for name in names if name in ("threshold", "v_reset", "beta", "v_init")])
    bad: dict[str, list[Any]] = {
        "threshold": [0, -2, 2.5, 2.0**31, 1e300, *NOT_FINITE],
        "v_init": [1e300, 1 / 3 + 1e-3, *NOT_FINITE],
        "v_reset": [0.5, -0.25, -(2.0**31), *NOT_FINITE, M],
        "beta": [0.0, 0.5, 1.5, -1.0, *NOT_FINITE],
    }
    made["v_init"] = 0.0
    for other in ("v_reset", "max_spikes"):
        made.pop(other, None)
    made[name] = draw.pick(bad[name])


def operation(draw: Draw, made: Arguments) -> Arguments:
    """Return a good call of ``operation.currents`` with whole numbers in the place of its own."""
    arrays = [key for key in made if key.startswith("inputs.") or key in ("weight", "bias")]
    made |= {"dtype": "i32"} | {key: numbers(draw, len(made[key])) for key in arrays}
    if made["operation"] == "avg_pool" and draw.chance(0.8):
        made["operation"] = "sum_pool"
    if made["operation"] == "avg_pool":
        return made
    key = draw.pick(arrays)
    if made[key] and draw.chance(0.15):
        bad = [*FRACTIONS, *TOO_LARGE, *NOT_FINITE, *((32768, -32769) if key == "weight" else ())]
        made[key][draw.whole(0, len(made[key]) - 1)] = draw.pick(bad)
    elif "weight" in made and made["inputs.0"] and draw.chance(0.25):
        _to_the_bound(draw, made)
    return made


def _to_the_bound(draw: Draw, made: Arguments) -> None:
    """Give one input so much that the bound of the currents is just kept, or just not."""
    rows = np.array(made["weight"], np.float64).reshape(made["weight_shape"][0], -1)
    sums = np.abs(rows).sum(axis=1)
    biases = np.abs(np.array(made.get("bias", np.zeros(len(rows))), np.float64))
    fits = [(M - bias) // total for total, bias in zip(sums, biases, strict=True) if total]
    if fits:
        most = int(min(fits)) + draw.pick([0, 0, 1])
        made["inputs.0"][draw.whole(0, len(made["inputs.0"]) - 1)] = draw.pick([most, -most])


def layer(draw: Draw) -> Arguments:
    """Return a call of ``layer.forward``."""
    T, B, n_in, n_out = draw.size(6), draw.size(3), draw.whole(1, 6), draw.whole(1, 5)
    kind = draw.pick(["IF", "IF", "ST-BIF", "identity"])
    given = parameters(draw, OF_KIND[kind], n_out) if kind != "identity" else {}
    made: Arguments = {"dtype": "i32", "shape": [T, B, n_in], "inputs": numbers(draw, T * B * n_in, 9)}
    made |= {"size": [n_in, n_out], "weights": numbers(draw, n_in * n_out, 127), "kind": kind, **given}
    if draw.chance(0.5):
        made["bias"] = numbers(draw, n_out, 500)
    if made["inputs"] and draw.chance(0.2):
        W = np.array(made["weights"], np.float64).reshape(n_out, n_in)
        steepest = Linear(W).bound(1)
        room = (M - (highest(given) if given else 0)) / T - max(map(abs, made.get("bias", [0])))
        if steepest:
            made["inputs"][0] = int(room // steepest) + draw.pick([0, 1])
    elif draw.chance(0.1):
        made |= draw.pick([{"kind": "LIF"}, {"weights": [0.5] * (n_in * n_out)}, {"inputs": [1.5] * (T * B * n_in)}])
        made = {key: value for key, value in made.items() if made["kind"] != "LIF" or not key.startswith("tracer")}
    return made


def content(draw: Draw, made: Arguments) -> Arguments:
    """Return the content of a graph with whole numbers in the place of its own."""
    narrow = draw.pick(["i8", "i8", "i16"])
    made["dtype"] = narrow
    made["operations"] = ["sum_pool" if word == "avg_pool" else word for word in made["operations"]]
    made["kinds"] = ["IF" if kind == "LIF" else kind for kind in made["kinds"]]
    for k, kind in enumerate(made["kinds"]):
        if f"weight.{k}" in made:
            most = 127 if narrow == "i8" or draw.chance(0.5) else 32767
            made[f"weight.{k}"] = numbers(draw, len(made[f"weight.{k}"]), most)
        if f"bias.{k}" in made:
            made[f"bias.{k}"] = numbers(draw, len(made[f"bias.{k}"]), 1000)
        if f"neuron.{k}" in made:
            made[f"neuron.{k}"] = _rows(draw, kind, made[f"shape.{k}"][0])
    return made


def _rows(draw: Draw, kind: str, n: int) -> list[float]:
    given = parameters(draw, OF_KIND[kind], n) if kind != "identity" else {"threshold": 1, "v_init": 0.0}
    width = n if isinstance(given["threshold"], list) else 1
    rows = [given["threshold"], given["v_init"], float("v_reset" in given), given.get("v_reset", 0), 1]
    rows += [given.get("tracer_min", 0), given.get("tracer_max", 31), given.get("max_spikes", 1)]
    return [float(x) for row in rows for x in (row if isinstance(row, list) else [row] * width)]


def are_in(content: Arguments) -> bool:
    """Whether it is the content of a network of integers."""
    return content.get("dtype") in ("i8", "i16")


def spoil_content(draw: Draw, made: Arguments) -> None:
    """Put one fault into what is to be written, if there is a place for it."""
    arrays = [key for key in made if key.split(".")[0] in ("weight", "bias") and made[key]]
    if arrays:
        key = draw.pick(arrays)
        wide = (2.0**31,) if key.startswith("bias") else (128, -129) if made["dtype"] == "i8" else (32768, -32769)
        made[key][draw.whole(0, len(made[key]) - 1)] = draw.pick([*FRACTIONS, *wide, *NOT_FINITE])


def run(draw: Draw, held: Arguments) -> Arguments:
    """Return the arguments of ``network.run`` for a network of integers, but for its path."""
    T, B = draw.size(8), draw.size(3)
    encoding = draw.pick(["current", "spikes", "spikes", "pulse"])
    lead = [T, B] if encoding == "spikes" else [B]
    shape = held["input_shape"]
    made: Arguments = {"shape": [*lead, *shape], "timesteps": T, "encoding": encoding}
    made["inputs"] = numbers(draw, math.prod(lead) * math.prod(shape), 255)
    if made["inputs"] and draw.chance(0.2):
        bad = [2**k + draw.pick([-1, 0]) for k in range(12, 31)]
        made["inputs"][0] = draw.pick([*bad, *FRACTIONS, *TOO_LARGE, *NOT_FINITE])
    elif draw.chance(0.05) and encoding != "spikes":
        made["encoding"] = "poisson"
    return made
