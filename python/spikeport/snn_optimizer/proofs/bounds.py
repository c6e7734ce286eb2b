"""Interval bounds: what a neuron can receive in one step, and what it can send, over every input in range.

Rounding to nearest is monotone, so a float sum is monotone in each of its terms. The largest current that the kernel
can compute over a box of inputs is therefore the one at the corner that is best for every weight, summed in the
contract's order (`spikeport.kernels.layer`). This bound is attained to the last bit and needs no allowance for
rounding. It also bounds the membrane: of two membranes, the one that starts higher and receives more stays higher. So
one step from the highest membrane that has not fired decides for every run::

    silent for ever:    β·max(v₀, θ⁻) + I_max < θ          θ⁻ the largest float below θ; and I_max <= 0 where β = 1
    fires every step:   v = L, β·L + I_min >= θ, and what is left after the reset is at least L, for an L <= v₀

For a run of at most ``timesteps`` steps, the membrane under the extreme current decides, followed step by step. An
``ST-BIF`` neuron is silent where it can neither reach 1 nor fall below 0, or where the tracer forbids it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.surgery.units import is_rewritable
from spikeport.snn_optimizer.surgery.weighted import per_unit

Array = npt.NDArray[Any]
InputRange = tuple[npt.ArrayLike, npt.ArrayLike]
ROWS_AT_ONCE = 64  # bounds the memory of the products of a block of rows
MOST_STEPS = 10_000  # a proof follows a run step by step so far; what is still open then is not proven


class LayerBounds(NamedTuple):
    """Bounds of one layer over every input in range. Each array has one value for each neuron, or for each input.

    Attributes
    ----------
    input_low, input_high : what arrives on each input in one step, shape (n_inputs,)
    drive_low, drive_high : the current of one step, shape (n_neurons,)
    output_low, output_high : what the neuron passes on in one step: equal where it is proven constant, 0 where it
        is proven silent
    """

    input_low: Array
    input_high: Array
    drive_low: Array
    drive_high: Array
    output_low: Array
    output_high: Array


def propagate(
    graph: SNNGraph, input_range: InputRange | None = None, timesteps: int | None = None
) -> list[LayerBounds]:
    """Return the bounds of every layer.

    Parameters
    ----------
    input_range : (low, high), numbers or arrays of shape (n_inputs,), for every value at every step; None for any value
    timesteps : the longest run the bounds must hold for; None for any length
    """
    low, high = input_bounds(graph.n_inputs, input_range)
    found = []
    for layer in graph:
        if is_rewritable(layer):
            drive = drive_bounds(layer, low, high)
            output = output_bounds(layer, *drive, timesteps)
        else:
            drive = (np.full(layer.n_neurons, -np.inf), np.full(layer.n_neurons, np.inf))
            output = (-np.ones(layer.n_neurons), np.ones(layer.n_neurons)) if layer.neuron.is_spiking else drive
        found.append(
            LayerBounds(
                input_low=low,
                input_high=high,
                drive_low=drive[0],
                drive_high=drive[1],
                output_low=output[0],
                output_high=output[1],
            )
        )
        low, high = output
    return found


def input_bounds(n_inputs: int, input_range: InputRange | None) -> tuple[Array, Array]:
    """Return low and high of shape (n_inputs,), or raise `GraphError` with ``input_range``."""
    if input_range is None:
        return np.full(n_inputs, -np.inf), np.full(n_inputs, np.inf)
    try:
        ends = [np.asarray(end) for end in input_range]
        if any(end.dtype.kind not in "fiu" for end in ends):
            raise TypeError("not real numbers")
        low, high = (np.broadcast_to(end, (n_inputs,)).astype(np.float64) for end in ends)
    except (ValueError, TypeError):
        raise GraphError(
            "input_range",
            f"input_range {input_range!r} is not (low, high): give two numbers, or two arrays ({n_inputs},)",
        ) from None
    if np.isnan(low).any() or np.isnan(high).any() or (low > high).any():
        raise GraphError("input_range", "input_range has a low end above its high end, or NaN: give (low, high)")
    if np.isposinf(low).any() or np.isneginf(high).any():
        raise GraphError("input_range", "input_range holds no number between its ends: give (low, high)")
    return low, high


def drive_bounds(layer: LayerNode, low: Array, high: Array) -> tuple[Array, Array]:
    """Return the smallest and the largest current of one step, as the kernel computes them, shape (n_neurons,)."""
    dtype = layer.weights.dtype
    with np.errstate(over="ignore"):
        low, high = low.astype(dtype), high.astype(dtype)
    if np.isneginf(low).all() and np.isposinf(high).all():
        smallest, largest = np.where(layer.weights.any(axis=1), [[-np.inf], [np.inf]], 0.0).astype(dtype)
        return (smallest, largest) if layer.bias is None else (smallest + layer.bias, largest + layer.bias)
    finite = np.isfinite(low).all() and np.isfinite(high).all()
    smallest, largest = np.empty(layer.n_neurons, dtype), np.empty(layer.n_neurons, dtype)
    for start in range(0, layer.n_neurons, ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        W = layer.weights[block]
        with np.errstate(invalid="ignore", over="ignore"):
            ends = W * low, W * high
            if not finite:
                for end in ends:
                    end[W == 0] = 0  # 0·∞ is no current
            # cumsum adds from left to right, as the contract does
            smallest[block] = np.cumsum(np.minimum(*ends), axis=1)[:, -1]
            largest[block] = np.cumsum(np.maximum(*ends), axis=1)[:, -1]
    if layer.bias is None:
        return smallest, largest
    with np.errstate(over="ignore"):
        return smallest + layer.bias, largest + layer.bias


def output_bounds(layer: LayerNode, low: Array, high: Array, timesteps: int | None) -> tuple[Array, Array]:
    """Return the smallest and the largest value that each neuron can pass on in one step."""
    if not layer.neuron.is_spiking:
        return low, high
    silent = never_fires(layer, low, high, timesteps)
    if layer.neuron.kind == "ST-BIF":
        return np.where(silent, 0.0, -1.0), np.where(silent, 0.0, 1.0)
    return np.where(always_fires(layer, low, timesteps), 1.0, 0.0), np.where(silent, 0.0, 1.0)


def never_fires(layer: LayerNode, low: Array, high: Array, timesteps: int | None = None) -> Array:
    """Return which neurons stay silent under every sequence of currents in [low, high], shape (n_neurons,) bool."""
    θ, v0, β, _ = _parameters(layer)
    with np.errstate(invalid="ignore", over="ignore"):
        if layer.neuron.kind != "ST-BIF":
            return _stays_below(lambda v: β * v + high, v0, θ, (β < 1) | (high <= 0), timesteps)
        one = np.ones_like(θ)
        start = np.broadcast_to(np.asarray(layer.neuron.v_init, θ.dtype), θ.shape)
        up = _stays_below(lambda v: v + high / θ, start, one, high <= 0, timesteps)
        # it never fires downwards if -v never reaches the smallest positive float: the same test as upwards, with signs
        # changed
        smallest_positive = np.nextafter(np.zeros_like(θ), one)
        down = _stays_below(lambda v: v - low / θ, -start, smallest_positive, low >= 0, timesteps)
    never_up = up if layer.neuron.tracer_max > 0 else np.ones_like(up)
    never_down = down if layer.neuron.tracer_min < 0 else np.ones_like(down)
    return np.asarray(never_up & never_down)


def always_fires(layer: LayerNode, low: Array, timesteps: int | None = None) -> Array:
    """Return which IF and LIF neurons fire at every step under every sequence of currents of at least ``low``."""
    θ, v0, β, reset = _parameters(layer)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):

        def charged(v: Array) -> Array:
            return np.asarray(β * v + low)

        def after(v: Array) -> Array:
            return np.asarray(charged(v) - θ if reset is None else np.broadcast_to(reset, θ.shape))

        steady = np.where(β < 1, (low - θ) / np.where(β < 1, 1 - β, 1), v0)
        steady = steady - 4 * np.spacing(np.abs(steady))
        found = np.zeros(θ.shape, bool)
        for L in (v0, np.minimum(v0, 0), np.minimum(v0, steady)):
            found |= (charged(L) >= θ) & (after(L) >= L)
        if reset is not None:
            found |= (charged(v0) >= θ) & (charged(after(v0)) >= θ)
        if timesteps is not None:
            v, fires = v0, np.ones(θ.shape, bool)
            for count in range(timesteps):
                fires &= charged(v) >= θ
                if count == MOST_STEPS or not (fires & ~found).any():
                    fires[:] = False
                    break
                v = after(v)
            found |= fires
    return found


def _stays_below(
    charge: Callable[[Array], Array], v0: Array, θ: Array, cannot_add_up: Array, timesteps: int | None
) -> Array:
    """Return where a membrane that starts at v0 never reaches θ.

    Parameters
    ----------
    charge : the highest membrane after one step from a given one
    cannot_add_up : where small currents cannot add up over many steps: there one step from the highest membrane below θ
        decides for every run
    """
    highest = np.maximum(v0, np.nextafter(θ, -np.inf))
    below = (charge(highest) < θ) & cannot_add_up
    if timesteps is not None:
        v, so_far = np.array(v0), np.ones(θ.shape, bool)
        for count in range(timesteps):
            last, v = v, charge(v)
            so_far &= v < θ
            if count == MOST_STEPS or not (so_far & ~below & (v != last)).any():
                so_far &= v == last  # what stands still stays below
                break
        below |= so_far
    return np.asarray(below)


def _parameters(layer: LayerNode) -> tuple[Array, Array, Array, Array | None]:
    """Return θ, v₀ = v_init·θ, β and v_reset in the dtype of the currents, as the kernel takes them, shape (n,)."""
    neuron, dtype = layer.neuron, layer.weights.dtype
    θ, v_init, β = (per_unit(layer, value).astype(dtype) for value in (neuron.threshold, neuron.v_init, neuron.beta))
    reset = None if neuron.v_reset is None else per_unit(layer, neuron.v_reset).astype(dtype)
    return θ, v_init * θ, β, reset


def input_ends(bounds: Sequence[LayerBounds]) -> list[tuple[Array, Array]]:
    """Return (low, high) of every layer's inputs."""
    return [(bound.input_low, bound.input_high) for bound in bounds]


def ends_without_proofs(graph: SNNGraph, input_range: InputRange | None = None) -> list[tuple[Array, Array]]:
    """Return (low, high) of every layer's inputs, as far as they are known without proofs: any neuron may fire at any
    step."""
    low, high = input_bounds(graph.n_inputs, input_range)
    found = []
    for layer in graph:
        found.append((low, high))
        if layer.neuron.is_spiking:
            low = np.full(layer.n_neurons, -1.0 if layer.neuron.kind == "ST-BIF" else 0.0)
            high = np.ones(layer.n_neurons)
        elif is_rewritable(layer):
            low, high = drive_bounds(layer, low, high)
        else:
            low, high = np.full(layer.n_neurons, -np.inf), np.full(layer.n_neurons, np.inf)
    return found
