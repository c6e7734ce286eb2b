"""Integrate-and-fire over many steps: the reference.

For every step t and neuron, in this order, with no fused multiply-add::

    v = β·v + I[t]
    s = how many m in 1, …, max_spikes have v >= m·θ;   with max_spikes = 1:  s = v >= θ
    v = v - s·θ          soft reset, or  v = v_reset where s > 0

The membrane starts at ``v_init·θ``. Under soft reset and β = 1 nothing is lost::

    Σ I[t] = θ·Σ s[t] + v_end - v_start

and for a constant current and ``v_init = 1/2`` the count after T steps is ``clip(floor(T·I/θ + 1/2), 0, N)``, which is
QCFS (Bu et al. 2022, eq. 15) with N = T·max_spikes levels, for 0 <= I <= max_spikes·θ.

Currents of int32 are integers: thresholds, ``v_reset`` and the start ``v_init·θ`` are whole numbers then, there is no
leak, and a run that could pass 32 bits is refused (`spikeport.kernels.integers`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.checks import as_currents, as_parameter, check_timesteps
from spikeport.kernels.integers import as_start, check_reach, largest_of, reach_of
from spikeport.neuron import check_max_spikes

Array = npt.NDArray[Any]


class Trace(NamedTuple):
    """What the neurons of one layer did.

    Attributes
    ----------
    spikes : int8 array of shape (T, …): 0 to max_spikes, of ST-BIF -1, 0 or 1
    membrane : membrane after the last step, shape (…)
    counts : int64 sum of the spikes over the steps, shape (…)
    """

    spikes: Array
    membrane: Array
    counts: Array


class IfParameters(NamedTuple):
    """Checked parameters in the type of the currents: each of one value, or of one for each neuron."""

    threshold: Array
    v_init: Array
    v_reset: Array | None
    beta: Array
    max_spikes: int = 1


def if_multistep(
    currents: npt.ArrayLike,
    *,
    threshold: npt.ArrayLike = 1.0,
    v_init: npt.ArrayLike = 0.5,
    v_reset: npt.ArrayLike | None = None,
    beta: npt.ArrayLike = 1.0,
    max_spikes: int = 1,
) -> Trace:
    """Run integrate-and-fire neurons over ``currents``.

    Parameters
    ----------
    currents : array of shape (T, …, N), one current per step and neuron; float32 and int32 stay, others become float64
    threshold, v_init, v_reset, beta : a number, or an array of shape (N,); see `spikeport.neuron.Neuron`
    max_spikes : the most spikes of a neuron in one step, from 1 to 127; above 1 for soft reset and β = 1 alone

    Raises
    ------
    KernelError
        ``shape``, ``non_finite``, ``threshold``, ``beta``, ``v_reset``, ``max_spikes``; of integers ``not_whole``,
        ``overflow``.
    """
    I = as_currents(currents)
    θ, v0, reset, β, L = if_parameters(I, threshold, v_init, v_reset, beta, max_spikes)
    levels = _levels(θ, L)

    v = np.broadcast_to(v0 * θ, I.shape[1:]).astype(I.dtype)
    spikes = np.zeros(I.shape, np.int8)
    for t in range(len(I)):
        v = β * v + I[t]
        s = sum(((v >= level).astype(np.int8) for level in levels), np.zeros(v.shape, np.int8))
        v = np.where(s > 0, v - s.astype(θ.dtype) * θ if reset is None else reset, v)
        spikes[t] = s
    return Trace(spikes, v, spikes.sum(axis=0, dtype=np.int64))


def if_constant(
    current: npt.ArrayLike,
    *,
    timesteps: int,
    threshold: npt.ArrayLike = 1.0,
    v_init: npt.ArrayLike = 0.5,
    v_reset: npt.ArrayLike | None = None,
    beta: npt.ArrayLike = 1.0,
    max_spikes: int = 1,
) -> Trace:
    """Run integrate-and-fire neurons for ``timesteps`` steps on one ``current`` of shape (…, N).

    The same as `if_multistep` on ``timesteps`` copies of ``current``, which are not made. Raises as `if_multistep`,
    and ``timesteps`` for a negative count.
    """
    check_timesteps(timesteps)
    I = as_currents(np.asarray(current)[None])
    return if_multistep(
        np.broadcast_to(I, (timesteps, *I.shape[1:])),
        threshold=threshold,
        v_init=v_init,
        v_reset=v_reset,
        beta=beta,
        max_spikes=max_spikes,
    )


@np.errstate(over="ignore")  # a level beyond the largest float is one that no membrane reaches
def _levels(θ: Array, max_spikes: int) -> list[Array]:
    """Return ``m·θ`` for m = 1, …, max_spikes, each rounded once."""
    return [θ.dtype.type(m) * θ for m in range(1, max_spikes + 1)]


def if_parameters(
    I: Array,
    threshold: npt.ArrayLike,
    v_init: npt.ArrayLike,
    v_reset: npt.ArrayLike | None,
    beta: npt.ArrayLike,
    max_spikes: int = 1,
    timesteps: int | None = None,
) -> IfParameters:
    """Return the parameters for currents ``I`` of shape (T, …, N), or raise as `if_multistep` does.

    ``timesteps`` is T where ``I`` is one current for every step, of shape (…, N).
    """
    whole = I.dtype == np.int32
    θ = as_parameter("threshold", threshold, I)
    v0 = as_start(as_parameter("v_init", v_init, I, np.float64), θ) if whole else as_parameter("v_init", v_init, I)
    reset = None if v_reset is None else as_parameter("v_reset", v_reset, I)
    β = as_parameter("beta", beta, I, np.float64 if whole else None).astype(I.dtype, copy=False)
    if not (θ > 0).all():
        raise KernelError("threshold", f"threshold must be above 0, not {threshold!r}")
    if not ((β >= 0) & (β <= 1)).all():
        raise KernelError("beta", f"beta must be in [0, 1], not {beta!r}")
    if whole and np.any(np.asarray(beta) != 1):
        raise KernelError("beta", f"integers have no leak, so beta must be 1, not {beta!r}")
    if reset is not None and not (reset < θ).all():
        raise KernelError("v_reset", f"v_reset must be below the threshold {threshold!r}, not {v_reset!r}")
    L = check_max_spikes(max_spikes, KernelError)
    if L > 1 and (reset is not None or (β != 1).any()):
        raise KernelError("max_spikes", f"max_spikes {L} needs soft reset and no leak: leave v_reset and beta away")
    if whole:
        T = len(I) if timesteps is None else timesteps
        check_reach(reach_of(T, largest_of(I), θ, v0, reset, L), "a membrane")
    return IfParameters(θ, v0, reset, β, L)
