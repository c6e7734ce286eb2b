"""Integers: whole numbers of 32 bits, and the bounds that keep every run inside them.

Nothing is rounded and nothing overflows, so no order of summation has to be fixed: whatever could pass ``2^31 - 1`` is
refused before it starts (SPEC.md 1). A bound is a sum of products that are not negative; as float64 it is exact up to
2^53, and what is above ``2^31 - 1`` stays above it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.checks import LARGEST, as_whole
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]


def as_start(v_init: npt.ArrayLike, θ: Array) -> Array:
    """Return ``v_init`` as float64, or raise `KernelError` unless ``v_init·θ`` are whole numbers of 32 bits."""
    start = np.asarray(v_init, np.float64)
    as_whole("v_init·threshold, where the membrane starts,", start * θ)
    return start


def check_neuron(neuron: Neuron) -> None:
    """Raise `KernelError` (``neuron_kind``, ``not_whole``, ``overflow``) for neurons that integers cannot run."""
    if neuron.kind == "LIF":
        raise KernelError("neuron_kind", "LIF neurons leak, which integers cannot: use 'IF', 'ST-BIF' or 'identity'")
    if neuron.is_spiking:
        as_start(neuron.v_init, as_whole("threshold", neuron.threshold))
        as_whole("v_reset", 0.0 if neuron.v_reset is None else neuron.v_reset)


def check_reach(reach: float, what: str) -> None:
    """Raise `KernelError` ``overflow`` where ``reach`` passes 32 bits."""
    if not reach <= LARGEST:
        raise KernelError(
            "overflow",
            f"{what} could reach {reach:.0f}, above the {LARGEST:,} of 32-bit integers: run fewer timesteps, or give "
            "smaller inputs or weights",
        )


def reach_of(timesteps: int, largest: float, θ: Any, v_init: Any, v_reset: Any = None, max_spikes: int = 1) -> float:
    """Return the bound of a membrane: ``max(|v_init·θ|, |v_reset|, max_spikes·θ) + T·max|I|``."""
    highest = np.abs(np.asarray(θ, np.float64)).max(initial=0)
    start = np.abs(np.asarray(v_init, np.float64) * θ).max(initial=0)
    reset = 0.0 if v_reset is None else np.abs(np.asarray(v_reset, np.float64)).max(initial=0)
    return float(max(start, reset, max_spikes * highest) + float(timesteps) * largest)


def largest_of(values: Array) -> float:
    """Return the largest absolute value, 0 of nothing."""
    return float(np.abs(values, dtype=np.float64).max(initial=0))
