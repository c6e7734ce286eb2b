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

from spikeport.graph import LayerNode, SNNGraph

Array = npt.NDArray[Any]
ROWS_AT_ONCE = 256  # bounds the memory of the float64 copy that is tested


class Grid(NamedTuple):
    """Where a layer's inputs lie: they are multiples of ``unit``, and their magnitudes are at most ``bound``.

    Attributes
    ----------
    unit : a power of two, or None if no unit is known
    bound : shape (n_inputs,)
    """

    unit: float | None
    bound: Array


def weighted(weights: Array, bound: Array) -> Array:
    """Return ``Σ_k |W[j, k]|·bound[k]`` for every row, in float64, shape (n_neurons,); 0·∞ is 0."""
    with np.errstate(invalid="ignore", over="ignore"):
        size, finite = np.abs(weights).astype(np.float64, copy=False), np.isfinite(bound)
        mass = size @ np.where(finite, bound, 0.0)
        if not finite.all():
            mass = np.where(size @ ~finite > 0, np.inf, mass)
    return np.asarray(mass)


def row_mass(layer: LayerNode, bound: Array) -> Array:
    """Return ``Σ_k |W[j, k]|·bound[k] + |b[j]|`` for every neuron, in float64, shape (n_neurons,)."""
    mass = weighted(layer.weights, bound)
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
    weights_exact = all(
        _on_grid(layer.weights[start : start + ROWS_AT_ONCE], quantum / grid.unit)
        for start in range(0, layer.n_neurons, ROWS_AT_ONCE)
    )
    return weights_exact and (layer.bias is None or _on_grid(layer.bias, quantum))


def _on_grid(values: Array, quantum: float) -> bool:
    scaled = values.astype(np.float64, copy=False) / quantum
    return bool((scaled == np.rint(scaled)).all())


def output_grid(layer: LayerNode, grid: Grid, out_bound: Array) -> Grid:
    """Return the grid of what the layer passes on: whole numbers for spikes; for ``identity`` what its sums allow."""
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


def grids_from_ends(graph: SNNGraph, ends: list[tuple[Array, Array]]) -> list[Grid]:
    """Return the grid of every layer's inputs, from the ends (low, high) of those inputs."""
    found: list[Grid] = []
    for k, (low, high) in enumerate(ends):
        bound = np.maximum(np.abs(low), np.abs(high))
        found.append(Grid(None, bound) if k == 0 else output_grid(graph.layers[k - 1], found[-1], bound))
    return found
