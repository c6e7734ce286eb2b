"""The operations of the Mojo package, laid out once and called in parts; one class for each."""

from __future__ import annotations

import ctypes
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from spikeport.backends.mojo_calls import at, element
from spikeport.backends.parts import parts
from spikeport.errors import KernelError
from spikeport.kernels.network import Signal
from spikeport.operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, Operation, SumPool
from spikeport.operations.window import Window

Array = npt.NDArray[Any]


class LaidOut(ABC):
    """An operation that is ready to be called."""

    def __init__(self, library: ctypes.CDLL, operation: Any) -> None:
        self.library = library
        self.operation = operation

    def __call__(self, signals: list[Signal], timesteps: int, dtype: Any) -> Signal:
        """Return the currents, steady where all that it reads is and it does not remember."""
        shapes = [signal.values.shape[1 if signal.steady else 2 :] for signal in signals]
        steady = all(signal.steady for signal in signals) and not self.operation.remembers
        batch = len(signals[0].values) if signals[0].steady else signals[0].values.shape[1]
        steps = 1 if steady else timesteps
        currents = np.zeros((steps, batch, *self.operation.output_shape(*shapes)), dtype)
        given = [Signal(_taken(signal.values, dtype), signal.steady) for signal in signals]
        if currents.size:
            self._fill(currents, given)
        return Signal(currents[0], True) if steady else Signal(currents, False)

    @abstractmethod
    def _fill(self, currents: Array, signals: list[Signal]) -> None:
        """Write the currents (steps, batch, …), which are zeros, for signals in C order: int8, or of their type."""


class LaidOutLinear(LaidOut):
    """Sums of all inputs: see ``operations/linear.mojo``."""

    def __init__(self, library: ctypes.CDLL, operation: Linear) -> None:
        super().__init__(library, operation)
        W, self._bias = _arrays(operation)
        self.n_out, self.n_in = W.shape
        self._packed = np.empty(library.spikeport_packed_length(element(W), self.n_in, self.n_out), W.dtype)
        library.spikeport_pack(element(W), at(W), self.n_in, self.n_out, at(self._packed))

    def _fill(self, currents: Array, signals: list[Signal]) -> None:
        rows = math.prod(currents.shape[:2])
        self.sum(signals[0].values.reshape(rows, self.n_in), currents.reshape(rows, self.n_out))

    def sum(self, flat: Array, currents: Array) -> None:
        """Write currents (rows, out) for inputs (rows, in) in C order, int8 or of the type of the weights."""
        active = np.empty(self.library.spikeport_active_length(self.n_in), np.int32)
        bias, has_bias = (self._packed, 0) if self._bias is None else (self._bias, 1)
        weights_at = (at(self._packed), self.n_in, self.n_out, at(bias), has_bias)
        for part in parts(len(flat), self.n_in * self.n_out):
            inputs_at = (*_types(currents, flat), at(flat[part]), len(flat[part]))
            self.library.spikeport_weighted_sum(*inputs_at, *weights_at, at(active), at(currents[part]))


class LaidOutConv(LaidOut):
    """A convolution, events scattered: see ``operations/conv.mojo``."""

    def __init__(self, library: ctypes.CDLL, operation: Conv) -> None:
        super().__init__(library, operation)
        W, self._bias = _arrays(operation)
        self._sizes = operation.groups, W.shape[1], len(W) // operation.groups
        outs, terms = self._sizes[2], math.prod(W.shape[1:])
        self._width = library.spikeport_padded(element(W), outs)
        self._packed = np.empty(operation.groups * terms * self._width, W.dtype)
        library.spikeport_pack_taps(element(W), at(W), operation.groups, outs, terms, at(self._packed))

    def _fill(self, currents: Array, signals: list[Signal]) -> None:
        x, rows = _rows(signals[0].values, currents)
        out = currents.reshape(rows, -1)
        axes = _axes(self.operation.window, _sizes(signals[0]))
        positions = int(axes[1] * axes[7])
        taps = np.empty(3 * int(axes[0] + axes[6]), np.int32)
        sums = np.empty(positions * self._width, currents.dtype)
        bias, has_bias = (self._packed, 0) if self._bias is None else (self._bias, 1)
        weights_at = (*self._sizes, at(axes), at(self._packed), at(bias), has_bias, at(taps), at(sums))
        work = positions * self._width * max(1, self._packed.size // self._width)
        for part in parts(rows, work):
            inputs_at = (*_types(currents, x), at(x[part]), len(x[part]))
            self.library.spikeport_scatter(*inputs_at, *weights_at, at(out[part]))


class LaidOutSum(LaidOut):
    """The sum or average of a window: see ``operations/pool.mojo``."""

    average: ClassVar[int] = 0

    def _fill(self, currents: Array, signals: list[Signal]) -> None:
        x, rows = _rows(signals[0].values, currents)
        out, channels = currents.reshape(rows, -1), currents.shape[2]
        axes = _axes(self.operation.window, _sizes(signals[0]))
        for part in parts(rows, out.shape[1] * math.prod(self.operation.window.kernel)):
            inputs_at = (*_types(currents, x), self.average, at(x[part]), channels * len(x[part]))
            self.library.spikeport_pool(*inputs_at, at(axes), at(out[part]))


class LaidOutAverage(LaidOutSum):
    """The sum, divided."""

    average = 1


class LaidOutMax(LaidOut):
    """The difference of running maxima: see ``operations/max_pool.mojo``."""

    def _fill(self, currents: Array, signals: list[Signal]) -> None:
        x, steady = signals[0]
        axes = _axes(self.operation.window, _sizes(signals[0]))
        planes = math.prod(currents.shape[1:3])
        running = np.zeros(planes * int(axes[0] * axes[6]), currents.dtype)
        largest = np.zeros(currents[0].size, currents.dtype)
        stride = 0 if steady else running.size
        state = planes, at(axes), at(running), at(largest)
        for part in parts(len(currents), running.size + largest.size * math.prod(self.operation.window.kernel)):
            step = x if steady else x[part]
            inputs_at = (*_types(currents, x), at(step), len(currents[part]), stride)
            self.library.spikeport_max_pool(*inputs_at, *state, at(currents[part]))


class LaidOutAdd(LaidOut):
    """Signals, added in order: see ``operations/join.mojo``."""

    def _fill(self, currents: Array, signals: list[Signal]) -> None:
        for x, steady in signals:
            for part in _steps(steady, len(currents), currents[0].size):
                total = currents[part]
                self.library.spikeport_add(*_types(currents, x), at(x if steady else x[part]), total.size, at(total))


class LaidOutConcat(LaidOut):
    """Signals, one behind the other: see ``operations/join.mojo``."""

    def _fill(self, currents: Array, signals: list[Signal]) -> None:
        batch, width, first = currents.shape[1], currents[0, 0].size, 0
        for x, steady in signals:
            own = math.prod(x.shape[1 if steady else 2 :])
            for part in _steps(steady, len(currents), batch * own):
                whole = currents[part]
                rows = (at(x if steady else x[part]), len(whole) * batch, own, width)
                self.library.spikeport_put_rows(*_types(currents, x), *rows, at(whole) + first * currents.itemsize)
            first += own


LAID_OUT: Final[Mapping[type[Operation], type[LaidOut]]] = MappingProxyType(
    {
        Linear: LaidOutLinear,
        Conv: LaidOutConv,
        SumPool: LaidOutSum,
        AvgPool: LaidOutAverage,
        MaxPool: LaidOutMax,
        Add: LaidOutAdd,
        Concat: LaidOutConcat,
    }
)


def lay_out(library: ctypes.CDLL, operation: Operation) -> LaidOut:
    """Return an operation ready to be called, or raise `KernelError` ``operation`` for one that Mojo does not have."""
    if type(operation) not in LAID_OUT:
        raise KernelError("operation", f"the Mojo backend has no operation {operation.kind!r}")
    return LAID_OUT[type(operation)](library, operation)


def _arrays(operation: Linear | Conv) -> tuple[Array, Array | None]:
    """Return weight and bias in C order, in the type that they are summed in."""
    W, bias = np.asarray(operation.weight, operation.element, order="C"), operation.bias
    return W, None if bias is None else np.array(bias, W.dtype, order="C")


def _taken(values: Array, dtype: Any) -> Array:
    """Return values as Mojo reads them: in C order, spikes as they are, all else of the network's type."""
    return np.asarray(values, None if values.dtype == np.int8 else dtype, order="C")


def _types(currents: Array, x: Array) -> tuple[int, int]:
    """Tell Mojo the types: that of the currents, and whether inputs are spikes."""
    return element(currents), int(x.dtype == np.int8)


def _rows(x: Array, currents: Array) -> tuple[Array, int]:
    """Return what is read as one row for each step and sample."""
    rows = math.prod(currents.shape[:2])
    return x.reshape(rows, -1), rows


def _steps(steady: bool, steps: int, operations: int) -> Iterator[slice]:
    """Yield the steps that one call takes: one where the signal is steady, since each reads the same values."""
    return (slice(t, t + 1) for t in range(steps)) if steady else parts(steps, operations)


def _sizes(signal: Signal) -> tuple[int, ...]:
    """Return the sizes behind the channels."""
    return signal.values.shape[2 if signal.steady else 3 :]


def _axes(window: Window, sizes: tuple[int, ...]) -> Array:
    """Return two axes for Mojo, one row for each: size, places, kernel, stride, padding, dilation."""
    own = zip(sizes, window.places(sizes), window.kernel, window.stride, window.padding, window.dilation, strict=True)
    axes = [(1, 1, 1, 1, 0, 1)] * (2 - len(sizes)) + list(own)
    return np.array(axes, np.intp).ravel()
