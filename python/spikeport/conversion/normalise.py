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


def activation_scale(activations: Array, percentile: float) -> float | None:
    """Return the ``percentile`` of the positive values of ``activations``, or None where there are none.

    Zeros are left out: a layer of which few neurons are active would otherwise be scaled by how many are not.
    """
    positive = activations[activations > 0]
    return float(np.percentile(positive.astype(np.float64), percentile)) if positive.size else None


def drive_scale(drive: Array, percentile: float) -> float:
    """Return what a rate of 1 stands for in an output layer without activation, whose values may all be negative."""
    return activation_scale(drive, percentile) or activation_scale(np.abs(drive), percentile) or 1.0


def normalised(weight: Array, bias: Array | None, scale_in: float, scale_out: float) -> tuple[Array, Array | None]:
    """Return weight and bias of a layer whose inputs are in units of ``scale_in``, outputs in units of ``scale_out``.

    Computed in float64, returned in the dtype of ``weight``.
    """
    W = (weight.astype(np.float64) * scale_in / scale_out).astype(weight.dtype)
    b = None if bias is None else (bias.astype(np.float64) / scale_out).astype(weight.dtype)
    return W, b
