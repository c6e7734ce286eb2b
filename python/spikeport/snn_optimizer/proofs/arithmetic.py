"""When is a float sum the same in any order, and how far can it be off where it is not.

A pass that merges or folds columns adds the same terms in another order. In real arithmetic nothing changes. In
floating point nothing changes either where every partial sum is exact. That holds when all terms are multiples of one
quantum q (a power of two) and their magnitudes add up to at most 2^p·q, p being the bits of the mantissa; so it does
for dyadic weights of few bits with spikes as inputs. Elsewhere two orders differ by at most (Higham 2002,
"Accuracy and Stability of Numerical Algorithms", section 4.2)::

    |Δ| <= 2·γ_m·(Σ|w|·|x| + |b|)        γ_m = m·u / (1 - m·u),  m additions and products, u = 2^-p

and by the smallest float for each operation whose product underflows. What follows from that for a whole pass is in
`spikeport.snn_optimizer.proofs.shifts`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode
from spikeport.snn_optimizer.proofs.patches import patches_of
from spikeport.snn_optimizer.surgery.weighted import rows_of, weighted_of

Array = npt.NDArray[Any]
ROWS_AT_ONCE = 256  # bounds the memory of the float64 copy that is tested


class Grid(NamedTuple):
    """Where the values of a signal lie: they are multiples of ``unit``, and their magnitudes are at most ``bound``.

    Attributes
    ----------
    unit : a power of two, or None if no unit is known
    bound : of the shape of the signal
    """

    unit: float | None
    bound: Array


def weighted(weights: Array, bound: Array) -> Array:
    """Return ``Σ_k |W[j, k]|·bound[k]`` for every row, in float64, shape (rows,); 0·∞ is 0."""
    with np.errstate(invalid="ignore", over="ignore"):
        size, finite = np.abs(weights).astype(np.float64, copy=False), np.isfinite(bound)
        mass = size @ np.where(finite, bound, 0.0)
        if not finite.all():
            mass = np.where(size @ ~finite > 0, np.inf, mass)
    return np.asarray(mass)


def weighted_mass(node: LayerNode, bound: Array, matrix: Array | None = None) -> Array:
    """Return ``Σ_k |W[j, k]|·bound_k`` for every unit, at the place where it is largest, in float64, shape (units,).

    Parameters
    ----------
    bound : of the magnitudes of the signal that the node, which has weights, reads, of its shape or flat
    matrix : other weights of the same places, shape (units, terms)
    """
    operation = weighted_of(node)
    groups, rows, terms = operation.matrix.shape
    weights = operation.matrix if matrix is None else matrix.reshape(groups, rows, terms)
    (kinds,), _ = patches_of(operation, bound)
    masses = [[weighted(W, read) for W, read in zip(weights, kind, strict=True)] for kind in kinds]
    return np.asarray(np.max(np.array(masses), axis=0).ravel())


def row_mass(layer: LayerNode, bound: Array) -> Array:
    """Return ``Σ_k |W[j, k]|·bound_k + |b[j]|`` for every unit, in float64, shape (units,)."""
    mass = weighted_mass(layer, bound)
    return mass if layer.bias is None else mass + np.abs(layer.bias).astype(np.float64)


def sums_are_exact(layer: LayerNode, grid: Grid, masses: Array | None = None) -> bool:
    """Whether every order of summation of the layer's currents gives the same bits, on every input on the grid.

    ``masses`` are the layer's `row_mass` on the grid, where they are known already.
    """
    if grid.unit is None:
        return False
    p = np.finfo(layer.weights.dtype).nmant + 1
    masses = row_mass(layer, grid.bound) if masses is None else masses
    mass = float(masses.max(initial=0.0)) * (1 + 1e-9)  # the masses themselves are rounded
    if mass == 0:
        return True
    if not np.isfinite(mass):
        return False
    quantum = float(np.ldexp(1.0, exponent_above(mass) - p))
    if quantum < np.finfo(layer.weights.dtype).smallest_subnormal or not grid.unit:
        return False
    with np.errstate(over="ignore"):
        if not np.isfinite(quantum / grid.unit):
            return False
    matrix = rows_of(layer)
    weights_exact = all(
        _on_grid(matrix[start : start + ROWS_AT_ONCE], quantum / grid.unit)
        for start in range(0, len(matrix), ROWS_AT_ONCE)
    )
    return weights_exact and (layer.bias is None or _on_grid(layer.bias, quantum))


def _on_grid(values: Array, quantum: float) -> bool:
    scaled = values.astype(np.float64, copy=False) / quantum
    return bool((scaled == np.rint(scaled)).all())


def output_grid(layer: LayerNode, grid: Grid, out_bound: Array) -> Grid:
    """Return the grid of what a node with weights passes on: whole numbers for spikes; for ``identity`` what its sums
    allow."""
    if layer.neuron.is_spiking:
        return Grid(1.0, out_bound)
    if not sums_are_exact(layer, grid) or grid.unit is None:
        return Grid(None, out_bound)
    values = layer.weights * grid.unit
    terms = values.ravel() if layer.bias is None else np.concatenate([values.ravel(), layer.bias])
    return Grid(lowest_bit(terms), out_bound)


def lowest_bit(values: Array) -> float:
    """Return the largest power of two that divides every value (1.0 where all are zero)."""
    mantissa, exponent = np.frexp(values[values != 0].astype(np.float64))
    if not mantissa.size:
        return 1.0
    whole = np.abs(np.ldexp(mantissa, 53)).astype(np.int64)
    low = (whole & -whole).astype(np.float64)
    return float(np.ldexp(1.0, np.min(exponent_above(low) + exponent - 53)))


def exponent_above(values: Any) -> Any:
    """Return the smallest e with ``value <= 2^e``, for every value above 0; a logarithm may miss it by rounding."""
    mantissa, exponent = np.frexp(values)
    return exponent - (mantissa == 0.5)


def rounding(additions: int, dtype: Any, mass: Any) -> Any:
    """Return how far two orders of a sum can differ: the formula above, and what underflow may add; as ``mass``."""
    m = additions * float(np.finfo(dtype).eps) / 2
    if m >= 1:
        return mass * np.inf
    return 2 * (m / (1 - m) * mass + additions * float(np.finfo(dtype).smallest_subnormal))


def additions_of(layer: LayerNode) -> int:
    """Return how many additions and products a current of a node with weights takes, the bias with them."""
    return int(weighted_of(layer).matrix.shape[2]) + 2
