"""The Mojo package as a backend: compiled on first use, then called on NumPy's own buffers; the GIL is free meanwhile.

What goes through all values, the search for NaN, is Mojo's, too.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends.backend import Backend
from spikeport.backends.mojo_calls import at, element
from spikeport.backends.mojo_library import load_library
from spikeport.backends.mojo_operations import LaidOut, LaidOutLinear, lay_out
from spikeport.backends.network import Network, WalkedNetwork
from spikeport.backends.parts import parts
from spikeport.checks import as_numbers
from spikeport.kernels import PlacedNetwork, PlacedNode, Trace
from spikeport.kernels.checks import as_float
from spikeport.kernels.integrate_fire import IfParameters, if_parameters
from spikeport.kernels.layer import fire
from spikeport.kernels.network import Signal
from spikeport.kernels.st_bif import StBifParameters, st_bif_parameters
from spikeport.neuron import Neuron
from spikeport.operations import Linear, Operation

Array = npt.NDArray[Any]


class Mojo(Backend):
    """Runs the kernels of the Mojo package ``spikeport``; see `spikeport.kernels` for every method."""

    name = "mojo"

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library

    def _if_multistep(self, I: Array, given: IfParameters) -> Trace:
        return self._if_steps(Signal(I, False), len(I), given)

    def _if_constant(self, I: Array, timesteps: int, given: IfParameters) -> Trace:
        return self._if_steps(Signal(I, True), timesteps, given)

    def _st_bif_multistep(self, I: Array, given: StBifParameters) -> Trace:
        return self._st_bif_steps(Signal(I, False), len(I), given)

    def _layer_forward(self, x: Array, operation: Linear, neuron: Neuron) -> Trace:
        rows, n_out = math.prod(x.shape[:-1]), len(operation.weight)
        currents = np.empty((*x.shape[:-1], n_out), x.dtype)
        flat = np.asarray(x, order="C").reshape(rows, x.shape[-1])
        LaidOutLinear(self.library, operation).sum(flat, currents.reshape(rows, n_out))
        return self.fire(Signal(currents, False), len(x), neuron)

    def _operation_currents(self, operation: Operation, signals: list[Array]) -> Array:
        given = [Signal(signal, False) for signal in signals]
        currents = lay_out(self.library, operation)(given, len(signals[0]), signals[0].dtype).values
        return currents if self._is_finite(currents) else as_float("currents", currents)

    def _network(self, placed: PlacedNetwork) -> Network:
        return MojoNetwork(self, placed)

    def _encode_poisson(self, p: Array, timesteps: int, seed: int, samples: Array | None) -> Array:
        p = np.asarray(p, order="C")
        keys = np.zeros(p.shape[:1], np.uint64) if samples is None else np.asarray(samples, order="C")
        if samples is None:
            self.library.spikeport_sample_keys(at(p), *p.shape, at(keys))
        spikes = np.empty((timesteps, *p.shape), np.int8)
        for part in parts(timesteps, p.size):
            size = len(range(timesteps)[part])
            draws = (at(p), *p.shape, part.start, size, int(seed), at(keys), at(spikes[part]))
            self.library.spikeport_poisson_steps(*draws)
        return spikes

    def _qcfs(self, x: Array, timesteps: int, θ: Array) -> Array:
        each, y = _each(θ, x), np.empty_like(x)
        rows = math.prod(x.shape[:-1])
        self.library.spikeport_quantise(element(x), at(x), rows, x.shape[-1], timesteps, at(each), at(y))
        return y

    def fire(self, currents: Signal, steps: int, neuron: Neuron) -> Trace:
        """Run the neurons of one node over ``steps`` steps of its currents."""
        I = currents.values
        if steps and not self._is_finite(I):  # without a step no current flows, a steady one neither
            as_float("currents", I)
        if neuron.kind == "identity":
            return fire(currents.steps(steps), neuron)
        of_no_step = I[:0]  # what integers could reach was checked for the whole run
        if neuron.kind == "ST-BIF":
            bounds = neuron.tracer_min, neuron.tracer_max
            fitted = st_bif_parameters(of_no_step, neuron.threshold, neuron.v_init, *bounds)
            return self._st_bif_steps(currents, steps, fitted)
        resets = neuron.v_reset, neuron.beta, neuron.max_spikes
        return self._if_steps(currents, steps, if_parameters(of_no_step, neuron.threshold, neuron.v_init, *resets))

    def _if_steps(self, currents: Signal, steps: int, given: IfParameters) -> Trace:
        I, shape, stride = _steps(currents)
        θ, β = _each(given.threshold, I), _each(given.beta, I)
        reset = _each(np.zeros((), I.dtype) if given.v_reset is None else given.v_reset, I)
        trace = _trace_before(given.v_init * given.threshold, shape, steps, I.dtype)
        hard, sizes = int(given.v_reset is not None), (math.prod(shape[:-1]), shape[-1])
        for part in parts(steps, math.prod(shape)):
            current, spikes = I if currents.steady else I[part], trace.spikes[part]
            state = map(at, (θ, reset, β, spikes, trace.membrane, trace.counts))
            kind = element(I), hard, given.max_spikes
            self.library.spikeport_if_steps(*kind, at(current), len(spikes), stride, *sizes, *state)
        return trace

    def _st_bif_steps(self, currents: Signal, steps: int, given: StBifParameters) -> Trace:
        I, shape, stride = _steps(currents)
        start = given.v_init * given.threshold if I.dtype == np.int32 else given.v_init
        θ, trace = _each(given.threshold, I), _trace_before(start, shape, steps, I.dtype)
        sizes, bounds = (math.prod(shape[:-1]), shape[-1]), (given.tracer_min, given.tracer_max)
        for part in parts(steps, math.prod(shape)):
            current, spikes = I if currents.steady else I[part], trace.spikes[part]
            state = map(at, (spikes, trace.membrane, trace.counts))
            self.library.spikeport_st_bif_steps(
                element(I), at(current), len(spikes), stride, *sizes, at(θ), *bounds, *state
            )
        return trace

    def _floats(self, name: str, values: npt.ArrayLike) -> Array:
        """Return ``values`` by the rule of `as_float`, in C order; an array that is so already is not copied."""
        array = as_numbers(name, values)
        array = np.asarray(array, np.float32 if array.dtype == np.float32 else np.float64, order="C")
        return array if self._is_finite(array) else as_float(name, array)

    def _is_finite(self, array: Array) -> bool:
        return array.dtype == np.int32 or bool(self.library.spikeport_all_finite(element(array), at(array), array.size))


class MojoNetwork(WalkedNetwork):
    """Runs node by node on operations laid out for Mojo."""

    def __init__(self, backend: Mojo, placed: PlacedNetwork) -> None:
        super().__init__(placed)
        self._backend = backend
        self._operations = {node.name: lay_out(backend.library, node.operation) for node in placed.nodes}
        self._without_bias: dict[str, LaidOut] = {}

    def _encode(self, rates: Array, *, timesteps: int, seed: int) -> Array:
        return self._backend.encode_poisson(rates, timesteps=timesteps, seed=seed)

    def _currents(self, node: PlacedNode, signals: list[Signal], timesteps: int, dtype: Any) -> Signal:
        return self._laid_out(node)(signals, timesteps, dtype)

    def _laid_out(self, node: PlacedNode) -> LaidOut:
        """Return the operation as Mojo reads it; under a pulse the walk asks for the one without its bias."""
        whole = self._operations[node.name]
        if whole.operation is node.operation:
            return whole
        if node.name not in self._without_bias:
            self._without_bias[node.name] = lay_out(self._backend.library, node.operation)
        return self._without_bias[node.name]

    def _fire(self, neuron: Neuron, currents: Signal, timesteps: int) -> Trace:
        return self._backend.fire(currents, timesteps, neuron)


def _steps(currents: Signal) -> tuple[Array, tuple[int, ...], int]:
    """Return the values in C order, the shape of one step, and how far one step lies behind the other (0 if steady)."""
    I = np.asarray(currents.values, order="C")
    shape = I.shape if currents.steady else I.shape[1:]
    return I, shape, 0 if currents.steady else math.prod(shape)


def _each(value: Array, I: Array) -> Array:
    """Return a checked parameter as one number for each neuron."""
    return np.ascontiguousarray(np.broadcast_to(np.asarray(value, I.dtype).ravel(), I.shape[-1:]))


def _trace_before(start: Array, shape: tuple[int, ...], steps: int, dtype: Any) -> Trace:
    """Return room for spikes, and the state of neurons before their first step."""
    membrane = np.broadcast_to(np.asarray(start, dtype), shape).copy()
    return Trace(np.empty((steps, *shape), np.int8), membrane, np.zeros(shape, np.int64))


def load() -> Mojo:
    """Return the backend, its library compiled if need be.

    Raises `BackendError` with ``backend_unavailable`` and what to install.
    """
    return Mojo(load_library())
