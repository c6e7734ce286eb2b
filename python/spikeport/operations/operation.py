"""What an operation is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError

Array = npt.NDArray[Any]


class Operation(ABC):
    """What a node does with the signal it reads, before its neurons: a dataclass whose docstring is its equation."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """Number of values it reads at each step."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Number of currents it gives at each step."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """The type of its arrays and of its currents: float32 or float64."""

    @abstractmethod
    def currents(self, signal: Array) -> Array:
        """Return the currents of shape (…, n_outputs) for a signal of shape (…, n_inputs), in the contract's order."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Return what learns, by name: what an archive holds, in its order."""

    @abstractmethod
    def with_arrays(self, arrays: dict[str, Array]) -> Operation:
        """Return this operation with other arrays, by the names that `arrays` gives."""

    @abstractmethod
    def check(self, name: str) -> None:
        """Raise `GraphError` (``shape``, ``dtype``), naming the node ``name``, unless its arrays fit each other."""

    def copy(self) -> Operation:
        """Return the operation with arrays of its own, in C order."""
        return self.with_arrays({key: np.array(array, order="C") for key, array in self.arrays().items()})

    @property
    def n_params(self) -> int:
        """Number of values that learn."""
        return sum(int(np.size(array)) for array in self.arrays().values())

    def __eq__(self, other: object) -> bool:
        """Compare kind, and arrays by type and values."""
        if not isinstance(other, Operation):
            return NotImplemented
        own, others = self.arrays(), other.arrays()
        return (self.kind, list(own)) == (other.kind, list(others)) and all(
            own[key].dtype == others[key].dtype and np.array_equal(own[key], others[key]) for key in own
        )

    __hash__ = None  # type: ignore[assignment]


def check_float(name: str, array: Array, dtype: Any = None) -> None:
    """Raise `GraphError` ``dtype`` unless ``array`` is float32 or float64, and of ``dtype`` if one is given."""
    given = getattr(array, "dtype", type(array).__name__)
    if given not in (np.float32, np.float64) or given != (given if dtype is None else dtype):
        raise GraphError("dtype", f"{name} is {given}: make all of a layer float32, or all float64")
