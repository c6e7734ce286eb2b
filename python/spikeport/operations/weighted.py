"""Operations with weights, and the one loop that adds.

The order of a sum is part of the contract: it makes a current independent of the batch, of the number of threads and of
the language. A sum starts at +0 and so can never be -0, which is why terms whose input is 0 may be left out; the bias
comes last.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.operations.operation import Operation, Shape, check_types, element_of

Array = npt.NDArray[Any]

SMALL_MATRIX: Final = 1 << 12
"""Entries of a matrix below which it is faster to add one term to the sums of all rows of inputs at once."""


class Masses(NamedTuple):
    """Of every row ``Σ_k |W[c, k]|`` and ``|b[c]|``: what integers reach, whatever they read.

    Attributes
    ----------
    rows : shape (rows of all groups,)
    bias : the same, or one 0
    """

    rows: Array
    bias: Array | np.float64

    def bound(self, largest: float) -> float:
        """Return the bound of the sums where what they read is at most ``largest`` in absolute value."""
        return float((self.rows * largest + self.bias).max(initial=0))


class Weighted(Operation):
    """An operation that sums: ``I[g, r, p] = (Σ_k matrix[g, r, k]·patch_k[g, p]) + bias``, k ascending from +0.

    g counts groups, r the rows of a group (neurons, or channels), p the places of the output (one, or its pixels).

    Attributes
    ----------
    weight : float32, float64, int8 or int16; held as it is, not copied
    bias : shape (rows of all groups,), of the weight's type, int32 beside weights of integers, or None
    """

    weight: Array
    bias: Array | None

    @property
    @abstractmethod
    def matrix(self) -> Array:
        """The weights, shape (groups, rows, terms): a view, not a copy."""

    @abstractmethod
    def patches(self, signal: Array) -> Iterator[Array]:
        """Yield what term k of every sum reads, k ascending, shape (T, batch, groups, places)."""

    @abstractmethod
    def fan_out(self, shape: Shape) -> Array:
        """Return how many weights that are not 0 read each value of a signal of this shape."""

    @property
    def n_outputs(self) -> int:
        """Rows of all groups: neurons, or channels."""
        return int(np.shape(self.weight)[0])

    def bound(self, *largest: float) -> float:
        """Return ``max_c Σ_k |W[c, k]|·m + |b[c]|``; the padding makes no difference."""
        return self.masses().bound(*largest)

    def masses(self) -> Masses:
        """Return what the weights and the bias of each row add up to at most."""
        rows = np.abs(self.weight, dtype=np.float64).reshape(self.n_outputs, -1).sum(axis=1)
        return Masses(rows, np.float64(0) if self.bias is None else np.abs(self.bias, dtype=np.float64))

    def arrays(self) -> dict[str, Array]:
        """Return the weight and, where there is one, the bias."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def _check_arrays(self, name: str) -> None:
        check_types(name, self.weight, self.bias)
        if self.bias is not None and np.shape(self.bias) != np.shape(self.weight)[:1]:
            raise GraphError("shape", f"{name}.bias has shape {np.shape(self.bias)}, not {np.shape(self.weight)[:1]}")


@np.errstate(over="ignore", invalid="ignore")  # an overflow is refused by name, as ``non_finite``
def summed(operation: Weighted, signal: Array) -> Array:
    """Return the sums of shape (T, batch, rows of all groups, places), the bias with them."""
    matrix, bias = operation.matrix, operation.bias
    element = element_of(matrix.dtype)
    total = None
    for k, patch in enumerate(operation.patches(signal)):
        if total is None:
            total = np.zeros((*patch.shape[:-1], matrix.shape[1], patch.shape[-1]), element)
        if patch.any():
            total += matrix[:, :, k, None] * patch[..., None, :].astype(element, copy=False)
    assert total is not None  # a weight without columns cannot be built
    total = total.reshape(*total.shape[:2], math.prod(matrix.shape[:2]), total.shape[-1])
    return total if bias is None else total + bias[:, None]


@np.errstate(over="ignore", invalid="ignore")
def summed_rows(matrix: Array, bias: Array | None, signal: Array) -> Array:
    """Return the same for one place and one group: (…, n_outputs) for a signal (…, n_inputs) and a matrix of two axes.

    As long as the matrix is small, terms are added to all sums at once; else row by row, where a spike is a column.
    """
    matrix = matrix.astype(element_of(matrix.dtype), copy=False)
    rows = signal.reshape(math.prod(signal.shape[:-1]), matrix.shape[1])
    add = _term_by_term if matrix.size < SMALL_MATRIX else _row_by_row
    total = add(rows, matrix).reshape(*signal.shape[:-1], len(matrix))
    return total if bias is None else total + bias


def _term_by_term(rows: Array, matrix: Array) -> Array:
    total = np.zeros((len(rows), len(matrix)), matrix.dtype)
    for k in np.flatnonzero(rows.any(axis=0)):
        total += rows[:, k, None].astype(matrix.dtype) * matrix[:, k]
    return total


def _row_by_row(rows: Array, matrix: Array) -> Array:
    columns = np.ascontiguousarray(matrix.T)  # (n_inputs, n_outputs): a term of all sums lies in one piece
    total = np.zeros((len(rows), len(matrix)), matrix.dtype)
    for row, sums in zip(rows, total, strict=True):
        (active,) = row.nonzero()
        factors = row[active].astype(matrix.dtype, copy=False)
        terms = columns[active]
        if not (factors == 1).all():
            terms *= factors[:, None]
        add_in_order(terms, sums)
    return total


def add_in_order(terms: Array, out: Array) -> None:
    """Write ``0 + terms[0] + terms[1] + …`` to ``out``: terms of shape (k, n), one after another.

    NumPy adds along the first axis row by row as long as there is more than one column; a single column it would add
    in pairs, so that one is accumulated.
    """
    if terms.shape[1] > 1:
        np.add.reduce(terms, axis=0, out=out, initial=0)
    elif terms.size:
        out += np.add.accumulate(terms[:, 0])[-1]
