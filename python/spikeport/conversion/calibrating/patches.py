"""What the sums of a layer with weights read, so that its weights can be fitted by regression."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.nn import functional

from spikeport.operations import Conv, Linear, Operation, Weighted

Array = npt.NDArray[Any]

VALUES: Final = 1 << 24
"""Values of the rows that a regression looks at, at most: all rows, or so many of them, evenly spread."""

WIDEST: Final = 8192
"""Terms of a sum, or rows, of which a regression solves for as many unknowns."""


def is_regular(operation: Operation) -> bool:
    """Whether an operation is one matrix of weights that all its places share, of a size that can be solved for."""
    linear = isinstance(operation, Linear)
    return isinstance(operation, Weighted) and (linear or (isinstance(operation, Conv) and operation.groups == 1))


def patches(operation: Weighted, signal: Tensor) -> Tensor:
    """Return what each sum of ``operation`` reads of ``signal`` (batch, …): (batch, terms, *places)."""
    if isinstance(operation, Linear):
        return signal.flatten(1)
    assert isinstance(operation, Conv)
    two = len(operation.window.kernel) == 2

    def axes(values: tuple[int, ...], other: int) -> tuple[int, ...]:
        return values if two else (other, *values)

    window = operation.window
    read = functional.unfold(
        signal if two else signal.unsqueeze(2),
        axes(window.kernel, 1),
        dilation=axes(window.dilation, 1),
        padding=axes(window.padding, 0),
        stride=axes(window.stride, 1),
    )
    return read.reshape(len(signal), -1, *window.places(tuple(signal.shape[2:])))


def rows(values: Tensor, of: Array | None = None) -> Array:
    """Return values (batch, terms, *places) as rows, (batch·places, terms), float64; ``of`` are those to take."""
    flat = values.flatten(2).transpose(1, 2).flatten(0, 1) if values.dim() > 2 else values
    return np.asarray((flat if of is None else flat[of]).double().cpu().numpy())


def spread(count: int, terms: int) -> Array:
    """Return which of ``count`` rows of so many terms a regression looks at."""
    most = max(1, min(VALUES // terms, count if terms <= WIDEST else WIDEST))
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))


def matrix_of(operation: Weighted) -> Array:
    """Return weights and, last, the bias, (rows, terms + 1), in float64."""
    bias = np.zeros(len(operation.weight)) if operation.bias is None else operation.bias
    return np.column_stack([operation.weight.reshape(len(operation.weight), -1), bias]).astype(np.float64)


def with_matrix(operation: Weighted, matrix: Array) -> Operation:
    """Return ``operation`` with the weights and the bias in ``matrix``, as `matrix_of` has them."""
    weight, dtype = operation.weight, operation.dtype
    arrays = {"weight": matrix[:, :-1].reshape(weight.shape), "bias": matrix[:, -1]}
    return operation.with_arrays({name: np.ascontiguousarray(array, dtype) for name, array in arrays.items()})
