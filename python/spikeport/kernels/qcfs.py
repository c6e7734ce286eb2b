"""QCFS, the quantisation-clip-floor-shift activation: the reference.

    qcfs(x) = clip(floor(x·T/θ + 1/2), 0, T)·θ/T

computed from left to right: ``((x·T)/θ + 1/2)``, then ``(level·θ)/T``. It is the rate, times θ, of an IF neuron with
``v_init = 1/2`` under a constant current x for T steps (Bu et al. 2022, eq. 15).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.checks import as_float, as_parameter, check_timesteps

Array = npt.NDArray[Any]


def qcfs(x: npt.ArrayLike, *, timesteps: int, threshold: npt.ArrayLike = 1.0) -> npt.NDArray[Any]:
    """Return QCFS of ``x`` of shape (…, N), ``timesteps`` + 1 levels in [0, θ]; float32 stays float32.

    Raises
    ------
    KernelError
        ``timesteps`` below 1; ``non_finite``; ``threshold`` not above 0; ``shape``.
    """
    values = as_float("x", x)
    θ = qcfs_threshold(values, timesteps, threshold)
    T = values.dtype.type(timesteps)
    level = np.clip(np.floor(values * T / θ + values.dtype.type(0.5)), 0, T)
    return np.asarray(level * θ / T)


def qcfs_threshold(values: Array, timesteps: int, threshold: npt.ArrayLike) -> Array:
    """Return θ in the type of ``values`` of shape (…, N), or raise as `qcfs` does."""
    check_timesteps(timesteps)
    if timesteps < 1:
        raise KernelError("timesteps", "qcfs needs at least 1 step: with none there is no level but 0")
    if values.ndim < 1:
        raise KernelError("shape", "x is a single number: give an array")
    θ = as_parameter("threshold", threshold, values)
    if not (θ > 0).all():
        raise KernelError("threshold", f"threshold must be above 0, not {threshold!r}")
    return θ
