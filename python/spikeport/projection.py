"""Put weights on a grid, or on 0, column by column, and let the weights behind make up for it on the data.

A row's error on what its terms read, x (a 1 appended for the bias), is quadratic in the change of its weights::

    E |Δw·x|² = Δw·H·Δwᵀ         H = E[x xᵀ] + λ·I

In a convolution x is the window at a place, and the mean is over samples and places; each group has an H of its own.
`project_columns` walks the terms once, puts each column on what is allowed and spreads the error over the terms that
follow, the bias last (Frantar and Alistarh 2023, "SparseGPT"; Frantar et al. 2023, "GPTQ").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.operations import Weighted

Array = npt.NDArray[Any]

DAMPING: Final = 1e-2
"""Share of the mean diagonal that is added, as in GPTQ: it keeps H invertible where inputs repeat each other."""

COLUMNS_AT_ONCE: Final = 128
"""A block's errors reach the columns behind it in one matrix product."""

VALUES_AT_ONCE: Final = 1 << 22
"""Of windows that are laid out at once."""


def window_products(operation: Weighted, signal: Array, places: int) -> Array:
    """Return ``Σ x·xᵀ`` over the windows of a block of samples (samples, *shape), (groups, terms + 1, terms + 1).

    ``places`` is how many windows a sample has.
    """
    groups, _, terms = operation.matrix.shape
    total = np.zeros((groups, terms + 1, terms + 1))
    size = max(1, VALUES_AT_ONCE // (groups * terms * places))
    for start in range(0, len(signal), size):
        block = signal[None, start : start + size]
        x = np.ones((groups, len(block[0]) * places, terms + 1))
        for k, patch in enumerate(operation.patches(block)):
            x[:, :, k] = patch[0].transpose(1, 0, 2).reshape(groups, -1)
        total += x.transpose(0, 2, 1) @ x
    return total


def damped(H: Array) -> Array:
    """Return ``H + λ·I``, λ a hundredth of its mean diagonal."""
    return np.asarray(H + DAMPING * max(float(np.trace(H)) / len(H), 1e-12) * np.eye(len(H)))


def project_groups(weights: Array, moments: Iterable[Array], project: Callable[[int, Array, Array], Array]) -> Array:
    """Return `project_columns` of each group's rows of ``weights`` (units, terms + 1) with the group's own H.

    ``project(k, column, rows)`` is told which rows the column is of.
    """
    found, moments = [], list(moments)
    for rows, H in zip(np.split(np.arange(len(weights)), len(moments)), moments, strict=True):
        found.append(project_columns(weights[rows], H, lambda k, column, rows=rows: project(k, column, rows)))  # type: ignore[misc]
    return np.concatenate(found)


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
