"""When a neuron never fires, and when it fires at every step, given the ends of its current.

Of two membranes, the one that starts higher and receives more stays higher. So one step from the highest membrane that
has not fired decides for every run::

    silent for ever:    β·max(v₀, θ⁻) + I_max < θ          θ⁻ the largest float below θ; and I_max <= 0 where β = 1
    fires every step:   v = L, β·L + I_min >= θ, and what is left after the reset is at least L, for an L <= v₀

For a run of at most ``timesteps`` steps, the membrane under the extreme current decides, followed step by step. An
``ST-BIF`` neuron is silent where it can neither reach 1 nor fall below 0, or where the tracer forbids it.

Currents have the shape of the node, and the float type in which the network computes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode
from spikeport.snn_optimizer.surgery.weighted import per_neuron

Array = npt.NDArray[Any]
MOST_STEPS: Final = 10_000  # a proof follows a run step by step so far; what is still open then is not proven


def output_bounds(layer: LayerNode, low: Array, high: Array, timesteps: int | None) -> tuple[Array, Array]:
    """Return the smallest and the largest value that each neuron can pass on in one step."""
    if not layer.neuron.is_spiking:
        return low, high
    silent = never_fires(layer, low, high, timesteps)
    least, most = (np.where(silent, 0.0, end) for end in layer.neuron.spike_range)
    return np.where(always_fires(layer, low, timesteps), 1.0, least), most


def never_fires(layer: LayerNode, low: Array, high: Array, timesteps: int | None = None) -> Array:
    """Return which neurons stay silent under every sequence of currents in [low, high], bool, of the
    node's shape."""
    θ, v0, β, _ = _parameters(layer, high.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        if layer.neuron.kind != "ST-BIF":
            return _stays_below(lambda v: β * v + high, v0, θ, (β < 1) | (high <= 0), timesteps)
        one = np.ones_like(θ)
        start = per_neuron(layer, layer.neuron.v_init).astype(θ.dtype)
        up = _stays_below(lambda v: v + high / θ, start, one, high <= 0, timesteps)
        # it never fires downwards if -v never reaches the smallest positive float: the same test as upwards, with signs
        # changed
        smallest_positive = np.nextafter(np.zeros_like(θ), one)
        down = _stays_below(lambda v: v - low / θ, -start, smallest_positive, low >= 0, timesteps)
    never_up = up if layer.neuron.tracer_max > 0 else np.ones_like(up)
    never_down = down if layer.neuron.tracer_min < 0 else np.ones_like(down)
    return np.asarray(never_up & never_down)


def always_fires(layer: LayerNode, low: Array, timesteps: int | None = None) -> Array:
    """Return which neurons send one spike at every step under every sequence of currents of at least ``low``.

    That is proven of IF and LIF that send one spike at most: where one may send several, a higher membrane may be the
    lower one a step later.
    """
    if layer.neuron.spike_range != (0, 1):
        return np.zeros(low.shape, bool)
    θ, v0, β, reset = _parameters(layer, low.dtype)
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


def _parameters(layer: LayerNode, dtype: Any) -> tuple[Array, Array, Array, Array | None]:
    """Return θ, v₀ = v_init·θ, β and v_reset in the type of the currents, as the kernel takes them, of the node's
    shape."""
    neuron = layer.neuron
    θ, v_init, β = (per_neuron(layer, value).astype(dtype) for value in (neuron.threshold, neuron.v_init, neuron.beta))
    reset = None if neuron.v_reset is None else per_neuron(layer, neuron.v_reset).astype(dtype)
    return θ, v_init * θ, β, reset
