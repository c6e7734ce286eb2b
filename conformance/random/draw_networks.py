"""Calls of ``network.run`` and ``layer.forward``."""

from __future__ import annotations

import math

import numpy as np

from conformance.random import integers
from conformance.random.draw_content import content, written
from conformance.random.draw_encode import rates, seed
from conformance.random.parameters import NOT_FINITE, OF_KIND, Arguments, parameters, spoil_parameter
from conformance.random.values import TAME, Draw


def layer_forward(draw: Draw) -> Arguments:
    """Return the arguments of one call."""
    if draw.chance(integers.SHARE):
        return integers.layer(draw)
    T, B, n_in, n_out = draw.size(6), draw.size(3), draw.whole(1, 6), draw.whole(1, 5)
    kind = draw.pick(list(OF_KIND))
    given = parameters(draw, OF_KIND[kind], n_out)
    made = {**draw.dtype(), "shape": [T, B, n_in], "inputs": draw.numbers(T * B * n_in), "size": [n_in, n_out]}
    made |= {"weights": draw.numbers(n_in * n_out), "kind": kind}
    if draw.chance(0.5):
        made["bias"] = draw.numbers(n_out)
    if draw.chance(0.15):
        for key in ("inputs", "weights"):
            made[key] = draw.numbers(len(made[key]), draw.styled(TAME))
        if "bias" in made:
            made["bias"] = draw.numbers(n_out, "dyadic")
        _spoil_layer(draw, made, given)
    return made | {key: _typed(draw, value) for key, value in given.items()}


def _spoil_layer(draw: Draw, made: Arguments, given: Arguments) -> None:
    names, fault = OF_KIND[made["kind"]], draw.whole(0, 9)
    full = [key for key in ("inputs", "weights", "bias") if made.get(key)]
    if fault < 5 and names:
        spoil_parameter(draw, given, names, made["size"][1])
    elif fault == 5:
        given.clear()
        made["kind"] = draw.pick(["if", "LIF ", "Izhikevich", "ST_BIF"])
    elif fault == 6 and made["kind"] == "IF":
        given["beta"] = draw.pick([0.0, 0.5, 0.875])
    elif fault == 7:
        key = draw.pick(["inputs", "weights", *(["bias"] if "bias" in made else [])])
        made[key] = [*made[key], 0.5]
    else:
        key = draw.pick(full)
        made[key][draw.whole(0, len(made[key]) - 1)] = draw.pick(NOT_FINITE)


def _typed(draw: Draw, value: object) -> object:
    """Return a parameter as the element type has it: whether it is checked before rounding too is left open."""
    if not draw.single or isinstance(value, int):
        return value
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.asarray(value, np.float32).astype(np.float64)
    return rounded.tolist()


def network_run(draw: Draw) -> Arguments | None:
    """Return the arguments of one call, or None where the network that was drawn cannot be written."""
    held = content(draw)
    if draw.chance(0.03):
        place = draw.whole(0, len(held["names"]) - 1)
        held["kinds"][place] = "McCulloch-Pitts"
        held.pop(f"neuron.{place}", None)
    if not written(held, draw.path):
        return None
    if integers.are_in(held):
        return {"checkpoint": str(draw.path), **integers.run(draw, held)}
    T, B = draw.size(8), draw.size(3)
    shape = held.get("input_shape") or held["sizes"][:1]
    encoding = draw.pick(["current", "poisson", "spikes", "spikes", "pulse"])
    lead = [T, B] if encoding == "spikes" else [B]
    n = math.prod(lead) * math.prod(shape)
    made: Arguments = {"checkpoint": str(draw.path), "shape": [*lead, *shape], "timesteps": T}
    made["inputs"] = rates(draw, n) if encoding == "poisson" else draw.numbers(n)
    if encoding != "current" or draw.chance(0.5):
        made["encoding"] = encoding
    if (encoding == "poisson" and draw.chance(0.8)) or draw.chance(0.1):
        made["seed"] = seed(draw)
    if draw.chance(0.12) and "McCulloch-Pitts" not in held["kinds"] and all(math.isfinite(x) for x in made["inputs"]):
        _spoil_run(draw, made)
    return made


def _spoil_run(draw: Draw, made: Arguments) -> None:
    fault, n = draw.whole(0, 5), len(made["inputs"])
    made["inputs"] = [abs(x) for x in draw.numbers(n, "spikes")]
    if fault == 0:
        made["timesteps"] = -1
        made["encoding"] = "current" if made.get("encoding") == "spikes" else made.get("encoding", "current")
    elif fault == 1:
        made["encoding"] = draw.pick(["rate", "Poisson", "spike", "pulses"])
    elif fault == 2 and made.get("encoding") == "poisson" and n:
        made["inputs"][draw.whole(0, n - 1)] = draw.pick([1.5, -0.25, -1.0])
    elif fault == 3 and n:
        made["inputs"][draw.whole(0, n - 1)] = draw.pick(NOT_FINITE)
    elif fault == 4:
        made["inputs"] = [*made["inputs"], 0.5]
    else:
        made["shape"] = [*made["shape"][:-1], made["shape"][-1] + 1]
        made["inputs"] = [0.5] * math.prod(made["shape"])
