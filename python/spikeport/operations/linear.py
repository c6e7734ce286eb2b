"""The linear operation.

    I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + … ) + b[j]

in this order and with no fused multiply-add.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.operations.operation import Operation, check_float
from spikeport.operations.weighted import Weighted, summed

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Linear(Weighted):
    """``I[j] = (Σ_k W[j, k]·x[k]) + b[j]``, k ascending from +0, the bias last.

    Attributes
    ----------
    weight : W, shape (n_outputs, n_inputs), float32 or float64; held as it is, not copied
    bias : b, shape (n_outputs,), of the weight's type, or None
    """

    kind: ClassVar[str] = "linear"

    weight: Array
    bias: Array | None = None

    @property
    def n_inputs(self) -> int:
        """Number of columns of the weight."""
        return int(np.shape(self.weight)[1])

    @property
    def n_outputs(self) -> int:
        """Number of rows of the weight."""
        return int(np.shape(self.weight)[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the weight."""
        return self.weight.dtype

    @property
    def matrix(self) -> Array:
        """The weight itself: each row is a sum, each column a term."""
        return self.weight

    def currents(self, signal: Array) -> Array:
        """Return ``W·x + b`` of shape (…, n_outputs) for ``signal`` of shape (…, n_inputs)."""
        return summed(self, signal)

    def arrays(self) -> dict[str, Array]:
        """Return the weight and, where there is one, the bias."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def with_arrays(self, arrays: dict[str, Array]) -> Operation:
        """Return the operation with this weight and bias."""
        return Linear(arrays["weight"], arrays.get("bias"))

    def check(self, name: str) -> None:
        """Raise `GraphError` unless the weight has two axes, the bias one value per row, and both one float type."""
        shape = np.shape(self.weight)
        if len(shape) != 2:
            raise GraphError("shape", f"{name}.weights has shape {shape}: give (n_neurons, n_inputs)")
        check_float(f"{name}.weights", self.weight)
        if self.bias is not None and np.shape(self.bias) != shape[:1]:
            raise GraphError("shape", f"{name}.bias has shape {np.shape(self.bias)}, not {shape[:1]}")
        if self.bias is not None:
            check_float(f"{name}.bias", self.bias, self.weight.dtype)
