"""Weight and threshold balancing: what a rate of 1 stands for, and weights that say so.

With θ_l the activation of layer l that a spike at every step stands for, and θ_0 = 1 for the input,

    W_l ← W_l·θ_{l-1}/θ_l        b_l ← b_l/θ_l        threshold ← 1

the rate of every neuron is its activation over θ_l (Diehl et al. 2015; the bias as in Rueckauer et al. 2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def normalised(weight: Array, bias: Array | None, scale_in: float, scale_out: float) -> tuple[Array, Array | None]:
    """Return weight and bias of a layer whose inputs are in units of ``scale_in``, outputs in units of ``scale_out``.

    Computed in float64, returned in the dtype of ``weight``.
    """
    W = (weight.astype(np.float64) * scale_in / scale_out).astype(weight.dtype)
    b = None if bias is None else (bias.astype(np.float64) / scale_out).astype(weight.dtype)
    return W, b
