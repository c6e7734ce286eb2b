"""Types of the Rust extension: arrays in are float32 or float64 in C order, arrays out are flat."""

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.neuron import Neuron

Array = npt.NDArray[Any]
Flat = npt.NDArray[Any]
Parameter = float | npt.NDArray[np.float64]
Trace = tuple[Flat, Flat, Flat]
RunResult = tuple[list[tuple[Flat, Flat, Flat | None]], Flat]

__version__: str

def if_multistep(
    currents: Array, threshold: Parameter, v_init: Parameter, v_reset: Parameter | None, beta: Parameter
) -> Trace: ...
def if_constant(
    current: Array,
    timesteps: int,
    threshold: Parameter,
    v_init: Parameter,
    v_reset: Parameter | None,
    beta: Parameter,
) -> Trace: ...
def st_bif_multistep(
    currents: Array, threshold: Parameter, tracer_min: int, tracer_max: int, v_init: Parameter
) -> Trace: ...
def layer_forward(inputs: Array, weights: Array, bias: Array | None, neuron: Neuron) -> Trace: ...

class Network:
    """Nodes (kind, arrays by name, neuron) in network order, checked and laid out once; all arrays of one type."""

    def __init__(self, nodes: list[tuple[str, dict[str, Array], Neuron]]) -> None: ...
    def run(
        self, inputs: Array, timesteps: int, encoding: str, seed: int, record: bool, threads: int | None
    ) -> RunResult:
        """Counts, membrane, and signal or None for each node, and the drive of the last."""

def fingerprint(arrays: list[npt.NDArray[Any]]) -> int:
    """A 64-bit hash of the dtype, shape and values of all arrays."""

def encode_poisson(rates: Array, timesteps: int, seed: int, samples: npt.NDArray[np.uint64] | None) -> Flat: ...
def qcfs(x: Array, timesteps: int, threshold: Parameter) -> Flat: ...
