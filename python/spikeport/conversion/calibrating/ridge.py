"""A readout fitted to the rates that reach it: ridge regression of the trained network's outputs, without labels.

With R the rates (and a row of ones), one column for each of n samples, Θ = [W b] and Z the trained network's outputs,

    Θ' = Θ + (Z - Θ·R)·Rᵀ·(R·Rᵀ + λ·n·D)⁻¹

D is diagonal: the mean variance of the rates, and 1e-6 for the bias, which is all but free. λ → ∞ gives Θ back.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BIAS: Final = 1e-6
"""How much of D holds the bias."""


def ridge_readout(theta: Array, rates: Array, outputs: Array, ridge: float) -> Array:
    """Return Θ', shape (m, k + 1), in float64: by one Cholesky decomposition, of as many rows as
    there are rates or samples, whichever are fewer.

    Parameters
    ----------
    theta : Θ, the weights and, last, the bias, shape (m, k + 1)
    rates : the rates of each sample, shape (n, k)
    outputs : what the trained network gives for them, shape (n, m)
    ridge : λ > 0
    """
    n = len(rates)
    R = np.column_stack([rates, np.ones(n)]).astype(np.float64)
    held = np.full(R.shape[1], max(float(rates.var(axis=0).mean()), BIAS))
    held[-1] = BIAS
    missing = outputs - R @ theta.T
    if R.shape[1] <= n:
        correction: Array = _solved(R.T @ R + np.diag(ridge * n * held), R.T @ missing).T
    else:  # the same, with a matrix of n rows: Rᵀ(RRᵀ + λnD)⁻¹ = (RᵀD⁻¹R + λn)⁻¹RᵀD⁻¹
        shares = R / held
        correction = _solved(shares @ R.T + ridge * n * np.eye(n), missing).T @ shares
    return theta + correction


def _solved(positive: Array, right: Array) -> Array:
    lower = np.linalg.cholesky(positive)
    return np.asarray(np.linalg.solve(lower.T, np.linalg.solve(lower, right)))
