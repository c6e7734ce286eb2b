"""Bipolar integrate-and-fire with a tracer: the reference.

For every step t and neuron, v in units of θ and starting at ``v_init``, the tracer S at 0::

    v = v + I[t]/θ
    s = +1 where v >= 1 and S < tracer_max
    s = -1 where v < 0 and S > tracer_min       (else 0)
    S = S + s
    v = v - s

Once the input has ended and no neuron moves any more, with ``v_init = 1/2``::

    S = clip(floor(Σ I/θ + 1/2), tracer_min, tracer_max)

so the neuron settles on the quantised value of its summed input (You et al. 2024, "SpikeZIP-TF").

Currents of int32 are integers, which are not divided: v is in units of the currents then and starts at ``v_init·θ``,
the comparison is with θ instead of 1, and a spike takes away θ.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.checks import as_currents, as_parameter, check_tracer
from spikeport.kernels.integers import as_start, check_reach, largest_of, reach_of
from spikeport.kernels.integrate_fire import Trace

Array = npt.NDArray[Any]


class StBifParameters(NamedTuple):
    """Checked parameters: threshold and start in the type of the currents, of one value or one for each neuron."""

    threshold: Array
    v_init: Array
    tracer_min: int
    tracer_max: int


def st_bif_multistep(
    currents: npt.ArrayLike,
    *,
    threshold: npt.ArrayLike = 1.0,
    tracer_min: int = 0,
    tracer_max: int = 31,
    v_init: npt.ArrayLike = 0.5,
) -> Trace:
    """Run ST-BIF neurons over ``currents``; ``counts`` is the tracer S after the last step.

    Parameters
    ----------
    currents : array of shape (T, …, N), in units of the membrane; float32 and int32 stay, others become float64
    threshold, v_init : a number, or an array of shape (N,)
    tracer_min, tracer_max : whole numbers with ``tracer_min <= 0 <= tracer_max``

    Raises
    ------
    KernelError
        ``shape``, ``non_finite``, ``threshold``, ``tracer``; of integers ``not_whole``, ``overflow``.
    """
    I = as_currents(currents)
    θ, v0, tracer_min, tracer_max = st_bif_parameters(I, threshold, v_init, tracer_min, tracer_max)
    whole = I.dtype == np.int32
    unit = θ if whole else 1

    v = np.broadcast_to(v0 * unit, I.shape[1:]).astype(I.dtype)
    S = np.zeros(I.shape[1:], np.int64)
    spikes = np.zeros(I.shape, np.int8)
    for t in range(len(I)):
        v = v + (I[t] if whole else I[t] / θ)
        up = (v >= unit) & (S < tracer_max)
        down = (v < 0) & (S > tracer_min)
        spikes[t] = up.astype(np.int8) - down.astype(np.int8)
        S = S + spikes[t]
        v = v - spikes[t] * unit
    return Trace(spikes, v, S)


def st_bif_parameters(
    I: Array, threshold: npt.ArrayLike, v_init: npt.ArrayLike, tracer_min: int, tracer_max: int
) -> StBifParameters:
    """Return the parameters for currents ``I`` of shape (T, …, N), or raise as `st_bif_multistep` does."""
    whole = I.dtype == np.int32
    θ = as_parameter("threshold", threshold, I)
    v0 = as_start(as_parameter("v_init", v_init, I, np.float64), θ) if whole else as_parameter("v_init", v_init, I)
    if not (θ > 0).all():
        raise KernelError("threshold", f"threshold must be above 0, not {threshold!r}")
    if whole:
        check_reach(reach_of(len(I), largest_of(I), θ, v0), "a membrane")
    return StBifParameters(θ, v0, *check_tracer(tracer_min, tracer_max))
