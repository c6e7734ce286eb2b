"""The static arrays of a network in C: what is constant, and what changes from step to step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.interop.c.text import numbers, whole
from spikeport.kernels import INPUT, PlacedNetwork, PlacedNode
from spikeport.neuron import PerNeuron

Array = npt.NDArray[Any]
TYPES = {np.dtype(np.int8): "int8_t", np.dtype(np.int16): "int16_t", np.dtype(np.int32): "int32_t"}


@dataclass(frozen=True)
class Static:
    """One array.

    Attributes
    ----------
    name : such as ``W_0``: the letter of the contract, the index of the node
    shape, dtype : of its values
    about : what it is, in a few words
    values : what it holds for ever, or None for one that changes
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    about: str
    values: Array | None = None

    @property
    def n_bytes(self) -> int:
        """How much memory it takes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def declared(self) -> str:
        """Type, name and sizes."""
        return f"{TYPES[self.dtype]} {self.name}{''.join(f'[{n}]' for n in self.shape)}"

    def definition(self) -> list[str]:
        """Return its definition as lines of C."""
        if self.values is None:
            return [f"static {self.declared};"]
        first, *rest = numbers(self.values)
        lines = [f"static const {self.declared} = {first}", *rest]
        lines[-1] += ";"
        return lines


class Parameter:
    """A parameter of a node's neurons: a number in the code, or an array of one for each entry of the first axis."""

    def __init__(self, name: str, values: PerNeuron | Array, about: str) -> None:
        array = whole(values)
        self.is_array = array.ndim == 1 and bool((array != array[0]).any())
        self.text = f"{name}[c]" if self.is_array else str(int(array.flat[0]))
        self.static = [Static(name, array.shape, array.dtype, about, array)] if self.is_array else []


class Parts:
    """What a node has in memory, beside what it reads.

    Attributes
    ----------
    index, node : the node, and its place among all
    is_output : whether it is the last one
    constants, state : its arrays
    θ, start, reset : parameters of its neurons; None where it has none
    """

    def __init__(self, index: int, node: PlacedNode, reads: list[int], is_output: bool) -> None:
        self.index, self.node, self.is_output, neuron = index, node, is_output, node.neuron
        self.constants = [
            Static(f"{letter}_{index}", array.shape, array.dtype, about, array)
            for (letter, about), array in zip(WEIGHTS, node.operation.arrays().values(), strict=False)
        ]
        self.θ = self.start = self.reset = None
        graded = not neuron.is_spiking
        signal = np.dtype(np.int32 if graded else np.int8)
        self.state = [self._each("signal", "what it passes on in this step", signal)]
        if not graded:
            self.θ = Parameter(f"theta_{index}", neuron.threshold, "thresholds, one for each entry of the first axis")
            start = np.asarray(neuron.v_init, np.float64) * neuron.threshold
            self.start = Parameter(f"start_{index}", start, "membranes before the first step, v_init*theta")
            if neuron.v_reset is not None:
                self.reset = Parameter(f"reset_{index}", neuron.v_reset, "membranes after a spike, v_reset")
            self.state.append(self._each("v", "membranes"))
        counted = "the tracer" if neuron.kind == "ST-BIF" else "sum of what it passed on"
        self.state.append(self._each("S", counted))
        if node.operation.kind == "max_pool":
            (n_read,) = reads
            self.state.append(Static(f"X_{index}", (n_read,), np.dtype(np.int32), "running sums of what it reads"))
            self.state.append(self._each("Y", "the largest running sum in each window"))
        if is_output:
            self.state.append(Static("drive", (node.size,), np.dtype(np.int32), "what the output received in all"))
        for parameter in (self.θ, self.start, self.reset):
            self.constants += [] if parameter is None else parameter.static

    def _each(self, letter: str, about: str, dtype: Any = np.int32) -> Static:
        return Static(f"{letter}_{self.index}", (self.node.size,), np.dtype(dtype), about)


def constant_bytes(parts: Iterable[Parts]) -> int:
    """Return what weights, biases and parameters take."""
    return sum(static.n_bytes for part in parts for static in part.constants)


def state_bytes(parts: Iterable[Parts]) -> int:
    """Return what changes from step to step takes."""
    return sum(static.n_bytes for part in parts for static in part.state)


WEIGHTS = (("W", "weights"), ("b", "biases"))


def parts_of(network: PlacedNetwork) -> list[Parts]:
    """Return what each node has in memory."""
    sizes, last = {INPUT: network.input_size} | {node.name: node.size for node in network.nodes}, len(network.nodes) - 1
    return [
        Parts(index, node, [sizes[name] for name in node.inputs], index == last)
        for index, node in enumerate(network.nodes)
    ]
