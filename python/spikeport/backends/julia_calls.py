"""A call into Julia as one line of text: what an array, a number, a neuron and an operation are called there.

The other end is `julia/SpikePort/src/python.jl`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import BackendError, KernelError
from spikeport.kernels.integrate_fire import IfParameters
from spikeport.kernels.st_bif import StBifParameters
from spikeport.neuron import Neuron
from spikeport.operations import Operation, Pool, Shape, Weighted

Array = npt.NDArray[Any]
Answer = Callable[[str, str], str]
Call = Callable[[str, dict[str, Any]], None]

TYPES = {
    "float64": "f64",
    "float32": "f32",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint64": "u64",
}
PARAMETERS = ("threshold", "v_init", "v_reset", "beta")


def calls(answer: Answer) -> Call:
    """Return the function that has Julia run a kernel; it writes its answer into the arrays among the words.

    The function raises `KernelError` for what Julia refuses, and `BackendError` ``thread`` on another thread than the
    one that calls this, which is the one that loaded Julia: on another one, Julia's first garbage collection would wait
    for ever for the thread that loaded it, which waits for the GIL.
    """
    loaded_by = threading.get_ident()

    def call(kernel: str, words: dict[str, Any]) -> None:
        if threading.get_ident() != loaded_by:
            raise BackendError(
                "thread",
                "Julia answers on the thread that loaded it, and this is another one: it would hang at its first "
                "garbage collection. Call it from that thread, or take backend='rust'",
            )
        code, _, message = answer(kernel, " ".join(f"{key}={_word(value)}" for key, value in words.items())).partition(
            " "
        )
        if code:
            raise KernelError(code, message)

    return call


def room_for_counts(shape: Shape, dtype: Any, graded: bool) -> Array:
    """Return an array for counts: ``graded`` ones are sums of currents of ``dtype``, of integers in 64 bits."""
    return np.zeros(shape, dtype if graded and np.dtype(dtype).kind == "f" else np.int64)


def contiguous(array: Array) -> Array:
    """Return ``array`` in C order, in which Julia reads it."""
    return np.asarray(array, order="C")


def parameter_words(parameters: IfParameters | StBifParameters) -> dict[str, Any]:
    """Return the parameters that are there: arrays of one number for all or of one for each neuron, and bounds."""
    given = {name: value for name, value in parameters._asdict().items() if value is not None}
    return {name: np.atleast_1d(value) if isinstance(value, np.ndarray) else value for name, value in given.items()}


def node_words(operation: Operation, neuron: Neuron) -> dict[str, Any]:
    """Return the words of one node: its neurons' parameters, its operation and the arrays of that."""
    given = {name: getattr(neuron, name) for name in PARAMETERS}
    words: dict[str, Any] = {name: np.atleast_1d(value) for name, value in given.items() if value is not None}
    whole = {name: getattr(neuron, name) for name in ("tracer_min", "tracer_max", "max_spikes")}
    return words | whole | {"kind": neuron.kind} | operation_words(operation)


def operation_words(operation: Operation) -> dict[str, Any]:
    """Return the words of an operation: its kind, arrays and attributes."""
    arrays = {name: contiguous(array) for name, array in operation.arrays().items()}
    return {"operation": operation.kind, **arrays, **operation.attributes()}


def work(operation: Operation, shape: Shape) -> int:
    """Return how many terms the currents of one sample and step have: ``shape`` is what the operation gives."""
    terms = operation.matrix.shape[-1] if isinstance(operation, Weighted) else 1
    if isinstance(operation, Pool):
        terms = math.prod(operation.window.kernel)
    return terms * math.prod(shape)


def _word(value: Any) -> str:
    """Return an array's type, address and shape, numbers with commas between, or a number or name as it is."""
    if isinstance(value, np.ndarray):
        return f"{TYPES[value.dtype.name]}@{value.ctypes.data}:{','.join(map(str, value.shape))}"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
