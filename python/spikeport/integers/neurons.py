"""Neurons on whole numbers: a threshold that the start is a whole number with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]

FACTORS: Final = 64
"""How far a number is looked for that all starts times it are whole with."""


def check_kind(name: str, neuron: Neuron) -> None:
    """Raise `GraphError` ``neuron_kind`` for neurons that leak: no whole number stays whole then."""
    if neuron.kind == "LIF":
        raise GraphError(
            "neuron_kind",
            f"{name} has LIF neurons, whose leak leaves no whole numbers: quantise networks of IF or ST-BIF neurons, "
            "or round weights alone by the optimiser's weight_quantization",
        )


def height(neuron: Neuron, units: int) -> Array:
    """Return the largest of threshold, start and reset of each unit, for all spikes of a step; 0 without neurons."""
    if not neuron.is_spiking:
        return np.zeros(units)
    θ = np.broadcast_to(np.asarray(neuron.threshold), units)
    reset = 0.0 if neuron.v_reset is None else np.abs(neuron.v_reset)
    return np.asarray(np.maximum(np.maximum(neuron.max_spikes, np.abs(neuron.v_init)) * θ, reset))


def factor(neuron: Neuron) -> int:
    """Return what thresholds should be multiples of, so that starts are whole: 2 for ``v_init = 1/2``."""
    starts = np.asarray(neuron.v_init)
    return next((k for k in range(1, FACTORS + 1) if (starts * k == np.rint(starts * k)).all()), 1)


def thresholds_below(neuron: Neuron, scale: Array) -> Array:
    """Return the largest whole thresholds, (units,), with which ``scale`` is not passed; they may be 0."""
    k = factor(neuron)
    return np.asarray(k * np.floor(scale * neuron.threshold / k * (1 + 1e-12)))


def thresholds_near(neuron: Neuron, scale: Array) -> Array:
    """Return the whole thresholds nearest to ``scale`` times the real ones, at least the factor of the starts."""
    k = factor(neuron)
    return np.asarray(k * np.maximum(1, np.rint(scale * neuron.threshold / k)))


def whole(neuron: Neuron, θ: Array, scale: Array) -> Neuron:
    """Return the neurons with whole thresholds ``θ``, (units,), and starts and resets that are whole with them."""
    reset = None
    if neuron.v_reset is not None:
        reset = np.minimum(np.rint(neuron.v_reset * scale), θ - 1)
    new = replace(neuron, threshold=_one_or_each(θ), v_reset=None if reset is None else _one_or_each(reset))
    return replace(new, v_init=_starts(neuron, θ))


def moved(real: Neuron, new: Neuron, scale: Array) -> Array:
    """Return how far threshold, start and reset of whole neurons are from the real ones, (units,), in thresholds."""
    θ = np.asarray(real.threshold)
    off = [new.threshold / scale - θ, new.v_init * np.asarray(new.threshold) / scale - real.v_init * θ]
    if real.v_reset is not None and new.v_reset is not None:
        off.append(new.v_reset / scale - real.v_reset)
    return np.asarray(np.maximum.reduce([np.abs(each) for each in off]) / θ)


def _one_or_each(values: Array) -> Any:
    return float(values[0]) if (values == values[0]).all() else values


def _starts(neuron: Neuron, θ: Array) -> Any:
    """Return ``v_init``, or the nearest number that is whole times the threshold, rounded once."""
    starts = np.broadcast_to(np.asarray(neuron.v_init, np.float64), θ.shape)
    if (starts * θ == np.rint(starts * θ)).all():
        return neuron.v_init
    found = np.rint(starts * θ) / θ
    for candidate in (np.nextafter(found, -np.inf), np.nextafter(found, np.inf), np.rint(starts)):
        found = np.where(found * θ == np.rint(found * θ), found, candidate)
    return _one_or_each(found)
