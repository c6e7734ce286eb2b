"""What stands above the code: what runs, how it lies in memory, how far it may run, how it is used."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spikeport.graph.table import shape_text
from spikeport.interop.c.arrays import Parts, Static, constant_bytes, state_bytes
from spikeport.interop.c.neurons import EQUATIONS as NEURONS
from spikeport.interop.c.operations import EQUATIONS as OPERATIONS
from spikeport.interop.c.text import WIDTH, Lines, columns, safe
from spikeport.kernels import INPUT, PlacedNetwork
from spikeport.neuron import Neuron

STEP = """
A step is one call of network_step. It goes through the nodes in the order above. A node makes its currents I of the
signals that it reads, as they are in this same step; each current goes to one neuron; what the neuron passes on, s,
is written to the node's signal, which later nodes read. Nothing else is kept from step to step but the state below.
""".strip().splitlines()

MEMORY = """
An index of a signal, a membrane or a count is flat, row-major: channel c, row p0, column p1 of a signal of shape
(C, H, W) lie at (c * H + p0) * W + p1. The weights W of linear are [out][in], in the flat order of what is read;
those of conv are [out][C/groups][kernel rows][kernel columns], with one kernel axis for signals of one axis beside
the channels. A parameter theta, start or reset that has an array has one value for each entry of the node's first
axis: for each neuron of a vector, for each channel of an image; else it is a number in the code. at(p, q) is
p * stride + q * dilation - padding, on each axis; places outside the signal are left out.
""".strip().splitlines()

USE = """
    cc -std=c99 -O2 FILE.c -o network
    ./network current 16 < samples.txt    each input at every step, 16 steps
    ./network spikes 16 < samples.txt     each sample is 16 inputs, one for each step
    ./network pulse 100 < samples.txt     inputs and biases at the first step alone, until nothing moves or T = 100
    ./network about                       sizes, X_MAX and T_MAX

    samples.txt holds whole numbers, N_INPUT for each input, with blanks, commas or line ends between. A sample gives
    one line: counts.k and v.k of each node k (counts are the sum of what it passed on, of ST-BIF the tracer), drive,
    which is what the last node received in all, and under pulse settled: after how many steps nothing moved, or -1.

    On a device compile with -DNETWORK_ALONE: then there are network_begin, network_step and network_drive alone, and
    nothing is included but stdint.h.
""".strip("\n").splitlines()


class Limits(NamedTuple):
    """What a file may be given: inputs of at most ``X_max`` in absolute value, for at most ``T_max`` steps.

    ``input_step`` is what an input of 1 stands for and ``input_offset`` what 0 does, for all or for each entry of the
    input's first axis; or None where nothing is said.
    """

    X_max: int
    T_max: int
    input_step: float | Sequence[float] | None = None
    input_offset: float | Sequence[float] = 0.0


def write_head(line: Lines, network: PlacedNetwork, parts: Sequence[Parts], name: str, limits: Limits) -> None:
    """Write the comment at the head, the sizes as macros, and what the program includes."""
    X_max, T_max, constants, state = limits.X_max, limits.T_max, constant_bytes(parts), state_bytes(parts)
    said = [
        f"{safe(name)}: a spiking network of whole numbers, written by spikeport. No floats, no allocation.",
        "",
        "NODES",
        *_indented(columns(_nodes(network, parts))),
        "",
        "EQUATIONS",
        *_indented(columns(_equations(network))),
        "",
        "A STEP",
        *_indented(STEP),
        "",
        f"MEMORY: {constants:,} bytes of constants, {state:,} bytes of state",
        *_indented(columns([_array(static) for part in parts for static in (*part.constants, *part.state)])),
        "",
        *_indented(MEMORY),
        "",
        "RANGE",
        *_indented(_given_as(limits)),
        f"    Inputs are at most X_MAX = {X_max} in absolute value, a run has at most T_MAX = {T_max} steps: the",
        "    program refuses more. So no sum, no membrane and no count can pass 2^31 - 1: T_MAX is the largest T with",
        "    max(|start|, |v_reset|, max_spikes*theta) + T*(sum |W| * the most it reads + |b|) <= 2^31 - 1 everywhere.",
        "",
        "USE",
        *USE,
    ]
    line("/*", *(f" * {text}".rstrip() for text in said), " */", "#include <stdint.h>", "#ifndef NETWORK_ALONE")
    line("#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>", "#endif", "")
    line(f"#define N_INPUT {network.input_size}", f"#define N_OUTPUT {network.nodes[-1].size}")
    line(f"#define X_MAX {X_max}", f"#define T_MAX {T_max}")
    for macro, arrays in (
        ("CONSTANT_BYTES", [static for part in parts for static in part.constants]),
        ("STATE_BYTES", [static for part in parts for static in part.state]),
    ):
        terms = textwrap.wrap(" + ".join(f"sizeof({static.name})" for static in arrays) or "0", WIDTH)
        line(*" \\\n    ".join([f"#define {macro}", *terms]).splitlines())
    line("")


def _given_as(limits: Limits) -> list[str]:
    """Return how a real input is given."""
    if limits.input_step is None:
        return []
    steps, offsets = np.broadcast_arrays(np.atleast_1d(limits.input_step), np.atleast_1d(limits.input_offset))
    pairs = [(float(step), float(offset)) for step, offset in zip(steps, offsets, strict=True)]
    ((step, offset), *more) = pairs
    if not more and not offset:
        return [f"An input of 1 stands for {step!r}: a real input x is given as x / {step!r}, rounded."]
    if not more:
        return [f"A real input x is given as (x - {offset!r}) / {step!r}, rounded."]
    return [
        "A real input x is given as (x - offset) / step, rounded, by its place k on the first axis:",
        *columns([("k", "step", "offset"), *((str(k), repr(s), repr(o)) for k, (s, o) in enumerate(pairs))]),
    ]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {text}" for text in lines]


def _nodes(network: PlacedNetwork, parts: Sequence[Parts]) -> list[tuple[str, ...]]:
    at = {INPUT: INPUT} | {part.node.name: str(part.index) for part in parts}
    rows: list[tuple[str, ...]] = [("node", "name", "reads", "operation", "passes on", "neurons")]
    rows.append(("", INPUT, "", "", shape_text(network.input_shape).replace("×", "x"), ""))
    for part in parts:
        node = part.node
        reads = ", ".join(at[source] for source in node.inputs)
        geometry = ", ".join(f"{key} {_plain(value)}" for key, value in node.operation.attributes().items())
        operation = node.operation.kind + (f" ({geometry})" if geometry else "")
        shape = shape_text(node.shape).replace("×", "x")
        rows.append((str(part.index), safe(node.name), reads, operation, shape, _neurons(node.neuron, part)))
    return rows


def _plain(value: int | tuple[int, ...]) -> str:
    return str(value) if isinstance(value, int) else "x".join(map(str, value))


def _neurons(neuron: Neuron, part: Parts) -> str:
    if part.θ is None or part.start is None:
        return neuron.kind
    said = [neuron.kind, f"theta {_value(part.θ.text)}", f"start {_value(part.start.text)}"]
    if part.reset is not None:
        said.append(f"v_reset {_value(part.reset.text)}")
    if neuron.kind == "ST-BIF":
        said.append(f"tracer {neuron.tracer_min} to {neuron.tracer_max}")
    if neuron.max_spikes > 1:
        said.append(f"max_spikes {neuron.max_spikes}")
    return ", ".join(said)


def _value(text: str) -> str:
    return text.split("[")[0]


def _equations(network: PlacedNetwork) -> list[tuple[str, str]]:
    kinds = dict.fromkeys(node.operation.kind for node in network.nodes)
    neurons = dict.fromkeys(node.neuron.kind for node in network.nodes)
    return [(kind, OPERATIONS[kind]) for kind in kinds] + [(kind, NEURONS[kind]) for kind in neurons]


def _array(static: Static) -> tuple[str, ...]:
    return (static.declared, f"{static.n_bytes:,}", static.about)
