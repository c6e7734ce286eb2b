"""A network of integers as the text of one file of C99."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.errors import GraphError, KernelError
from spikeport.graph import SNNGraph
from spikeport.interop.c.arrays import constant_bytes, parts_of, state_bytes
from spikeport.interop.c.head import Limits, write_head
from spikeport.interop.c.network import write_arrays, write_nodes, write_step
from spikeport.interop.c.program import Kept, write_program
from spikeport.interop.c.text import Lines
from spikeport.kernels import PlacedNetwork, place
from spikeport.kernels.bounds import bounds_of, check_network, node_reach
from spikeport.kernels.checks import LARGEST

ENCODINGS = ("current", "pulse")


@dataclass(frozen=True)
class CSource:
    """A file of C, and what it says of itself.

    Attributes
    ----------
    text : the file
    X_max : the largest input, in absolute value, that it takes
    T_max : the most steps for such inputs: no number can pass 32 bits
    constant_bytes, state_bytes : of its static arrays: weights, biases and parameters; what changes while it runs
    """

    text: str
    X_max: int
    T_max: int
    constant_bytes: int
    state_bytes: int

    def save(self, path: str | Path) -> None:
        """Write the file, in ASCII."""
        Path(path).write_text(self.text, "ascii")


def to_c(
    graph: SNNGraph,
    *,
    largest_input: int = 255,
    name: str = "network",
    sample: npt.ArrayLike | None = None,
    T: int = 16,
    encoding: str = "current",
    input_step: float | Sequence[float] | None = None,
    input_offset: float | Sequence[float] = 0.0,
) -> CSource:
    """Write a network of integers as C99: static arrays, no allocation, loops as the contract's equations.

    Its program reads samples and prints the counts and membranes of every node and the drive, with the bits of every
    other language. The head of the file says how all lies in memory.

    Parameters
    ----------
    graph : weights of int8 or int16
    largest_input : the largest |x| that the program takes; with it the most steps, ``T_max``, are known
    name : of the network, for the head of the file
    sample : whole numbers of the network's input shape, or flat, that the file keeps: its program runs them when it is
        given nothing, for ``T`` steps fed by ``encoding`` ("current" or "pulse"), and compares the drive
    input_step, input_offset : what an input of 1 stands for, and what 0 does, said in the head where it is known: one
        number, or one for each entry of the input's first axis

    Raises
    ------
    GraphError
        ``dtype`` for a network of floats; ``largest_input``; ``encoding``.
    spikeport.errors.KernelError
        ``overflow`` where one step could pass 32 bits, or T steps of the sample; ``shape``, ``not_whole`` of a sample.
    """
    network = place(graph.layers, graph.input_shape)
    if network.dtype != np.int32:
        raise GraphError(
            "dtype", f"the network computes in {network.dtype}: C is written of integers, so quantise it first"
        )
    if not is_whole(largest_input) or not 0 <= largest_input <= LARGEST:
        raise GraphError(
            "largest_input", f"largest_input must be a whole number from 0 to {LARGEST:,}, not {largest_input!r}"
        )
    T_max, parts = most_steps(network, int(largest_input)), parts_of(network)
    kept = None if sample is None else _kept(graph, sample, T, encoding, T_max, int(largest_input))
    line = Lines()
    write_head(line, network, parts, name, Limits(int(largest_input), T_max, input_step, input_offset))
    write_arrays(line, parts)
    write_nodes(line, parts, network)
    write_step(line, parts)
    write_program(line, parts, kept)
    return CSource("\n".join(line.written) + "\n", int(largest_input), T_max, constant_bytes(parts), state_bytes(parts))


def most_steps(network: PlacedNetwork, largest: int) -> int:
    """Return the most steps in which no number passes 32 bits, inputs being at most ``largest``.

    Raises `KernelError` ``overflow`` where that is less than one.
    """
    check_network(network, 1, largest)
    most = LARGEST
    for node, bound in bounds_of(network, largest):
        if bound:
            most = min(most, (LARGEST - int(node_reach(node.neuron, 0, bound))) // int(bound))
    return most


def _kept(graph: SNNGraph, sample: npt.ArrayLike, T: int, encoding: str, T_max: int, largest: int) -> Kept:
    if encoding not in ENCODINGS:
        raise GraphError("encoding", f"a sample is fed as {' or '.join(ENCODINGS)}, not {encoding!r}")
    x: Any = np.asarray(sample)
    if x.size != graph.n_inputs:
        raise KernelError("shape", f"the sample has shape {x.shape}: give one of shape {graph.input_shape}, or flat")
    x = x.reshape(1, *graph.input_shape)
    drive = graph.run(x, T=T, encoding=encoding, backend="reference").drive
    if T > T_max or np.abs(x).max() > largest:
        raise KernelError(
            "overflow", f"T={T:,} or an input of the sample is above what the file takes: {T_max:,} steps, {largest:,}"
        )
    return Kept(x.ravel().astype(np.int32), drive.ravel(), T, encoding)
