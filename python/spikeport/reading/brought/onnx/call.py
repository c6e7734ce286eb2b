"""One node while it is read: its attributes, its constants, the signals that it reads, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from spikeport.errors import ConversionError

Array = npt.NDArray[Any]

MISSING: Final = object()


@dataclass(frozen=True, eq=False)
class Wire:
    """A signal between nodes.

    Attributes
    ----------
    name : in the file
    value : what it is for the samples that the file is read on, (samples, …)
    is_positive : whether none of its values is ever below 0
    """

    name: str
    value: Tensor
    is_positive: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.value.shape[1:])


class Operator(nn.Module):
    """A node without weights: a function of the signals that it reads."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *signals: Tensor) -> Tensor:
        """Return the node's output."""
        return self.function(*signals)


@dataclass(frozen=True, eq=False)
class Call:
    """A node with what stands at its inputs.

    Attributes
    ----------
    kind, name : the operator, and the node's own name
    given : at each input a `Wire`, what was made of one behind the last layer, an array, or None where it is left out
    attributes : by name, tensors as arrays
    batch : how many samples the file takes, or the number that stands for any
    dtype : of all weights
    """

    kind: str
    name: str
    given: tuple[Any, ...]
    attributes: dict[str, Any]
    batch: int
    dtype: torch.dtype

    def refuse(self, what: str) -> ConversionError:
        """Return the error for what cannot be converted."""
        return ConversionError(
            "unsupported_module", f"the ONNX node {self.name} ({self.kind}) cannot be converted: {what}"
        )

    @property
    def wires(self) -> list[Wire]:
        """The signals that it reads."""
        return [wire for wire in self.given if isinstance(wire, Wire)]

    @property
    def x(self) -> Wire:
        """The signal at its first input."""
        first = self.given[0] if self.given else None
        if not isinstance(first, Wire):
            raise self.refuse("its first input is a constant, and a signal stands elsewhere")
        return first

    def constant(self, index: int, attribute: str | None = None, default: Any = MISSING) -> Any:
        """Return a constant, which newer opsets have at input ``index`` and older ones as an attribute."""
        value = self.given[index] if index < len(self.given) else None
        if isinstance(value, Wire):
            raise self.refuse(
                f"its input {index} is computed from the network's input, and only a constant has a form here"
            )
        if value is None and attribute is not None:
            value = self.attributes.get(attribute)
        if value is None:
            if default is MISSING:
                raise self.refuse(f"its input {index} is left out")
            return default
        return value

    def tensor(self, index: int, default: Any = MISSING) -> Tensor:
        """Return the constant at input ``index`` as weights, in the type of all others."""
        return self.as_weights(self.constant(index, default=default))

    def as_weights(self, values: Any) -> Tensor:
        """Return constants in the type of all weights; raise `ConversionError` ``non_finite`` for what is no number."""
        array = np.array(values, np.float64)
        if not np.isfinite(array).all():
            raise ConversionError(
                "non_finite", f"the ONNX node {self.name} ({self.kind}) holds NaN or infinity: train the network again"
            )
        return torch.from_numpy(array).to(self.dtype)

    def numbers(self, index: int, attribute: str | None = None, default: Any = MISSING) -> Any:
        """Return a constant as a list of whole numbers, or the default."""
        value = self.constant(index, attribute, default)
        return value if value is default else [int(v) for v in np.atleast_1d(value)]

    def axes(self, index: int, attribute: str = "axes", default: Any = MISSING) -> Any:
        """Return axes counted from the first, which is the batch, and is none of them."""
        found = self.numbers(index, attribute, default)
        if found is default:
            return default
        axes = [axis % self.x.value.dim() for axis in found]
        if 0 in axes:
            raise self.refuse("it works along the batch, so samples would mix")
        return axes
