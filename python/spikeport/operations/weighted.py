"""Operations with weights, and the one loop that adds.

The order of a sum is part of the contract: it makes a current independent of the batch, of the number of threads and of
the language. A sum starts at +0 and so can never be -0, which is why terms whose input is 0 may be left out; the bias
comes last.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.operations.operation import Operation

Array = npt.NDArray[Any]

SMALL_MATRIX: Final = 1 << 12
"""Entries of a matrix below which it is faster to add one term to the sums of all rows of inputs at once."""


class Weighted(Operation):
    """An operation that sums: ``I[j] = (Σ_k matrix[j, k]·x[k]) + bias[j]``, k ascending from +0, the bias last."""

    @property
    @abstractmethod
    def matrix(self) -> Array:
        """The weights, shape (n_outputs, n_inputs): a view, not a copy."""

    @property
    @abstractmethod
    def bias(self) -> Array | None:
        """Shape (n_outputs,), or None."""


@np.errstate(over="ignore", invalid="ignore")  # an overflow is refused by name, as ``non_finite``
def summed(operation: Weighted, signal: Array) -> Array:
    """Return the currents of shape (…, n_outputs) for ``signal`` of shape (…, n_inputs), in the matrix's dtype."""
    matrix, bias = operation.matrix, operation.bias
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
