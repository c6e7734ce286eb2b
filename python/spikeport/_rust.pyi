"""Types of the Rust extension: arrays are in C order; results are written into ``to``, or given flat.

``Buffers`` are spikes (int8, packed uint8, or None), membrane and counts (int64).
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.neuron import Neuron

Array = npt.NDArray[Any]
Flat = npt.NDArray[Any]
Parameter = float | npt.NDArray[np.float64]
Attributes = dict[str, int | tuple[int, ...]]
Trace = tuple[Flat, Flat, Flat]
Buffers = tuple[Array | None, Array, Array]
RunResult = tuple[list[tuple[Flat, Flat, Flat | None]], Flat, Flat | None]

CheckpointLayer = tuple[
    str, str, str, Attributes, tuple[int, ...], tuple[int, ...], Array | None, Array | None, Array | None
]

__version__: str

def if_multistep(
    currents: Array,
    threshold: Parameter,
    v_init: Parameter,
    v_reset: Parameter | None,
    beta: Parameter,
    max_spikes: int,
    to: Buffers | None,
) -> Trace | None: ...
def if_constant(
    current: Array,
    timesteps: int,
    threshold: Parameter,
    v_init: Parameter,
    v_reset: Parameter | None,
    beta: Parameter,
    max_spikes: int,
    to: Buffers | None,
) -> Trace | None: ...
def st_bif_multistep(
    currents: Array, threshold: Parameter, tracer_min: int, tracer_max: int, v_init: Parameter, to: Buffers | None
) -> Trace | None: ...
def layer_forward(inputs: Array, weights: Array, bias: Array | None, neuron: Neuron) -> Trace: ...
def operation_currents(kind: str, arrays: dict[str, Array], attributes: Attributes, signals: list[Array]) -> Flat: ...

class Network:
    """Nodes (kind, arrays, attributes, inputs, neuron), checked and laid out once; all arrays of one type.

    A node reads nodes before it by their index, and the input by -1.
    """

    def __init__(
        self,
        nodes: list[tuple[str, dict[str, Array], Attributes, list[int], Neuron]],
        input_shape: tuple[int, ...],
    ) -> None: ...
    def run(
        self, inputs: Array, timesteps: int, encoding: str, seed: int, record: bool, threads: int | None
    ) -> RunResult:
        """Counts, membrane, signal or None for each node; the drive of the last; when each sample settled, or None."""

def fingerprint(arrays: list[npt.NDArray[Any]]) -> int:
    """A 64-bit hash of the dtype, shape and values of all arrays."""

def encode_poisson(
    rates: Array, timesteps: int, seed: int, samples: npt.NDArray[np.uint64] | None, to: Array
) -> None: ...
def qcfs(x: Array, timesteps: int, threshold: Parameter) -> Flat: ...
def checkpoint_save(
    path: Path,
    input_shape: tuple[int, ...],
    layers: list[CheckpointLayer],
    frozen: list[str],
    metadata: str,
    durable: bool,
) -> None: ...
def checkpoint_load(path: Path) -> tuple[tuple[int, ...], list[CheckpointLayer], list[str], str]: ...
