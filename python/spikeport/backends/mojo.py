"""The Mojo package as a backend: compiled on first use, then called on NumPy's own buffers; the GIL is free meanwhile.

Arguments are checked by the reference itself, on no steps: same errors, same words. What goes through all values, the
search for NaN, is Mojo's.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport import kernels
from spikeport.backends.mojo_library import load_library
from spikeport.kernels import Layer, NetworkTrace, Trace
from spikeport.kernels.checks import as_currents, as_float, as_numbers, check_timesteps
from spikeport.kernels.encode import as_samples
from spikeport.kernels.layer import fire, sum_in_order
from spikeport.kernels.network import as_inputs
from spikeport.neuron import Neuron, PerNeuron

Array = npt.NDArray[Any]
VALUES_AT_ONCE = 1 << 20


class Mojo:
    """Runs the kernels of the Mojo package ``spikeport``; see `spikeport.kernels` for every method."""

    name = "mojo"

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

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
        I = self._currents(currents)
        return self._if_steps(I, len(I), math.prod(I.shape[1:]), threshold, v_init, v_reset, beta)

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
        I = self._currents(np.asarray(current)[None])
        return self._if_steps(I, timesteps, 0, threshold, v_init, v_reset, beta)

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
        I = self._currents(currents)
        return self._st_bif_steps(I, len(I), math.prod(I.shape[1:]), threshold, v_init, tracer_min, tracer_max)

    def layer_forward(
        self, inputs: npt.ArrayLike, weights: npt.ArrayLike, bias: npt.ArrayLike | None, neuron: Neuron
    ) -> Trace:
        """See `spikeport.kernels.layer_forward`."""
        x, W = self._floats("inputs", inputs), self._floats("weights", weights)
        b = None if bias is None else self._floats("bias", bias)
        fits = x.ndim > 1 and W.ndim == 2 and x.shape[-1] == W.shape[1]
        kernels.layer_forward(x[:0] if fits else x, W, b, neuron)
        I = WeightedSum(self._library, W, b)(x)
        return self._fire(I, len(I), math.prod(I.shape[1:]), neuron)

    def network_run(
        self,
        layers: Sequence[Layer],
        inputs: npt.ArrayLike,
        *,
        timesteps: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
    ) -> NetworkTrace:
        """See `spikeport.kernels.network_run`; samples run in blocks, which changes nothing and bounds memory."""
        check_timesteps(timesteps)
        x = as_inputs(layers, inputs, timesteps, encoding)
        sums = [WeightedSum(self._library, layer.weights, layer.bias) for layer in layers]
        batch = x.shape[-2]
        shapes = [(batch, len(layer.weights)) for layer in layers]
        types = [layer.weights.dtype if layer.neuron.kind == "identity" else np.int8 for layer in layers]
        result = NetworkTrace(
            [np.zeros(s, np.int64 if t == np.int8 else t) for s, t in zip(shapes, types, strict=True)],
            [np.zeros(s, layer.weights.dtype) for s, layer in zip(shapes, layers, strict=True)],
            np.zeros(shapes[-1], layers[-1].weights.dtype),
            [np.zeros((timesteps, *s), t) for s, t in zip(shapes, types, strict=True)] if record else None,
        )
        at_once = max(1, VALUES_AT_ONCE // max(1, timesteps * max(max(layer.weights.shape) for layer in layers)))
        for first in range(0, max(1, batch), at_once):
            part = slice(first, first + at_once)
            signal = np.asarray(x[..., part, :], order="C")
            if encoding == "poisson":
                signal = self.encode_poisson(signal, timesteps=timesteps, seed=seed)
            for k, layer in enumerate(layers):
                I = sums[k](signal)
                constant = k == 0 and encoding == "current"
                I = I[None] if constant else I
                stride = 0 if constant else math.prod(I.shape[1:])
                trace = self._fire(I, timesteps, stride, layer.neuron)
                signal = trace.spikes
                result.counts[k][part] = trace.counts
                result.membrane[k][part] = trace.membrane
                if result.spikes is not None:
                    result.spikes[k][:, part] = trace.spikes
            result.drive[part] = sum_in_order(np.broadcast_to(I, (timesteps, *I.shape[1:])))
        return result

    def encode_poisson(
        self, rates: npt.ArrayLike, *, timesteps: int, seed: int = 0, samples: npt.ArrayLike | None = None
    ) -> Array:
        """See `spikeport.kernels.encode_poisson`."""
        check_timesteps(timesteps)
        p = self._floats("rates", rates).astype(np.float64, copy=False)
        keys = np.zeros(p.shape[:1], np.uint64) if samples is None else as_samples(samples, p.shape[:1])
        kernels.encode_poisson(p, timesteps=0, seed=seed, samples=keys)
        if samples is None:
            self._library.spikeport_sample_keys(_at(p), *p.shape, _at(keys))
        spikes = np.empty((timesteps, *p.shape), np.int8)
        self._library.spikeport_poisson_steps(_at(p), *p.shape, timesteps, int(seed), _at(keys), _at(spikes))
        return spikes

    def qcfs(self, x: npt.ArrayLike, *, timesteps: int, threshold: npt.ArrayLike = 1.0) -> Array:
        """See `spikeport.kernels.qcfs`."""
        values = self._floats("x", x)
        none = np.zeros((0, *values.shape[-1:]), values.dtype) if values.ndim else values
        kernels.qcfs(none, timesteps=timesteps, threshold=threshold)
        θ, y = _each(threshold, values), np.empty_like(values)
        rows = math.prod(values.shape[:-1])
        self._library.spikeport_quantise(
            _is_double(values), _at(values), rows, values.shape[-1], timesteps, _at(θ), _at(y)
        )
        return y

    def _fire(self, I: Array, steps: int, stride: int, neuron: Neuron) -> Trace:
        """Run a layer's neurons over ``steps`` steps of ``I``, or over ``I[0]`` at every step where ``stride`` is 0."""
        if not self._library.spikeport_all_finite(_is_double(I), _at(I), I.size):
            as_float("currents", I)
        if neuron.kind == "ST-BIF":
            bounds = neuron.tracer_min, neuron.tracer_max
            return self._st_bif_steps(I, steps, stride, neuron.threshold, neuron.v_init, *bounds)
        if neuron.kind == "identity":
            return fire(np.broadcast_to(I, (steps, *I.shape[1:])), neuron)
        return self._if_steps(I, steps, stride, neuron.threshold, neuron.v_init, neuron.v_reset, neuron.beta)

    def _if_steps(
        self,
        I: Array,
        steps: int,
        stride: int,
        threshold: npt.ArrayLike,
        v_init: npt.ArrayLike,
        v_reset: npt.ArrayLike | None,
        beta: npt.ArrayLike,
    ) -> Trace:
        start = kernels.if_multistep(
            np.zeros((0, I.shape[-1]), I.dtype), threshold=threshold, v_init=v_init, v_reset=v_reset, beta=beta
        ).membrane
        hard = v_reset is not None
        θ, β = _each(threshold, I), _each(beta, I)
        reset = _each(0.0 if v_reset is None else v_reset, I)
        trace = _trace(I, steps)
        self._library.spikeport_if_steps(
            _is_double(I), int(hard), _at(I), steps, stride, *_sizes(I), *map(_at, (θ, start, reset, β, *trace))
        )
        return trace

    def _st_bif_steps(
        self,
        I: Array,
        steps: int,
        stride: int,
        threshold: npt.ArrayLike,
        v_init: npt.ArrayLike,
        tracer_min: int,
        tracer_max: int,
    ) -> Trace:
        bounds = {"tracer_min": tracer_min, "tracer_max": tracer_max}
        none = np.zeros((0, I.shape[-1]), I.dtype)
        start = kernels.st_bif_multistep(none, threshold=threshold, v_init=v_init, **bounds).membrane
        θ = _each(threshold, I)
        trace = _trace(I, steps)
        self._library.spikeport_st_bif_steps(
            _is_double(I),
            _at(I),
            steps,
            stride,
            *_sizes(I),
            _at(θ),
            _at(start),
            tracer_min,
            tracer_max,
            *map(_at, trace),
        )
        return trace

    def _currents(self, currents: npt.ArrayLike) -> Array:
        I = self._floats("currents", currents)
        return I if I.ndim >= 2 else as_currents(I)

    def _floats(self, name: str, values: npt.ArrayLike) -> Array:
        """Return ``values`` by the rule of `as_float`, in C order; an array that is so already is not copied."""
        array = as_numbers(name, values)
        array = np.asarray(array, np.float32 if array.dtype == np.float32 else np.float64, order="C")
        finite = self._library.spikeport_all_finite(_is_double(array), _at(array), array.size)
        return array if finite else as_float(name, array)


class WeightedSum:
    """Weights and bias of one layer, laid out for Mojo: a call sums inputs of shape (…, in) to currents (…, out)."""

    def __init__(self, library: ctypes.CDLL, weights: Array, bias: Array | None) -> None:
        W = np.asarray(weights, order="C")
        self._library = library
        self._double = _is_double(W)
        self.n_out, self.n_in = W.shape
        self._packed = np.empty(library.spikeport_packed_length(self._double, self.n_in, self.n_out), W.dtype)
        self._bias = None if bias is None else np.asarray(bias, W.dtype, order="C")
        self._active = np.empty(library.spikeport_active_length(self.n_in), np.int32)
        library.spikeport_pack(self._double, _at(W), self.n_in, self.n_out, _at(self._packed))

    def __call__(self, inputs: Array) -> Array:
        """Return the currents; int8 inputs are taken as they are, others in the type of the weights."""
        spiking = inputs.dtype == np.int8
        x = np.asarray(inputs, None if spiking else self._packed.dtype, order="C")
        currents = np.empty((*x.shape[:-1], self.n_out), self._packed.dtype)
        rows = math.prod(x.shape[:-1])
        bias = self._packed if self._bias is None else self._bias
        self._library.spikeport_weighted_sum(
            self._double,
            int(spiking),
            _at(x),
            rows,
            _at(self._packed),
            self.n_in,
            self.n_out,
            _at(bias),
            int(self._bias is not None),
            _at(self._active),
            _at(currents),
        )
        return currents


def _at(array: Array) -> int:
    return array.ctypes.data


def _is_double(array: Array) -> int:
    return int(array.dtype == np.float64)


def _sizes(I: Array) -> tuple[int, int]:
    return math.prod(I.shape[1:-1]), I.shape[-1]


def _each(value: npt.ArrayLike | PerNeuron, I: Array) -> Array:
    """Return a checked parameter as one number a neuron."""
    return np.ascontiguousarray(np.broadcast_to(np.asarray(value, I.dtype).ravel(), I.shape[-1:]))


def _trace(I: Array, steps: int) -> Trace:
    shape = I.shape[1:]
    return Trace(np.empty((steps, *shape), np.int8), np.empty(shape, I.dtype), np.empty(shape, np.int64))


def load() -> Mojo:
    """Return the backend, its library compiled if need be.

    Raises `BackendError` with ``backend_unavailable`` and what to install.
    """
    return Mojo(load_library())
