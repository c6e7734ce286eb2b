"""Weight and threshold balancing: what a rate of 1 stands for, and weights that say so.

With θ_l the activation of layer l that a spike at every step stands for, and θ_0 = 1 for the input,

    W_l ← W_l·θ_{l-1}/θ_l        b_l ← b_l/θ_l        threshold ← 1

the rate of every neuron is its activation over θ_l (Diehl et al. 2015; the bias as in Rueckauer et al. 2017).

In a graph every signal has a unit, what 1 at every step stands for: one number, or one for each channel where a
concatenation joined signals of several. Weights take units in and out; pools pass them on; an addition reads signals of
one unit, and an activation behind anything without weights gets its θ as a threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.operations import Conv, Linear, Operation, Weighted

Array = npt.NDArray[Any]
Unit = Array
"""What 1 at every step stands for: shape (1,), or one number for each entry of a signal's first axis."""


def normalised(weight: Array, bias: Array | None, scale_in: float, scale_out: float) -> tuple[Array, Array | None]:
    """Return weight and bias of a layer whose inputs are in units of ``scale_in``, outputs in units of ``scale_out``.

    Computed in float64, returned in the dtype of ``weight``.
    """
    W = (weight.astype(np.float64) * scale_in / scale_out).astype(weight.dtype)
    b = None if bias is None else (bias.astype(np.float64) / scale_out).astype(weight.dtype)
    return W, b


def in_units(operation: Weighted, unit_in: Unit, unit_out: Unit) -> Operation:
    """Return an operation with weights in other units than 1."""
    if len(unit_in) == len(unit_out) == 1:
        W, b = normalised(operation.weight, operation.bias, float(unit_in[0]), float(unit_out[0]))
    else:
        weight = operation.weight
        rows = unit_out if len(unit_out) > 1 else np.repeat(unit_out, len(weight))
        wide = weight.astype(np.float64) * _met(operation, unit_in) / rows.reshape(-1, *(1,) * (weight.ndim - 1))
        W = wide.astype(weight.dtype)
        b = None if operation.bias is None else (operation.bias.astype(np.float64) / rows).astype(weight.dtype)
    return operation.with_arrays({"weight": W} if b is None else {"weight": W, "bias": b})


def _met(operation: Weighted, unit: Unit) -> Array:
    """Return the unit of what each weight meets, to multiply the weights with."""
    if len(unit) == 1:
        return unit
    weight = operation.weight
    if isinstance(operation, Linear):
        return np.repeat(unit, weight.shape[1] // len(unit))[None]
    assert isinstance(operation, Conv)
    own = unit.reshape(operation.groups, -1).repeat(len(weight) // operation.groups, axis=0)
    return own.reshape(*own.shape, *(1,) * (weight.ndim - 2))


def ratio(shape: tuple[int, ...], unit_in: Unit, unit_out: Unit, dtype: Any) -> Operation:
    """Return what carries a signal of ``shape`` from one unit to another: a convolution that keeps channels apart."""
    factor = np.broadcast_to(unit_in / unit_out, (shape[0],)).astype(dtype)
    if len(shape) == 1:
        return Linear(np.diag(factor))
    return Conv(factor.reshape(-1, *(1,) * len(shape)).copy(), groups=shape[0])
