"""The linear operation.

    I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + … ) + b[j]

in this order and with no fused multiply-add.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.operations.operation import Operation, Shape, only
from spikeport.operations.weighted import Weighted, summed_rows

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Linear(Weighted):
    """``I[j] = (Σ_k W[j, k]·x[k]) + b[j]``, k ascending from +0, the bias last; a signal of several axes is read flat.

    Attributes
    ----------
    weight : W, shape (n_outputs, n_inputs), float32, float64, int8 or int16; held as it is, not copied
    bias : b, shape (n_outputs,), of the weight's type, int32 beside weights of integers, or None
    """

    kind: ClassVar[str] = "linear"

    weight: Array
    bias: Array | None = None

    @property
    def n_inputs(self) -> int:
        """Number of columns of the weight."""
        return int(np.shape(self.weight)[1])

    @property
    def matrix(self) -> Array:
        """The weight itself: each row is a sum, each column a term."""
        return self.weight[None]

    def patches(self, signal: Array) -> Iterator[Array]:
        """Yield the values of the signal, one by one."""
        flat = signal.reshape(*signal.shape[:2], self.n_inputs)
        return (flat[..., k, None, None] for k in range(self.n_inputs))

    def fan_out(self, shape: Shape) -> Array:
        """Return the weights that are not 0 in each column, in the shape of the signal."""
        readers: Array = np.count_nonzero(self.weight, axis=0).reshape(shape)
        return readers

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return (n_outputs,), or raise `GraphError` unless it reads one signal of ``n_inputs`` values."""
        shape = only(self.kind, inputs)
        if math.prod(shape) != self.n_inputs:
            raise GraphError("shape", f"a signal of shape {shape} feeds a linear layer that takes {self.n_inputs}")
        return (self.n_outputs,)

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Return ``W·x + b`` of shape (T, batch, n_outputs)."""
        (signal,) = signals
        return summed_rows(self.weight, self.bias, signal.reshape(*signal.shape[:2], self.n_inputs))

    def with_arrays(self, arrays: dict[str, Array]) -> Operation:
        """Return the operation with this weight and bias."""
        return Linear(arrays["weight"], arrays.get("bias"))

    def check(self, name: str) -> None:
        """Raise `GraphError` unless the weight has two axes, the bias one value per row, and their types fit."""
        shape = np.shape(self.weight)
        if len(shape) != 2:
            raise GraphError("shape", f"{name}.weights has shape {shape}: give (n_neurons, n_inputs)")
        self._check_arrays(name)
