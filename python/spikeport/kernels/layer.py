"""One layer: a signal in, the currents of an operation, neurons, a signal out: the reference.

A signal is what a node passes on at each step: spikes, or graded values where it has no neuron.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.checks import as_float
from spikeport.kernels.integrate_fire import Trace, if_multistep
from spikeport.kernels.st_bif import st_bif_multistep
from spikeport.neuron import Neuron
from spikeport.operations.weighted import summed_rows

Array = npt.NDArray[Any]


def weighted_sum(inputs: Array, weights: Array, bias: Array | None) -> Array:
    """Return the currents ``W·x + b`` of shape (…, out): see `spikeport.operations.Linear`.

    ``inputs`` has shape (…, in), ``weights`` (out, in), ``bias`` (out,); the result has the dtype of the weights.
    """
    return summed_rows(weights, bias, inputs)


def layer_forward(inputs: npt.ArrayLike, weights: npt.ArrayLike, bias: npt.ArrayLike | None, neuron: Neuron) -> Trace:
    """Run one linear layer over ``inputs`` of shape (T, batch, in) and return its spikes of shape (T, batch, out).

    Raises
    ------
    KernelError
        ``shape`` where inputs, weights and bias do not fit; ``non_finite``; the codes of the neuron's own kernel.
    """
    x, W, b = as_factors(as_float("inputs", inputs), as_float("weights", weights), bias)
    return fire(weighted_sum(x, W, b), neuron)


def as_factors(x: Array, W: Array, bias: npt.ArrayLike | None) -> tuple[Array, Array, Array | None]:
    """Return inputs (T, batch, in), weights (out, in) and bias (out,) or None, the bias in the type of the weights.

    Raises `KernelError`: ``shape`` where they do not fit each other; ``dtype``, ``non_finite`` for the bias.
    """
    if W.ndim != 2:
        raise KernelError("shape", f"weights have shape {W.shape}: give (out, in)")
    if x.ndim < 2 or x.shape[-1] != W.shape[1]:
        raise KernelError("shape", f"inputs {x.shape} do not fit weights {W.shape}: give (steps, batch, {W.shape[-1]})")
    b = None if bias is None else as_float("bias", bias).astype(W.dtype, copy=False)
    if b is not None and b.shape != W.shape[:1]:
        raise KernelError("shape", f"bias has shape {b.shape}, weights {W.shape}: give one bias per row")
    return x, W, b


def fire(currents: Array, neuron: Neuron) -> Trace:
    """Run the neurons of ``neuron.kind`` over currents of shape (T, batch, n)."""
    if neuron.kind == "ST-BIF":
        bounds = {"tracer_min": neuron.tracer_min, "tracer_max": neuron.tracer_max}
        return st_bif_multistep(currents, threshold=neuron.threshold, v_init=neuron.v_init, **bounds)
    if neuron.kind == "identity":
        currents = as_float("currents", currents)
        return Trace(currents, np.zeros(currents.shape[1:], currents.dtype), sum_in_order(currents))
    return if_multistep(
        currents,
        threshold=neuron.threshold,
        v_init=neuron.v_init,
        v_reset=neuron.v_reset,
        beta=neuron.beta,
        max_spikes=neuron.max_spikes,
    )


def sum_in_order(currents: Array) -> Array:
    """Return ``Σ_t currents[t]``, added step by step from +0."""
    total = np.zeros(currents.shape[1:], currents.dtype)
    for current in currents:
        total = total + current
    return total
