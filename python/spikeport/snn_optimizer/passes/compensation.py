"""Optimal brain surgery: change some weights, and let the others make up for it on the data.

A layer's error on its inputs x (a constant 1 appended for the bias) is quadratic in the change of its weights::

    E |Δw·x|² = Δw·H·Δwᵀ         H = E[x xᵀ] + λ·I

With a set J of weights of a row fixed to 0, the best change of the others and its cost are (Hassibi and Stork 1993)::

    Δw = - w_J · ([H⁻¹]_JJ)⁻¹ · [H⁻¹]_J:        cost = w_J · ([H⁻¹]_JJ)⁻¹ · w_Jᵀ

`remove_inputs` drops whole inputs, cheapest first, the same for all rows. `project_columns` walks the inputs once,
puts each column on what is allowed (pruned, or on a grid) and spreads the error over the inputs that follow, the
bias last (Frantar and Alistarh 2023, "SparseGPT"; Frantar et al. 2023, "GPTQ").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DAMPING = 1e-2  # share of the mean diagonal, as in GPTQ: it keeps H invertible where inputs repeat each other
COLUMNS_AT_ONCE = 128  # a block's errors reach the columns behind it in one matrix product
ROUNDS = 256  # of removal; above so many inputs, several go in each round


def second_moment(inputs: Array) -> Array:
    """Return H of shape (n_inputs + 1, n_inputs + 1) from inputs (samples, n_inputs), damped by 1% of its mean
    diagonal."""
    x = np.column_stack([inputs, np.ones(len(inputs))]).astype(np.float64)
    H = x.T @ x / len(x)
    return np.asarray(H + DAMPING * max(float(np.trace(H)) / len(H), 1e-12) * np.eye(len(H)))


def removal_cost(weights: Array, H: Array) -> Array:
    """Return what fixing each single weight to 0 costs, the others making up for it: ``w²/[H⁻¹]``, shape of
    ``weights``."""
    return np.asarray(weights**2 / np.linalg.inv(H).diagonal()[: weights.shape[1]])


def remove_inputs(weights: Array, H: Array, count: int) -> tuple[Array, Array]:
    """Return the weights (rows, n_inputs + 1; the bias last) without ``count`` inputs, and the inputs that stay.

    Removed columns are 0. Inputs go one after the other, cheapest first (in a few hundred rounds where there are more).
    """
    W, inverse, n = weights.astype(np.float64), np.linalg.inv(H), weights.shape[1] - 1
    alive = np.ones(n, bool)
    while (left := count - int((~alive).sum())) > 0:
        cost = np.full(n, np.inf)
        cost[alive] = (W[:, :n][:, alive] ** 2).sum(axis=0) / inverse.diagonal()[:n][alive]
        J = np.argsort(cost, kind="stable")[: min(left, max(1, count // ROUNDS))]
        change = np.linalg.solve(inverse[np.ix_(J, J)], inverse[J])
        W -= W[:, J] @ change
        inverse = inverse - inverse[:, J] @ change
        alive[J] = False
        W[:, J] = 0
        inverse[J], inverse[:, J] = 0, 0
    return W, np.flatnonzero(alive)


def project_columns(weights: Array, H: Array, project: Callable[[int, Array], Array]) -> Array:
    """Return the weights (rows, n_inputs + 1; the bias last) with every column but the bias put through ``project``.

    ``project(k, column)`` returns what is allowed near ``column``; the error goes to the columns after k.
    """
    W = weights.astype(np.float64)
    factor = np.linalg.cholesky(np.linalg.inv(H)).T  # upper: H⁻¹ = factorᵀ·factor
    n = weights.shape[1] - 1
    for start in range(0, n, COLUMNS_AT_ONCE):
        end = min(start + COLUMNS_AT_ONCE, n)
        errors = np.empty((len(W), end - start))
        for k in range(start, end):
            allowed = project(k, W[:, k])
            errors[:, k - start] = (W[:, k] - allowed) / factor[k, k]
            W[:, k] = allowed
            W[:, k + 1 : end] -= np.outer(errors[:, k - start], factor[k, k + 1 : end])
        W[:, end:] -= errors @ factor[start:end, end:]
    return W
