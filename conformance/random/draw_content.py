"""What a checkpoint holds, as ``checkpoint.write`` is given it: chains, and graphs of any operations."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np

from conformance.in_process import checkpoint_of
from conformance.random import integers
from conformance.random.draw_finetune import names
from conformance.random.draw_operations import POOLS, signal_shape, window
from conformance.random.parameters import OF_KIND, Arguments, parameters
from conformance.random.values import TEXTS, Draw
from spikeport.operations.window import Window
from spikeport.transfer import CheckpointError
from spikeport.transfer.files.strict_json import dump
from spikeport.transfer.saving import checkpoint_bytes

ROWS: dict[str, float] = {
    # row of a stored neuron: its value by default
    "threshold": 1.0,
    "v_init": 0.0,
    "hard_reset": 0.0,
    "v_reset": 0.0,
    "beta": 1.0,
    "tracer_min": 0.0,
    "tracer_max": 31.0,
}
ROWS_2 = ROWS | {"max_spikes": 1.0}
MOST_VALUES = 96


def content(draw: Draw) -> Arguments:
    """Return a chain, which is version 1, or a graph."""
    if draw.chance(integers.SHARE):
        return integers.content(draw, graph(draw))
    return chain(draw) if draw.chance(0.4) else graph(draw)


def chain(draw: Draw) -> Arguments:
    """Return linear layers, one after the other."""
    widths = [draw.whole(1, 6) for _ in range(draw.whole(2, 5))]
    pairs = list(itertools.pairwise(widths))
    made = {**_shared(draw, len(pairs)), "sizes": [n for pair in pairs for n in pair]}
    for k, (n_in, n_out) in enumerate(pairs):
        made |= _arrays(draw, k, (n_out, n_in)) | _neuron(draw, k, made["kinds"][k], n_out, ROWS)
    return made


def graph(draw: Draw) -> Arguments:
    """Return nodes that read the input or any nodes before them."""
    made = _shared(draw, draw.whole(1, 6))
    shapes = {"input": signal_shape(draw, draw.pick([1, 2, 2, 3, 3, 3]))}
    made |= {"input_shape": list(shapes["input"]), "operations": []}
    for k, name in enumerate(made["names"]):
        word, inputs = _reads(draw, shapes)
        shape, attributes, weight_shape = _operation(draw, word, [shapes[source] for source in inputs])
        made["operations"].append(word)
        made |= {f"reads.{k}": inputs, f"shape.{k}": list(shape)}
        made |= {f"{key}.{k}": value for key, value in attributes.items()}
        made |= _arrays(draw, k, weight_shape) if weight_shape else {}
        made |= _neuron(draw, k, made["kinds"][k], shape[0], ROWS_2)
        shapes[name] = shape
    return made


def _shared(draw: Draw, n: int) -> Arguments:
    layers = names(draw, n)
    made = {**draw.dtype(), "names": layers, "kinds": [draw.pick(["IF", "IF", *OF_KIND, "identity"]) for _ in layers]}
    if draw.chance(0.5):
        made["frozen"] = draw.some(layers) + draw.some(layers, 0.1)
    if draw.chance(0.4):
        made["metadata"] = draw.pick(["", " ", "\n\t"]) + dump(metadata(draw))
    return made


def metadata(draw: Draw) -> dict[str, Any]:
    """Return a JSON object of any values."""
    return {draw.pick(TEXTS): _json(draw, 3) for _ in range(draw.whole(0, 3))}


def _json(draw: Draw, depth: int) -> Any:
    kind = draw.whole(0, 6 if depth else 4)
    if kind == 5:
        return [_json(draw, depth - 1) for _ in range(draw.whole(0, 3))]
    if kind == 6:
        return {draw.pick(TEXTS): _json(draw, depth - 1) for _ in range(draw.whole(0, 2))}
    numbers = [0, -1, 2**70, 0.1, -0.0, 1e300, 5e-324, 1 / 3]
    return [draw.pick(TEXTS), draw.pick(numbers), True, None, float(draw.rng.normal())][kind]


def _arrays(draw: Draw, k: int, shape: tuple[int, ...]) -> Arguments:
    weight = {f"weight.{k}": draw.numbers(math.prod(shape))}
    return weight | ({f"bias.{k}": draw.numbers(shape[0])} if draw.chance(0.5) else {})


def _neuron(draw: Draw, k: int, kind: str, n: int, rows: dict[str, float]) -> Arguments:
    """Return the rows of a stored neuron, or nothing: a label alone."""
    if draw.chance(0.15):
        return {}
    given = parameters(draw, OF_KIND[kind], n)
    given["hard_reset"] = float("v_reset" in given)
    width = n if any(isinstance(value, list) for value in given.values()) or draw.chance(0.1) else 1
    spread = [given.get(name, value) for name, value in rows.items()]
    return {f"neuron.{k}": [float(x) for row in spread for x in (row if isinstance(row, list) else [row] * width)]}


def _reads(draw: Draw, shapes: dict[str, tuple[int, ...]]) -> tuple[str, list[str]]:
    """Return an operation and what it reads, mostly of the latest signals."""
    latest = list(shapes)[-draw.pick([1, 1, 2, 8]) :]
    source = draw.pick(latest)
    shape = shapes[source]
    word = draw.pick(
        ["linear", "add", "concat", "conv", "conv", *POOLS] if len(shape) > 1 else ["linear", "linear", "add", "concat"]
    )
    if word not in ("add", "concat"):
        return word, [source]
    alike = [name for name, other in shapes.items() if other == shape or (word == "concat" and other[1:] == shape[1:])]
    inputs = [draw.pick(alike) for _ in range(draw.whole(1, 3))]
    inputs.insert(draw.whole(0, len(inputs)), source)
    if word == "concat" and sum(math.prod(shapes[name]) for name in inputs) > MOST_VALUES:
        return "linear", [source]
    return word, inputs


def _operation(
    draw: Draw, word: str, reads: list[tuple[int, ...]]
) -> tuple[tuple[int, ...], dict[str, Any], tuple[int, ...]]:
    """Return the shape that it gives, its attributes and the shape of its weight."""
    first = reads[0]
    if word == "linear":
        n = draw.whole(1, 5)
        return (n,), {}, (n, math.prod(first))
    if word == "add":
        return first, {}, ()
    if word == "concat":
        return (sum(shape[0] for shape in reads), *first[1:]), {}, ()
    given, weight_shape = window(draw, word, first)
    axes = len(first) - 1
    kernel = list(weight_shape[2:]) if word == "conv" else given["kernel"]
    attributes = {"kernel": kernel, "stride": [1] * axes if word == "conv" else kernel, "padding": [0] * axes}
    attributes |= {"dilation": [1] * axes, "groups": 1} if word == "conv" else {}
    attributes |= given
    geometry = {key: tuple(attributes[key]) for key in ("stride", "padding", "dilation") if key in attributes}
    places = Window.of(tuple(kernel), **geometry).places(first[1:])
    return (weight_shape[0] if word == "conv" else first[0], *places), attributes, weight_shape


def written(content: Arguments, path: Path) -> bool:
    """Write what ``checkpoint.write`` would be given to ``path``, a fresh one; return whether it can be written."""
    try:
        with np.errstate(over="ignore"):
            pair = checkpoint_bytes(checkpoint_of(content))
    except CheckpointError:
        return False
    for suffix, data in zip((".npz", ".json"), pair, strict=True):
        path.with_name(path.name + suffix).write_bytes(data)
    return True
