"""What joins several signals.

add:     I = ((0 + x_0) + x_1) + …      in the order in which the node names them
concat:  I = x_0, behind it x_1, …      along the first axis
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.operations.operation import Operation, Shape, type_of

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Add(Operation):
    """``I = ((0 + x_0) + x_1) + …``: signals of one shape, in the order in which the node names them."""

    kind: ClassVar[str] = "add"

    def bound(self, *largest: float) -> float:
        """Return ``m_0 + m_1 + …``."""
        return sum(largest)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape that all have, or raise `GraphError`."""
        if len(inputs) < 2 or len(set(inputs)) > 1:
            raise GraphError("shape", f"add reads two or more signals of one shape, not {_listed(inputs)}")
        return inputs[0]

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Return the sum, of the shape of each."""
        total = np.zeros(signals[0].shape, type_of(signals, dtype))
        for signal in signals:
            total += signal
        return total


@dataclass(frozen=True, eq=False)
class Concat(Operation):
    """``I = x_0, behind it x_1, …`` along the first axis: channels, or the values of a vector."""

    kind: ClassVar[str] = "concat"

    def bound(self, *largest: float) -> float:
        """Return the largest of ``m_0, m_1, …``."""
        return max(largest)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Return the shape with the first axes added up, or raise `GraphError` where the others differ."""
        if len(inputs) < 2 or len({shape[1:] for shape in inputs}) > 1:
            raise GraphError("shape", f"concat reads two or more signals alike but in channels, not {_listed(inputs)}")
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])

    def currents(self, *signals: Array, dtype: Any = None) -> Array:
        """Return all signals, one behind the other."""
        return np.concatenate(signals, axis=2, dtype=type_of(signals, dtype))


def _listed(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(map(str, shapes)) or "none"
