"""A node with weights, as the rows of its sums on whole numbers, and these rows in whole numbers themselves.

    w[c, k]·step[k]·scale[c]  ->  a whole number of 8 or 16 bits;      b[c]·scale[c]  ->  one of 32

A row's scale is its own: it goes into the threshold behind it, θ[c]·scale[c], and nothing is lost by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.integers.budget import Budget
from spikeport.integers.evidence import Moments
from spikeport.integers.signals import Carried, term_steps
from spikeport.operations import Operation, Weighted
from spikeport.projection import project_groups

Array = npt.NDArray[Any]


COARSE: Final = 7
"""The largest weight of a layer, from which on they are weights: of four bits."""


@dataclass(frozen=True)
class Rows:
    """Rows of sums over whole numbers, with real weights.

    Attributes
    ----------
    operation : whose weights they are
    weights : (units, terms), float64: of one whole number at each term
    bias : (units,)
    most : the largest whole number that is read
    moments : of what the rows read on data, None without
    """

    operation: Weighted
    weights: Array
    bias: Array
    most: int
    moments: Moments | None = None

    @classmethod
    def of(cls, operation: Weighted, source: Carried, moments: Moments | None = None) -> Rows:
        """Return the rows of an operation that reads ``source``."""
        weights = operation.weight.reshape(operation.n_outputs, -1) * term_steps(operation, source)
        bias = np.zeros(operation.n_outputs) if operation.bias is None else operation.bias.astype(np.float64)
        return cls(operation, weights, bias, source.most, moments)

    @property
    def reach(self) -> Array:
        """The largest current of each row, for inputs of at most ``most``."""
        return np.asarray(np.abs(self.weights).sum(axis=1) * self.most + np.abs(self.bias))

    @property
    def unit(self) -> float:
        """The largest current of all rows, were the largest weight of each 1."""
        largest = np.abs(self.weights).max(axis=1, initial=0.0)
        return float(np.divide(self.reach, largest, out=np.ones(len(largest)), where=largest > 0).max())

    def scale(self, budget: Budget) -> Array:
        """Return the largest scale of each row with which its weights have the bits that they may; infinite for 0."""
        largest = np.abs(self.weights).max(axis=1, initial=0.0)
        scale = np.divide(budget.largest_weight, largest, out=np.full(len(largest), np.inf), where=largest > 0)
        return np.asarray(scale)


@dataclass(frozen=True)
class WholeRows:
    """The same rows in whole numbers: int64 weights (units, terms), biases (units,), or no bias where all are 0.

    ``scale`` is how many make 1 of the real current, ``by_data`` which rows were rounded by the data, and ``errors``
    the mean square error of the current on data kept apart, in whole numbers: plainly rounded, and as kept.
    """

    rows: Rows
    weights: Array
    bias: Array
    scale: Array
    by_data: Array
    errors: tuple[Array, Array] | None = None

    @property
    def reach(self) -> Array:
        """The largest current of each row, in whole numbers: P of SPEC.md 2.2."""
        return np.asarray(np.abs(self.weights).sum(axis=1) * self.rows.most + np.abs(self.bias))

    @property
    def is_coarse(self) -> bool:
        """Whether fewer than four bits are left to the weights."""
        return bool(self.rows.weights.any() and np.abs(self.weights).max() < COARSE)

    @property
    def shift(self) -> Array:
        """How far the current of each row may be from the real one, for any input: real units."""
        off = np.abs(self.weights / self.scale[:, None] - self.rows.weights).sum(axis=1) * self.rows.most
        return np.asarray(off + np.abs(self.bias / self.scale - self.rows.bias))

    def operation(self, budget: Budget) -> Operation:
        """Return the operation with these weights: int8 or int16, biases int32."""
        shape, kind = self.rows.operation.weight.shape, budget.weight_type
        bias = {"bias": self.bias.astype(np.int32)} if self.bias.any() else {}
        return self.rows.operation.with_arrays({"weight": self.weights.reshape(shape).astype(kind), **bias})


def rounded(rows: Rows, scale: Array, budget: Budget) -> WholeRows:
    """Return the rows in whole numbers: plainly rounded, or by the data where that is better on data kept apart.

    By the data, the error of each weight is made up for by those behind it, the bias last (`spikeport.projection`).
    """
    Q = budget.largest_weight
    real = np.column_stack([rows.weights, rows.bias]) * scale[:, None]
    plain = np.rint(real)
    assert np.abs(plain[:, :-1]).max(initial=0) <= Q  # no scale is larger than `Rows.scale`
    kept, by_data, errors = plain, np.zeros(len(plain), bool), None
    if rows.moments is not None:
        live = real != 0

        def nearest(k: int, column: Array, which: Array) -> Array:
            return np.asarray(np.clip(np.rint(column), -Q, Q) * live[which, k])

        fitted = np.rint(project_groups(real, rows.moments.fitted, nearest))
        before, after = (rows.moments.error(candidate - real) for candidate in (plain, fitted))
        by_data = after < before
        kept, errors = np.where(by_data[:, None], fitted, plain), (before, np.minimum(before, after))
    return WholeRows(rows, kept[:, :-1].astype(np.int64), kept[:, -1].astype(np.int64), scale, by_data, errors)
