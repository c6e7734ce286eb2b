"""One layer: spikes in, weighted sums, neurons, spikes out: the reference.

The current of output neuron j is, in this order and with no fused multiply-add::

    I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + … ) + b[j]

The order is part of the contract: it makes a current independent of the batch, of the number of threads and of
the language. The sum starts at +0 and so can never be -0, which is why terms with ``x[k] = 0`` may be left out, and
the bias comes last.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.checks import as_float
from spikeport.kernels.integrate_fire import Trace, if_multistep
from spikeport.kernels.st_bif import st_bif_multistep
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]


class Layer(Protocol):
    """What a kernel needs to know of a layer: `spikeport.graph.LayerNode` is one."""

    @property
    def weights(self) -> Array:
        """Weights of shape (out, in)."""

    @property
    def bias(self) -> Array | None:
        """Bias of shape (out,), or None."""

    @property
    def neuron(self) -> Neuron:
        """The neurons."""


@np.errstate(over="ignore", invalid="ignore")  # an overflow is refused by name, as ``non_finite``
def weighted_sum(inputs: Array, weights: Array, bias: Array | None) -> Array:
    """Return the currents ``W·x + b`` of shape (…, out), summed in the order of the inputs.

    ``inputs`` has shape (…, in), ``weights`` (out, in), ``bias`` (out,); the result has the dtype of the weights.
    """
    total = np.zeros((*inputs.shape[:-1], len(weights)), weights.dtype)
    for k in np.flatnonzero(inputs.any(axis=tuple(range(inputs.ndim - 1)))):
        total += inputs[..., k, None].astype(weights.dtype) * weights[:, k]
    return total if bias is None else total + bias


def layer_forward(inputs: npt.ArrayLike, weights: npt.ArrayLike, bias: npt.ArrayLike | None, neuron: Neuron) -> Trace:
    """Run one layer over ``inputs`` of shape (T, batch, in) and return its spikes of shape (T, batch, out).

    Raises
    ------
    KernelError
        ``shape`` where inputs, weights and bias do not fit; ``non_finite``; the codes of the neuron's own kernel.
    """
    (x, W), b = as_factors(inputs, weights), None
    if bias is not None:
        b = as_float("bias", bias).astype(W.dtype, copy=False)
        if b.shape != W.shape[:1]:
            raise KernelError("shape", f"bias has shape {b.shape}, weights {W.shape}: give one bias a row")
    return fire(weighted_sum(x, W, b), neuron)


def as_factors(inputs: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[Array, Array]:
    """Return inputs (T, batch, in) and weights (out, in) as finite float arrays.

    Raises `KernelError`: ``dtype``, ``non_finite``; ``shape`` where they do not fit each other.
    """
    x, W = as_float("inputs", inputs), as_float("weights", weights)
    if W.ndim != 2:
        raise KernelError("shape", f"weights have shape {W.shape}: give (out, in)")
    if x.ndim < 2 or x.shape[-1] != W.shape[1]:
        raise KernelError("shape", f"inputs {x.shape} do not fit weights {W.shape}: give (steps, batch, {W.shape[-1]})")
    return x, W


def fire(currents: Array, neuron: Neuron) -> Trace:
    """Run the neurons of ``neuron.kind`` over currents of shape (T, batch, n)."""
    if neuron.kind == "ST-BIF":
        bounds = {"tracer_min": neuron.tracer_min, "tracer_max": neuron.tracer_max}
        return st_bif_multistep(currents, threshold=neuron.threshold, v_init=neuron.v_init, **bounds)
    if neuron.kind == "identity":
        currents = as_float("currents", currents)
        return Trace(currents, np.zeros(currents.shape[1:], currents.dtype), sum_in_order(currents))
    return if_multistep(
        currents, threshold=neuron.threshold, v_init=neuron.v_init, v_reset=neuron.v_reset, beta=neuron.beta
    )


def sum_in_order(currents: Array) -> Array:
    """Return ``Σ_t currents[t]``, added step by step from +0."""
    total = np.zeros(currents.shape[1:], currents.dtype)
    for current in currents:
        total = total + current
    return total
