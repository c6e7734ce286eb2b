"""One layer: a signal in, the currents of an operation, neurons, a signal out: the reference.

A signal is what a node passes on at each step: spikes, or graded values where it has no neuron.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.bounds import check_currents, node_reach
from spikeport.kernels.checks import as_element, as_float, as_whole
from spikeport.kernels.integers import check_neuron, check_reach
from spikeport.kernels.integrate_fire import Trace, if_multistep
from spikeport.kernels.st_bif import st_bif_multistep
from spikeport.neuron import Neuron
from spikeport.operations import WHOLE_WEIGHTS, Linear, element_of
from spikeport.operations.weighted import summed_rows

Array = npt.NDArray[Any]


def weighted_sum(inputs: Array, weights: Array, bias: Array | None) -> Array:
    """Return the currents ``W·x + b`` of shape (…, out): see `spikeport.operations.Linear`.

    ``inputs`` has shape (…, in), ``weights`` (out, in), ``bias`` (out,); the result has the dtype of the weights, int32
    where they are integers.
    """
    return summed_rows(weights, bias, inputs)


def layer_forward(inputs: npt.ArrayLike, weights: npt.ArrayLike, bias: npt.ArrayLike | None, neuron: Neuron) -> Trace:
    """Run one linear layer over ``inputs`` of shape (T, batch, in) and return its spikes of shape (T, batch, out).

    Weights of int8 or int16 are those of an integer layer: inputs and bias are whole numbers then.

    Raises
    ------
    KernelError
        ``shape`` where inputs, weights and bias do not fit; ``non_finite``; the codes of the neuron's own kernel; of
        integers ``not_whole``, ``overflow``, ``neuron_kind``.
    """
    x, W, b = as_factors(as_element("inputs", inputs), as_weights(weights), bias)
    check_layer(Linear(W, b), neuron, x)
    return fire(weighted_sum(x, W, b), neuron)


def as_weights(weights: npt.ArrayLike) -> Array:
    """Return weights as they are, if of int8 or int16, else as `as_float`."""
    given = np.asarray(weights) if isinstance(weights, np.ndarray) else weights
    return given if isinstance(given, np.ndarray) and given.dtype in WHOLE_WEIGHTS else as_float("weights", given)


def as_factors(x: Array, W: Array, bias: npt.ArrayLike | None) -> tuple[Array, Array, Array | None]:
    """Return inputs (T, batch, in), weights (out, in) and bias (out,) or None, inputs and bias in the type that the
    weights are summed in.

    Raises `KernelError`: ``shape`` where they do not fit each other; ``dtype``, ``non_finite`` for the bias; of
    integers ``not_whole``, ``overflow``.
    """
    if W.ndim != 2:
        raise KernelError("shape", f"weights have shape {W.shape}: give (out, in)")
    if x.ndim < 2 or x.shape[-1] != W.shape[1]:
        raise KernelError("shape", f"inputs {x.shape} do not fit weights {W.shape}: give (steps, batch, {W.shape[-1]})")
    x, b = as_type("inputs", x, W), None if bias is None else as_type("bias", bias, W)
    if b is not None and b.shape != W.shape[:1]:
        raise KernelError("shape", f"bias has shape {b.shape}, weights {W.shape}: give one bias per row")
    return x, W, b


def as_type(name: str, values: npt.ArrayLike, weights: Array) -> Array:
    """Return ``values`` in the type that ``weights`` are summed in: whole numbers for those of integers."""
    element = element_of(weights.dtype)
    return as_whole(name, values) if element == np.int32 else as_float(name, values).astype(element, copy=False)


def check_layer(operation: Linear, neuron: Neuron, x: Array) -> None:
    """Raise `KernelError` where a layer of integers could overflow, or has neurons that integers cannot run."""
    if operation.element == np.int32:
        check_neuron(neuron)
        most = check_currents(operation, [x])
        check_reach(node_reach(neuron, len(x), most), "the layer")


def fire(currents: Array, neuron: Neuron) -> Trace:
    """Run the neurons of ``neuron.kind`` over currents of shape (T, batch, n)."""
    if neuron.kind == "ST-BIF":
        bounds = {"tracer_min": neuron.tracer_min, "tracer_max": neuron.tracer_max}
        return st_bif_multistep(currents, threshold=neuron.threshold, v_init=neuron.v_init, **bounds)
    if neuron.kind == "identity":
        currents = as_element("currents", currents)
        return Trace(currents, np.zeros(currents.shape[1:], currents.dtype), as_counts(sum_in_order(currents)))
    return if_multistep(
        currents,
        threshold=neuron.threshold,
        v_init=neuron.v_init,
        v_reset=neuron.v_reset,
        beta=neuron.beta,
        max_spikes=neuron.max_spikes,
    )


def as_counts(totals: Array) -> Array:
    """Return sums of integers in the type of counts, int64; others as they are."""
    return totals.astype(np.int64) if totals.dtype == np.int32 else totals


def sum_in_order(currents: Array) -> Array:
    """Return ``Σ_t currents[t]``, added step by step from +0."""
    total: Array = np.zeros(currents.shape[1:], currents.dtype)
    for current in currents:
        total = total + current
    return total
