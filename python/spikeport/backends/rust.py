"""The Rust crate as a backend: NumPy arrays are borrowed, not copied, and the GIL is free while it works.

Every kernel sums in the order of the contract, so results equal the reference's bit for bit on any floats. A network
runs on all cores, or on as many as ``RAYON_NUM_THREADS`` says; the result does not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends import BackendError
from spikeport.kernels import Layer, NetworkTrace, Trace
from spikeport.kernels.checks import as_numbers, as_parameter, check_timesteps, check_tracer
from spikeport.kernels.encode import as_samples, check_seed
from spikeport.kernels.network import as_inputs
from spikeport.neuron import Neuron

try:
    from spikeport import _rust
except ImportError as missing:
    raise BackendError(
        "backend_unavailable",
        "the Rust extension spikeport._rust is not built here: pip install spikeport, or maturin develop in a checkout",
    ) from missing

Array = npt.NDArray[Any]


class Rust:
    """Runs the kernels of the Rust crate ``spikeport``; see `spikeport.kernels` for every method."""

    name = "rust"

    def if_multistep(
        self,
        currents: npt.ArrayLike,
        *,
        threshold: npt.ArrayLike = 1.0,
        v_init: npt.ArrayLike = 0.5,
        v_reset: npt.ArrayLike | None = None,
        beta: npt.ArrayLike = 1.0,
    ) -> Trace:
        """See `spikeport.kernels.if_multistep`."""
        I = _as_array("currents", currents)
        trace = _rust.if_multistep(I, *_if_parameters(I, threshold, v_init, v_reset, beta))
        return _trace(trace, I.shape)

    def if_constant(
        self,
        current: npt.ArrayLike,
        *,
        timesteps: int,
        threshold: npt.ArrayLike = 1.0,
        v_init: npt.ArrayLike = 0.5,
        v_reset: npt.ArrayLike | None = None,
        beta: npt.ArrayLike = 1.0,
    ) -> Trace:
        """See `spikeport.kernels.if_constant`."""
        check_timesteps(timesteps)
        I = _as_array("currents", current)
        trace = _rust.if_constant(I, timesteps, *_if_parameters(I, threshold, v_init, v_reset, beta))
        return _trace(trace, (timesteps, *I.shape))

    def st_bif_multistep(
        self,
        currents: npt.ArrayLike,
        *,
        threshold: npt.ArrayLike = 1.0,
        tracer_min: int = 0,
        tracer_max: int = 31,
        v_init: npt.ArrayLike = 0.5,
    ) -> Trace:
        """See `spikeport.kernels.st_bif_multistep`."""
        I = _as_array("currents", currents)
        θ, v0 = _parameter("threshold", threshold, I), _parameter("v_init", v_init, I)
        return _trace(_rust.st_bif_multistep(I, θ, *check_tracer(tracer_min, tracer_max), v0), I.shape)

    def layer_forward(
        self, inputs: npt.ArrayLike, weights: npt.ArrayLike, bias: npt.ArrayLike | None, neuron: Neuron
    ) -> Trace:
        """See `spikeport.kernels.layer_forward`."""
        x, W = _as_array("inputs", inputs), _as_array("weights", weights)
        b = None if bias is None else _as_array("bias", bias).astype(W.dtype, copy=False)
        trace = _rust.layer_forward(x.astype(W.dtype, copy=False), W, b, neuron)
        return _trace(trace, (*x.shape[:-1], len(W)))

    def network_run(
        self,
        layers: Sequence[Layer],
        inputs: npt.ArrayLike,
        *,
        timesteps: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
        threads: int | None = None,
    ) -> NetworkTrace:
        """See `spikeport.kernels.network_run`; ``threads`` by default is one a core."""
        check_timesteps(timesteps)
        x = np.ascontiguousarray(as_inputs(layers, inputs, timesteps, encoding))
        if encoding == "poisson":
            check_seed(seed)
        else:
            seed = 0
        plain = [_layer(layer) for layer in layers]
        traces, drive = _rust.network_run(plain, x, timesteps, encoding, seed, record, threads)
        shapes = [(x.shape[-2], len(weights)) for weights, _, _ in plain]
        pairs = list(zip(traces, shapes, strict=True))
        return NetworkTrace(
            [counts.reshape(shape) for (counts, _, _), shape in pairs],
            [membrane.reshape(shape) for (_, membrane, _), shape in pairs],
            drive.reshape(shapes[-1]),
            [s.reshape(timesteps, *shape) for (_, _, s), shape in pairs if s is not None] if record else None,
        )

    def encode_poisson(
        self, rates: npt.ArrayLike, *, timesteps: int, seed: int = 0, samples: npt.ArrayLike | None = None
    ) -> Array:
        """See `spikeport.kernels.encode_poisson`."""
        check_timesteps(timesteps)
        check_seed(seed)
        p = _as_array("rates", rates)
        keys = None if samples is None else as_samples(samples, p.shape[:1])
        return _rust.encode_poisson(p, timesteps, seed, keys).reshape(timesteps, *p.shape)

    def qcfs(self, x: npt.ArrayLike, *, timesteps: int, threshold: npt.ArrayLike = 1.0) -> Array:
        """See `spikeport.kernels.qcfs`."""
        check_timesteps(timesteps)
        values = _as_array("x", x)
        return _rust.qcfs(values, timesteps, _parameter("threshold", threshold, values)).reshape(values.shape)


def _as_array(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` in C order as float32 or float64, by the rule of `as_float`; Rust looks for NaN itself."""
    array = as_numbers(name, values)
    dtype = np.float32 if array.dtype == np.float32 else np.float64
    return np.asarray(array, dtype, order="C")


def _parameter(name: str, value: npt.ArrayLike, currents: Array) -> npt.NDArray[np.float64]:
    return np.atleast_1d(as_parameter(name, value, np.atleast_1d(currents))).astype(np.float64)


def _if_parameters(
    I: Array, threshold: npt.ArrayLike, v_init: npt.ArrayLike, v_reset: npt.ArrayLike | None, beta: npt.ArrayLike
) -> tuple[Array, Array, Array | None, Array]:
    θ, v0 = _parameter("threshold", threshold, I), _parameter("v_init", v_init, I)
    reset = None if v_reset is None else _parameter("v_reset", v_reset, I)
    return θ, v0, reset, _parameter("beta", beta, I)


def _layer(layer: Layer) -> tuple[Array, Array | None, Neuron]:
    W = _as_array("weights", layer.weights)
    bias = None if layer.bias is None else _as_array("bias", layer.bias).astype(W.dtype, copy=False)
    return W, bias, layer.neuron


def _trace(trace: tuple[Array, Array, Array], shape: tuple[int, ...]) -> Trace:
    spikes, membrane, counts = trace
    return Trace(spikes.reshape(shape), membrane.reshape(shape[1:]), counts.reshape(shape[1:]))


def load() -> Rust:
    """Return the backend."""
    return Rust()
