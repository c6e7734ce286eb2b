"""The network itself in C: its arrays, one function a node, one to begin and one for a step."""

from __future__ import annotations

from collections.abc import Sequence

from spikeport.interop.c.arrays import Parts
from spikeport.interop.c.operations import Read, loops
from spikeport.interop.c.text import Lines, safe
from spikeport.kernels import INPUT, PlacedNetwork

CALLED = """
/* What a device calls: network_begin for a sample; for each step network_step, with N_INPUT inputs and whether biases
 * act, which under a pulse they do in the first step alone (it returns whether any node passed on anything but 0); then
 * network_drive, which has N_OUTPUT values. */
void network_begin(void);
int network_step(const int32_t *input, int biased);
const int32_t *network_drive(void);
""".strip().splitlines()


def write_arrays(line: Lines, parts: Sequence[Parts]) -> None:
    """Write what a device calls, and all arrays, constants first."""
    line(*CALLED, "", "/* Constants. */")
    for part in parts:
        for static in part.constants:
            line(*static.definition())
    line("", "/* State. */")
    for part in parts:
        for static in part.state:
            line(*static.definition())


def write_nodes(line: Lines, parts: Sequence[Parts], network: PlacedNetwork) -> None:
    """Write a function for each node, which computes one step and returns whether it passes on anything but 0."""
    reads = {INPUT: Read(INPUT, network.input_shape)}
    for part in parts:
        node = part.node
        line("", f"/* Node {part.index}, {safe(node.name)}: {node.operation.kind}, {node.neuron.kind}. */")
        with line.block(f"static int node_{part.index}({', '.join(_parameters(part)) or 'void'})"):
            line("int moved = 0;")
            loops(line, part, [reads[name] for name in part.node.inputs])
            line("return moved;")
        reads[part.node.name] = Read(f"signal_{part.index}", part.node.shape)


def write_step(line: Lines, parts: Sequence[Parts]) -> None:
    """Write what begins a run, what does one step of it and what came of it."""
    line("", "/* Membranes at their start, everything else at 0. */")
    with line.block("void network_begin(void)"):
        for part in parts:
            _begin(line, part)
    line("", "/* All nodes, one after the other. */")
    with line.block("int network_step(const int32_t *input, int biased)"):
        line("int moved = 0;")
        for given in ("input", "biased"):
            if not any(given in _arguments(part) for part in parts):
                line(f"(void){given};")
        for part in parts:
            line(f"moved |= node_{part.index}({', '.join(_arguments(part))});")
        line("return moved;")
    line("")
    with line.block("const int32_t *network_drive(void)"):
        line("return drive;")


def _begin(line: Lines, part: Parts) -> None:
    node = part.node
    for static in part.state:
        letter = static.name.split("_")[0]
        if letter == "signal":
            continue
        with line.loop("n", static.shape[0]):
            if letter != "v" or part.start is None:
                line(f"{static.name}[n] = 0;")
            elif part.start.is_array:
                places = node.size // node.shape[0]
                line(f"const int32_t c = {f'n / {places}' if places > 1 else 'n'};")
                line(f"{static.name}[n] = {part.start.text};")
            else:
                line(f"{static.name}[n] = {part.start.text};")


def _arguments(part: Parts) -> list[str]:
    reads_input = ["input"] if INPUT in part.node.inputs else []
    return reads_input + (["biased"] if "bias" in part.node.operation.arrays() else [])


def _parameters(part: Parts) -> list[str]:
    types = {"input": "const int32_t *input", "biased": "int biased"}
    return [types[name] for name in _arguments(part)]
