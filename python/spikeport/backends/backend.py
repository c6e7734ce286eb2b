"""What a backend is: the kernels by the names and signatures of `spikeport.kernels`.

Checks and defaults stand here, once. A backend fills in the methods whose names begin with an underscore: they get
arrays that were checked, and parameters in the type of the arrays.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikeport.backends.network import Network
from spikeport.checks import as_numbers
from spikeport.errors import GraphError, KernelError
from spikeport.kernels import Node, PlacedNetwork, RunResult, Trace, place
from spikeport.kernels.bounds import check_currents
from spikeport.kernels.checks import as_currents, as_float, as_whole, check_timesteps
from spikeport.kernels.encode import as_rates, as_samples, check_seed
from spikeport.kernels.integrate_fire import IfParameters, if_parameters
from spikeport.kernels.layer import as_factors, as_weights, check_layer
from spikeport.kernels.nodes import check_values
from spikeport.kernels.qcfs import qcfs_threshold
from spikeport.kernels.spikes_out import SpikesOut
from spikeport.kernels.st_bif import StBifParameters, st_bif_parameters
from spikeport.neuron import Neuron
from spikeport.operations import Linear, Operation, Shape

Array = npt.NDArray[Any]


class Backend(ABC):
    """Runs kernels. Errors are `KernelError` with the reference's codes.

    ``name`` is the one by which `get_backend` gives it. ``is_exact_on_floats`` says that results are bit-equal to the
    reference's on any floats; on integers they are, whoever runs them.
    """

    name: str
    is_exact_on_floats: ClassVar[bool] = True

    def if_multistep(
        self,
        currents: npt.ArrayLike,
        *,
        threshold: npt.ArrayLike = 1.0,
        v_init: npt.ArrayLike = 0.5,
        v_reset: npt.ArrayLike | None = None,
        beta: npt.ArrayLike = 1.0,
        max_spikes: int = 1,
        out: Array | None = None,
        packed: bool = False,
        record: bool = True,
    ) -> Trace:
        """See `spikeport.kernels.if_multistep`, and besides, for the spikes of the trace:

        ``packed`` makes them one bit each, as `spikeport.kernels.pack_spikes`, for ``max_spikes`` 1. ``out`` is the
        array that they are written into: of their shape, int8 or, packed, uint8, in C order, apart from the currents;
        after an error its content is not said. ``record=False`` keeps none, shape (0, …, N). Raises ``out``, ``dtype``.
        """
        I = self._currents(currents)
        given = if_parameters(I, threshold, v_init, v_reset, beta, max_spikes)
        return self._if_multistep_to(I, given, SpikesOut(I.shape, out, packed, record).check(I, given.max_spikes))

    def if_constant(
        self,
        current: npt.ArrayLike,
        *,
        timesteps: int,
        threshold: npt.ArrayLike = 1.0,
        v_init: npt.ArrayLike = 0.5,
        v_reset: npt.ArrayLike | None = None,
        beta: npt.ArrayLike = 1.0,
        max_spikes: int = 1,
        out: Array | None = None,
        packed: bool = False,
        record: bool = True,
    ) -> Trace:
        """See `spikeport.kernels.if_constant`, and `if_multistep` for ``out``, ``packed`` and ``record``."""
        check_timesteps(timesteps)
        I = self._currents(as_numbers("current", current)[None])[0]
        given = if_parameters(I, threshold, v_init, v_reset, beta, max_spikes, timesteps)
        to = SpikesOut((timesteps, *I.shape), out, packed, record).check(I, given.max_spikes)
        return self._if_constant_to(I, timesteps, given, to)

    def st_bif_multistep(
        self,
        currents: npt.ArrayLike,
        *,
        threshold: npt.ArrayLike = 1.0,
        tracer_min: int = 0,
        tracer_max: int = 31,
        v_init: npt.ArrayLike = 0.5,
        out: Array | None = None,
        record: bool = True,
    ) -> Trace:
        """See `spikeport.kernels.st_bif_multistep`, and `if_multistep` for ``out`` and ``record``."""
        I = self._currents(currents)
        given = st_bif_parameters(I, threshold, v_init, tracer_min, tracer_max)
        return self._st_bif_multistep_to(I, given, SpikesOut(I.shape, out, False, record).check(I))

    def layer_forward(
        self, inputs: npt.ArrayLike, weights: npt.ArrayLike, bias: npt.ArrayLike | None, neuron: Neuron
    ) -> Trace:
        """See `spikeport.kernels.layer_forward`."""
        W = np.asarray(as_weights(weights), order="C")
        x, W, b = as_factors(self._values("inputs", inputs), W, bias)
        operation = Linear(W, b)
        check_layer(operation, neuron, x)
        return self._layer_forward(x, operation, neuron)

    def operation_currents(self, operation: Operation, *signals: npt.ArrayLike) -> Array:
        """Return the currents (T, batch, *out) of an operation for signals (T, batch, *in).

        They are of the operation's `element`, or, where it has no weights, of the first signal's type. Raises
        `KernelError`: ``shape``, ``dtype``, ``operation`` for one this backend does not have, and ``non_finite``,
        for a current that overflows too; of integers ``not_whole``, ``overflow``.
        """
        given = [self._values("inputs", signal) for signal in signals]
        if not given or min(signal.ndim for signal in given) < 3 or len({signal.shape[:2] for signal in given}) > 1:
            raise KernelError("shape", "give one signal or more, of shape (T, batch, …), all of the same T and batch")
        try:
            operation.check(operation.kind)
            operation.output_shape(*(signal.shape[2:] for signal in given))
        except GraphError as error:
            raise KernelError(error.code, str(error)) from None
        dtype = operation.element or given[0].dtype
        if dtype == np.int32:
            given = [np.asarray(as_whole("inputs", signal), order="C") for signal in given]
            check_currents(operation, given)
            return self._operation_currents(operation, given)
        for name, array in operation.arrays().items():
            self._floats(name, array)
        return self._operation_currents(operation, [signal.astype(dtype, copy=False) for signal in given])

    def network(self, nodes: Sequence[Node], input_shape: Shape | None = None) -> Network:
        """Return ``nodes``, in an order in which each reads the input or nodes before it, laid out for running.

        ``input_shape`` is that of one sample; by default what a first linear node takes. Raises `KernelError`:
        ``shape``, ``inputs``, ``dtype``, ``non_finite``, ``operation`` for one this backend does not have.
        """
        placed = place(nodes, input_shape)
        check_values(placed)
        return self._network(placed)

    def network_run(
        self,
        nodes: Sequence[Node],
        inputs: npt.ArrayLike,
        *,
        timesteps: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
        input_shape: Shape | None = None,
    ) -> RunResult:
        """See `spikeport.kernels.network_run`; whoever runs often keeps the `network`."""
        run = self.network(nodes, input_shape).run
        return run(inputs, timesteps=timesteps, encoding=encoding, seed=seed, record=record)

    def encode_poisson(
        self,
        rates: npt.ArrayLike,
        *,
        timesteps: int,
        seed: int = 0,
        samples: npt.ArrayLike | None = None,
        out: Array | None = None,
        packed: bool = False,
    ) -> Array:
        """See `spikeport.kernels.encode_poisson`, and `if_multistep` for ``out`` and ``packed``."""
        check_timesteps(timesteps)
        check_seed(seed)
        p = as_rates(self._floats("rates", rates))
        keys = None if samples is None else as_samples(samples, p.shape[:1])
        return self._encode_poisson_to(p, timesteps, seed, keys, SpikesOut((timesteps, *p.shape), out, packed).check(p))

    def qcfs(self, x: npt.ArrayLike, *, timesteps: int, threshold: npt.ArrayLike = 1.0) -> Array:
        """See `spikeport.kernels.qcfs`."""
        values = self._floats("x", x)
        return self._qcfs(values, timesteps, qcfs_threshold(values, timesteps, threshold))

    def _floats(self, name: str, values: npt.ArrayLike) -> Array:
        """Return finite floats in C order, by the rule of `as_float`; a backend may look for NaN in its own way."""
        return np.asarray(as_float(name, values), order="C")

    def _values(self, name: str, values: npt.ArrayLike) -> Array:
        """Return int32 as it is, in C order, and everything else by `_floats`."""
        whole = isinstance(values, np.ndarray) and values.dtype == np.int32
        return np.asarray(values, order="C") if whole else self._floats(name, values)

    def _currents(self, currents: npt.ArrayLike) -> Array:
        I = self._values("currents", currents)
        return I if I.ndim >= 2 else as_currents(I)

    # A backend that writes where it is told to overrides these; for any other they put what it made there.

    def _if_multistep_to(self, I: Array, given: IfParameters, to: SpikesOut) -> Trace:
        return to.keep(self._if_multistep(I, given))

    def _if_constant_to(self, I: Array, timesteps: int, given: IfParameters, to: SpikesOut) -> Trace:
        return to.keep(self._if_constant(I, timesteps, given))

    def _st_bif_multistep_to(self, I: Array, given: StBifParameters, to: SpikesOut) -> Trace:
        return to.keep(self._st_bif_multistep(I, given))

    def _encode_poisson_to(self, p: Array, timesteps: int, seed: int, samples: Array | None, to: SpikesOut) -> Array:
        return to.keep_spikes(self._encode_poisson(p, timesteps, seed, samples))

    @abstractmethod
    def _if_multistep(self, I: Array, given: IfParameters) -> Trace: ...

    @abstractmethod
    def _if_constant(self, I: Array, timesteps: int, given: IfParameters) -> Trace: ...

    @abstractmethod
    def _st_bif_multistep(self, I: Array, given: StBifParameters) -> Trace: ...

    @abstractmethod
    def _layer_forward(self, x: Array, operation: Linear, neuron: Neuron) -> Trace: ...

    @abstractmethod
    def _operation_currents(self, operation: Operation, signals: list[Array]) -> Array: ...

    @abstractmethod
    def _network(self, placed: PlacedNetwork) -> Network: ...

    @abstractmethod
    def _encode_poisson(self, p: Array, timesteps: int, seed: int, samples: Array | None) -> Array: ...

    @abstractmethod
    def _qcfs(self, x: Array, timesteps: int, θ: Array) -> Array: ...
