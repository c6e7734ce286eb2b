"""What an operation is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
"""Of one sample: (n,), (channels, length) or (channels, height, width)."""
Attributes = Mapping[str, int | tuple[int, ...]]

WHOLE_WEIGHTS: Final = (np.int8, np.int16)
"""Types of the weights of an integer network; its biases and all that it computes are int32."""


class Operation(ABC):
    """What a node does with the signals it reads, before its neurons: a dataclass whose docstring is its equation.

    ``remembers`` says that the currents of a step hang on the steps before it.
    """

    kind: ClassVar[str]
    remembers: ClassVar[bool] = False

    @abstractmethod
    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the currents for signals of these shapes, or raise `GraphError` ``shape``."""

    @abstractmethod
    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Return the currents of shape (T, batch, *out) for signals of shape (T, batch, *in), in the contract's order.

        They are of the operation's `element`; of one without arrays, of ``dtype``, which by default is that of the
        first signal, or float64 for spikes.
        """

    def bound(self, *largest: float) -> float:
        """Return the most that a current of integers can have, in absolute value, where each signal has at most
        ``largest`` (SPEC.md 2.2). Raises `GraphError` ``operation`` for an operation that integers have not.
        """
        raise GraphError("operation", f"{self.kind} is no operation of integers")

    def arrays(self) -> dict[str, Array]:
        """Return what learns, by name: what an archive holds, in its order."""
        return {}

    def with_arrays(self, arrays: dict[str, Array]) -> Operation:
        """Return this operation with other arrays, by the names that `arrays` gives."""
        if arrays:
            raise GraphError("shape", f"{self.kind} has no arrays: leave out {', '.join(arrays)}")
        return self

    def attributes(self) -> Attributes:
        """Return what else belongs to it, by name: numbers, or one number for each axis of its window."""
        return {}

    def check(self, name: str) -> None:  # noqa: B027 (without arrays there is nothing to check)
        """Raise `GraphError` (``shape``, ``dtype``), naming the node ``name``, unless its parts fit each other."""

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The type of its weights, float32, float64, int8 or int16, or None where it has none."""
        return next((array.dtype for array in self.arrays().values()), None)

    @property
    def element(self) -> np.dtype[Any] | None:
        """The type that it computes in: that of its weights, int32 for those of integers; None without weights."""
        return None if self.dtype is None else element_of(self.dtype)

    def copy(self) -> Operation:
        """Return the operation with arrays of its own, in C order."""
        return self.with_arrays({key: np.array(array, order="C") for key, array in self.arrays().items()})

    @property
    def n_params(self) -> int:
        """Number of values that learn."""
        return sum(int(np.size(array)) for array in self.arrays().values())

    def __eq__(self, other: object) -> bool:
        """Compare kind and attributes, and arrays by type and values."""
        if not isinstance(other, Operation):
            return NotImplemented
        own, others = self.arrays(), other.arrays()
        return (self.kind, dict(self.attributes()), list(own)) == (
            other.kind,
            dict(other.attributes()),
            list(others),
        ) and all(own[key].dtype == others[key].dtype and np.array_equal(own[key], others[key]) for key in own)

    __hash__ = None  # type: ignore[assignment]


def only(kind: str, inputs: tuple[Shape, ...]) -> Shape:
    """Return the one shape among ``inputs``, or raise `GraphError` for another number of them."""
    if len(inputs) != 1:
        raise GraphError("shape", f"{kind} reads one signal, not {len(inputs)}: add or concat joins several")
    return inputs[0]


def type_of(signals: tuple[Array, ...], dtype: Any) -> np.dtype[Any]:
    """Return the type of currents that no array decides."""
    given = np.dtype(signals[0].dtype if dtype is None else dtype)
    return given if given in (np.float32, np.float64, np.int32) else np.dtype(np.float64)


def element_of(dtype: Any) -> np.dtype[Any]:
    """Return the type in which weights of ``dtype`` are summed: int32 for int8 and int16, else their own."""
    return np.dtype(np.int32) if np.dtype(dtype) in WHOLE_WEIGHTS else np.dtype(dtype)


def check_types(name: str, weight: Array, bias: Array | None) -> None:
    """Raise `GraphError` ``dtype`` unless weights and biases, of node ``name``, are both float32, both float64, or
    int8 or int16 with int32.
    """
    given = getattr(weight, "dtype", type(weight).__name__)
    if given not in (np.float32, np.float64, *WHOLE_WEIGHTS):
        raise GraphError(
            "dtype", f"{name}.weights is {given}: make all of a layer float32, all float64, or weights int8 or int16"
        )
    if bias is not None and getattr(bias, "dtype", None) != element_of(given):
        raise GraphError(
            "dtype",
            f"{name}.bias is {getattr(bias, 'dtype', type(bias).__name__)} beside weights of {given}: "
            f"make it {element_of(given)}",
        )
