"""A whole network, layer by layer over all steps: the reference.

    s⁰ = encode(x);   sˡ = layer(sˡ⁻¹)  for l = 1 … L

A feed-forward network may finish one layer over all its steps before the next begins. The readout needs no neuron of
its own: the output layer's ``drive`` is what it received in all, ``Σ_t I[t]`` in the order of the steps, which under
soft reset and β = 1 is ``θ·count + v_end - v_start``, negative logits included.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.checks import as_float, check_timesteps
from spikeport.kernels.encode import encode_poisson
from spikeport.kernels.layer import Layer, fire, sum_in_order, weighted_sum

Array = npt.NDArray[Any]
ENCODINGS = ("current", "poisson", "spikes")


class NetworkTrace(NamedTuple):
    """What a network did: lists have one array a layer.

    Attributes
    ----------
    counts : (batch, n): net spikes over the run, int64; for ``identity`` layers the sum of what they passed on, float
    membrane : (batch, n): membrane after the last step (ST-BIF: in units of the threshold; identity: 0)
    drive : (batch, n_out): what the output layer received in all
    spikes : (T, batch, n), or None unless recorded
    """

    counts: list[Array]
    membrane: list[Array]
    drive: Array
    spikes: list[Array] | None


def network_run(
    layers: Sequence[Layer],
    inputs: npt.ArrayLike,
    *,
    timesteps: int,
    encoding: str = "current",
    seed: int = 0,
    record: bool = False,
) -> NetworkTrace:
    """Run ``layers`` for ``timesteps`` steps.

    Parameters
    ----------
    layers : the network, input side first
    inputs : (batch, n_in); with ``encoding="spikes"`` (timesteps, batch, n_in)
    encoding : "current" feeds the value at every step, "poisson" draws spikes with the value as rate in [0, 1],
        "spikes" takes the input as it is, step by step
    seed : of the Poisson draws, 0 … 2^64 - 1; a draw depends on seed, step, the sample's values and the input's index
    record : keep every layer's spikes

    Raises
    ------
    KernelError
        ``timesteps``, ``encoding``, ``dtype``, ``shape``, ``non_finite``, ``rate_range``, ``seed``.
    """
    check_timesteps(timesteps)
    x = as_inputs(layers, inputs, timesteps, encoding)
    signal = encode_poisson(x, timesteps=timesteps, seed=seed) if encoding == "poisson" else x

    counts, membrane, spikes = [], [], []
    for index, layer in enumerate(layers):
        currents = weighted_sum(signal, layer.weights, layer.bias)
        if index == 0 and encoding == "current":
            currents = np.broadcast_to(currents, (timesteps, *currents.shape))
        trace = fire(currents, layer.neuron)
        signal = trace.spikes
        counts.append(trace.counts)
        membrane.append(trace.membrane)
        spikes.append(trace.spikes)
    return NetworkTrace(counts, membrane, sum_in_order(currents), spikes if record else None)


def as_inputs(layers: Sequence[Layer], inputs: npt.ArrayLike, timesteps: int, encoding: str) -> Array:
    """Return ``inputs`` in the dtype of the weights, or raise `KernelError`: the checks of `network_run`."""
    if encoding not in ENCODINGS:
        raise KernelError("encoding", f"encoding {encoding!r} is not one of {', '.join(ENCODINGS)}")
    if not layers:
        raise KernelError("shape", "a network needs at least one layer")
    for layer in layers:
        dtype, n = layer.weights.dtype, layer.weights.shape[0]
        if dtype not in (np.float32, np.float64):
            raise KernelError("dtype", f"a layer has weights of {dtype}: make them float32 or float64")
        if layer.bias is not None and np.shape(layer.bias) != (n,):
            raise KernelError("shape", f"a layer of {n} has a bias of shape {np.shape(layer.bias)}: give one a row")
    for before, after in itertools.pairwise(layers):
        if after.weights.shape[1] != before.weights.shape[0]:
            raise KernelError("shape", f"a layer of {before.weights.shape[0]} feeds weights {after.weights.shape}")
    x = as_float("inputs", inputs)
    n_in = layers[0].weights.shape[1]
    wanted = ("timesteps", "batch", n_in) if encoding == "spikes" else ("batch", n_in)
    if x.ndim != len(wanted) or x.shape[-1] != n_in or (encoding == "spikes" and len(x) != timesteps):
        raise KernelError(
            "shape", f"inputs have shape {x.shape}: give ({', '.join(map(str, wanted))}) for encoding {encoding!r}"
        )
    return x.astype(layers[0].weights.dtype, copy=False)
