"""The Rust crate as a backend: NumPy arrays are borrowed, not copied, and the GIL is free while it works.

Every kernel sums in the order of the contract, so results equal the reference's bit for bit on any floats; integers are
added in 32 bits. A network runs on all cores, or on as many threads as a run or ``RAYON_NUM_THREADS`` says; the result
does not depend on it.
"""

from __future__ import annotations

import math
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from spikeport.backends.backend import Backend
from spikeport.backends.network import Network
from spikeport.checks import as_numbers
from spikeport.errors import BackendError
from spikeport.kernels import PlacedNetwork, RunResult, Trace
from spikeport.kernels.encode import check_seed
from spikeport.kernels.integrate_fire import IfParameters
from spikeport.kernels.memory import results_of
from spikeport.kernels.network import check_shape
from spikeport.kernels.nodes import INPUT
from spikeport.kernels.spikes_out import SpikesOut
from spikeport.kernels.st_bif import StBifParameters
from spikeport.neuron import Neuron
from spikeport.operations import Linear, Operation

try:
    import spikeport._rust as _rust
except ImportError as missing:
    raise BackendError(
        "backend_unavailable",
        "the Rust extension spikeport._rust is not built here: pip install spikeport, or maturin develop in a checkout",
    ) from missing

Array = npt.NDArray[Any]

SMALL: Final = 1 << 16
"""The most spikes that the crate makes an array for."""

RESULTS_AT_ONCE: Final = 1 << 28
"""Bytes that one call of the crate may give."""


class Rust(Backend):
    """Runs the kernels of the Rust crate ``spikeport``; see `spikeport.kernels` for every method."""

    name = "rust"

    def _floats(self, name: str, values: npt.ArrayLike) -> Array:
        return _as_floats(name, values)

    def _if_multistep(self, I: Array, given: IfParameters) -> Trace:
        return self._if_multistep_to(I, given, SpikesOut(I.shape))

    def _if_multistep_to(self, I: Array, given: IfParameters, to: SpikesOut) -> Trace:
        θ, v0, reset, β = _doubles(given[:4])
        arrays = _arrays(to, I)
        return _written(to, arrays, _rust.if_multistep(I, θ, v0, reset, β, given.max_spikes, arrays))

    def _if_constant(self, I: Array, timesteps: int, given: IfParameters) -> Trace:
        return self._if_constant_to(I, timesteps, given, SpikesOut((timesteps, *I.shape)))

    def _if_constant_to(self, I: Array, timesteps: int, given: IfParameters, to: SpikesOut) -> Trace:
        θ, v0, reset, β = _doubles(given[:4])
        arrays = _arrays(to, I)
        return _written(to, arrays, _rust.if_constant(I, timesteps, θ, v0, reset, β, given.max_spikes, arrays))

    def _st_bif_multistep(self, I: Array, given: StBifParameters) -> Trace:
        return self._st_bif_multistep_to(I, given, SpikesOut(I.shape))

    def _st_bif_multistep_to(self, I: Array, given: StBifParameters, to: SpikesOut) -> Trace:
        θ, v0 = _doubles(given[:2])
        arrays = _arrays(to, I)
        return _written(to, arrays, _rust.st_bif_multistep(I, θ, given.tracer_min, given.tracer_max, v0, arrays))

    def _layer_forward(self, x: Array, operation: Linear, neuron: Neuron) -> Trace:
        _, arrays, _ = _plain(operation)
        trace = _rust.layer_forward(x, arrays["weight"], arrays.get("bias"), neuron)
        return _trace(trace, (*x.shape[:-1], operation.n_outputs))

    def _operation_currents(self, operation: Operation, signals: list[Array]) -> Array:
        given = [np.asarray(signal, order="C") for signal in signals]
        shape = operation.output_shape(*(signal.shape[2:] for signal in given))
        currents = _rust.operation_currents(*_plain(operation), given)
        return currents.reshape(*given[0].shape[:2], *shape)

    def _network(self, placed: PlacedNetwork) -> RustNetwork:
        return RustNetwork(placed)

    def _encode_poisson(self, p: Array, timesteps: int, seed: int, samples: Array | None) -> Array:
        return self._encode_poisson_to(p, timesteps, seed, samples, SpikesOut((timesteps, *p.shape)))

    def _encode_poisson_to(self, p: Array, timesteps: int, seed: int, samples: Array | None, to: SpikesOut) -> Array:
        spikes = cast(Array, to.array)
        _rust.encode_poisson(p, timesteps, seed, samples, spikes)
        return spikes

    def _qcfs(self, x: Array, timesteps: int, θ: Array) -> Array:
        return _rust.qcfs(x, timesteps, np.atleast_1d(θ).astype(np.float64)).reshape(x.shape)


class RustNetwork(Network):
    """A network whose weights the crate has laid out in tiles.

    The crate cuts a batch into blocks by itself and runs a few steps of them at a time. It joins their results at the
    end, so that it gets a batch in parts where these are large.
    """

    threads: int | None = None
    """On how many threads it runs; None for one per core."""

    def __init__(self, placed: PlacedNetwork) -> None:
        super().__init__(placed)
        at = {INPUT: -1} | {node.name: index for index, node in enumerate(placed.nodes)}
        nodes = [(*_plain(node.operation), [at[name] for name in node.inputs], node.neuron) for node in placed.nodes]
        self._network = _rust.Network(nodes, placed.input_shape)

    def _checked(self, inputs: npt.ArrayLike, timesteps: int, encoding: str, seed: int) -> Array:
        if self.placed.dtype == np.int32:
            return super()._checked(inputs, timesteps, encoding, seed)
        x = _as_floats("inputs", inputs)  # the crate rounds them to its type, and looks at every value itself
        check_shape(self.placed, x, timesteps, encoding)
        if encoding == "poisson":
            check_seed(seed)
        return x

    def _samples_at_once(self, timesteps: int, record: bool) -> int:
        return RESULTS_AT_ONCE // results_of(self.placed, timesteps, record)

    def _held(self, timesteps: int) -> int:
        return 0  # a few blocks, however many samples there are

    def _run(self, x: Array, timesteps: int, encoding: str, seed: int, record: bool, threads: int | None) -> RunResult:
        x = np.asarray(x, order="C")
        threads = self.threads if threads is None else threads
        traces, drive, settled = self._network.run(x, timesteps, encoding, seed, record, threads)
        counts, membrane, spikes = [], [], []
        batch = x.shape[1 if encoding == "spikes" else 0]
        for (count, end, signal), node in zip(traces, self.nodes, strict=True):
            counts.append(_wide(count).reshape(batch, *node.shape))
            membrane.append(end.reshape(batch, *node.shape))
            if signal is not None:
                spikes.append(signal.reshape(timesteps, batch, *node.shape))
        drive = drive.reshape(batch, *self.nodes[-1].shape)
        return RunResult(counts, membrane, drive, timesteps, spikes if record else None, settled)


def _arrays(to: SpikesOut, I: Array) -> tuple[Array | None, Array, Array] | None:
    """Return arrays for spikes, membrane and counts of currents or of a current ``I``, or None for the crate's own.

    Small ones the crate makes more quickly; large ones of NumPy lie in large pages of memory.
    """
    if math.prod(to.shape) <= SMALL and to.is_plain:
        return None
    return to.array, np.empty(to.shape[1:], I.dtype), np.empty(to.shape[1:], np.int64)


def _written(to: SpikesOut, arrays: tuple[Array | None, Array, Array] | None, fresh: Any) -> Trace:
    if arrays is None:
        return _trace(fresh, to.shape)
    spikes, membrane, counts = arrays
    return Trace(to.unrecorded if spikes is None else spikes, membrane, counts)


def _as_floats(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` in C order as float32 or float64, by the rule of `as_float`; Rust looks for NaN itself."""
    array = as_numbers(name, values)
    return np.asarray(array, np.float32 if array.dtype == np.float32 else np.float64, order="C")


def _doubles(parameters: tuple[Array | None, ...]) -> list[Any]:
    return [None if value is None else np.atleast_1d(value).astype(np.float64) for value in parameters]


def _plain(operation: Operation) -> tuple[str, dict[str, Array], dict[str, int | tuple[int, ...]]]:
    """Return an operation as plain data, its arrays in the type that it computes in."""
    arrays = {name: np.asarray(array, operation.element, order="C") for name, array in operation.arrays().items()}
    return operation.kind, arrays, dict(operation.attributes())


def _trace(trace: tuple[Array, Array, Array], shape: tuple[int, ...]) -> Trace:
    spikes, membrane, counts = trace
    return Trace(spikes.reshape(shape), membrane.reshape(shape[1:]), _wide(counts).reshape(shape[1:]))


def _wide(counts: Array) -> Array:
    """Return counts as they are, but sums of integers, which the crate has in 32 bits, as int64."""
    return counts.astype(np.int64) if counts.dtype == np.int32 else counts


def load() -> Rust:
    """Return the backend."""
    return Rust()
