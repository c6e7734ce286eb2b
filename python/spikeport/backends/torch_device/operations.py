"""The operations on tensors, all steps of all samples at once.

``linear`` and ``conv`` are the library's products; the rest adds in the order of the contract, so has its bits on
floats too. Integers are summed in a float type that holds every sum (`sums`), then are integers again. Convolutions of
integers are the library's on the CPU alone, where they are sums of products; elsewhere they may be Winograd's, and are
taken tap by tap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from spikeport.backends.torch_device.device import Device
from spikeport.backends.torch_device.neurons import Signal
from spikeport.errors import KernelError
from spikeport.operations import Operation
from spikeport.operations.window import Window

SINGLE: Final = 2**24
"""What float32 holds: every whole number up to it."""


def sums(bound: float) -> torch.dtype:
    """Return a float type in which sums of whole numbers are exact that stay within ``bound``, below 2^31."""
    return torch.float32 if bound < SINGLE else torch.float64


COLUMNS_AT_ONCE: Final = 1 << 23
"""Values that the library may copy to convolve on the CPU: there it may write down what every place reads."""


class LaidOut:
    """An operation whose arrays lie on a device.

    Raises `KernelError` ``operation`` for one that this backend does not have.
    """

    def __init__(self, device: Device, operation: Operation) -> None:
        if operation.kind not in CURRENTS:
            raise KernelError("operation", f"backend torch has no operation {operation.kind!r}")
        self.operation: Any = operation
        self._arrays = {name: device.tensor(array) for name, array in operation.arrays().items()}
        self._as: dict[torch.dtype, Tensor] = {}

    def __call__(
        self, signals: list[Signal], timesteps: int, dtype: torch.dtype, summed: torch.dtype, *, pulse: bool = False
    ) -> Signal:
        """Return the currents in ``dtype``, sums taken in ``summed``, steady where all is that it reads.

        Under a pulse the bias acts at the first step alone.
        """
        steady = all(signal.steady for signal in signals) and not self.operation.remembers
        given = [signal.values[None] if steady else signal.steps(timesteps) for signal in signals]
        shape = self.operation.output_shape(*(tuple(values.shape[2:]) for values in given))
        lead = given[0].shape[:2]
        if math.prod(lead):
            I = CURRENTS[self.operation.kind](self, given, dtype, summed).reshape(*lead, *shape)
        else:
            I = torch.zeros((*lead, *shape), dtype=dtype, device=given[0].device)
        bias = self._arrays.get("bias")
        if bias is not None:
            acts = I[:1] if pulse else I
            acts += bias.reshape(-1, *(1,) * (len(shape) - 1))
        return Signal(I[0], True) if steady else Signal(I, False)

    def weight(self, dtype: torch.dtype) -> Tensor:
        """Return the weight in a type; kept for the next run."""
        if dtype not in self._as:
            self._as[dtype] = self._arrays["weight"].to(dtype)
        return self._as[dtype]


def _linear(own: LaidOut, given: list[Tensor], dtype: torch.dtype, summed: torch.dtype) -> Tensor:
    rows = given[0].flatten(2).flatten(0, 1).to(summed)
    return _as(dtype, rows @ own.weight(summed).T)


def _conv(own: LaidOut, given: list[Tensor], dtype: torch.dtype, summed: torch.dtype) -> Tensor:
    x, W, operation = given[0].flatten(0, 1).to(summed), own.weight(summed), own.operation
    if x.device.type != "cpu" and not dtype.is_floating_point:
        return _as(dtype, _tap_by_tap(x, W, operation.window, operation.groups))
    convolve: Any = functional.conv1d if W.ndim == 3 else functional.conv2d
    how = {"stride": operation.stride, "padding": operation.padding, "dilation": operation.dilation}
    if x.device.type != "cpu":
        return _as(dtype, convolve(x, W, **how, groups=operation.groups))
    places = operation.window.places(tuple(x.shape[2:]))
    total = torch.empty((len(x), len(W), *places), dtype=summed)
    at_once = max(1, COLUMNS_AT_ONCE // (W[0].numel() * operation.groups * math.prod(places)))
    for start in range(0, len(x), at_once):
        part = slice(start, start + at_once)
        total[part] = convolve(x[part], W, **how, groups=operation.groups)
    return _as(dtype, total)


def _as(dtype: torch.dtype, sums: Tensor) -> Tensor:
    """Return sums in ``dtype``; a sum that starts at +0 is never -0, whatever the library began with."""
    return sums.add_(0.0).to(dtype)


def _tap_by_tap(x: Tensor, W: Tensor, window: Window, groups: int) -> Tensor:
    """Return the convolution of x (batch, C, n…) as one product of matrices for each tap of the window."""
    total: Tensor | None = None
    padded = pad(x, window, 0)
    for tap in window.taps():
        view = _read(window, padded, tap)
        columns = view.reshape(len(x), groups, W.shape[1], math.prod(view.shape[2:]))
        matrix = W[_at(tap)].reshape(groups, len(W) // groups, W.shape[1])
        part = torch.einsum("goc,bgcp->bgop", matrix, columns)
        total = part if total is None else total.add_(part)
    assert total is not None  # a window has a place
    return total


def _sum_pool(own: LaidOut, given: list[Tensor], dtype: torch.dtype, summed: torch.dtype) -> Tensor:
    read = views(own.operation.window, pad(given[0], own.operation.window, 0))
    total = torch.zeros_like(first := next(read), dtype=dtype)
    total += first
    for view in read:
        total += view
    return total


def _avg_pool(own: LaidOut, given: list[Tensor], dtype: torch.dtype, summed: torch.dtype) -> Tensor:
    places: int = math.prod(own.operation.window.kernel)
    return _sum_pool(own, given, dtype, summed) / places


def _max_pool(own: LaidOut, given: list[Tensor], dtype: torch.dtype, summed: torch.dtype) -> Tensor:
    """Return ``Y[t] - Y[t-1]``, Y the largest of the running sums X in each window."""
    X = torch.zeros_like(given[0], dtype=dtype)
    for t, x in enumerate(given[0]):
        X[t] = x if t == 0 else X[t - 1] + x
    least = -math.inf if dtype.is_floating_point else torch.iinfo(dtype).min
    read = views(own.operation.window, pad(X + 0, own.operation.window, least))
    Y = next(read).clone()
    for view in read:
        Y = torch.maximum(Y, view)
    Y[1:] -= Y[:-1].clone()
    return Y


def _add(own: LaidOut, given: list[Tensor], dtype: torch.dtype, summed: torch.dtype) -> Tensor:
    total = torch.zeros_like(given[0], dtype=dtype)
    for x in given:
        total += x
    return total


def _concat(own: LaidOut, given: list[Tensor], dtype: torch.dtype, summed: torch.dtype) -> Tensor:
    return torch.cat([x.to(dtype) for x in given], dim=2)


CURRENTS: Final[dict[str, Callable[[LaidOut, list[Tensor], torch.dtype, torch.dtype], Tensor]]] = {
    "linear": _linear,
    "conv": _conv,
    "sum_pool": _sum_pool,
    "avg_pool": _avg_pool,
    "max_pool": _max_pool,
    "add": _add,
    "concat": _concat,
}


def pad(x: Tensor, window: Window, outside: float) -> Tensor:
    """Return the signal with ``outside`` on all sides of it, as many as the window pads by."""
    if not any(window.padding):
        return x
    sides = [p for padding in reversed(window.padding) for p in (padding, padding)]
    return functional.pad(x, sides, value=outside)


def views(window: Window, padded: Tensor) -> Iterator[Tensor]:
    """Yield what each tap of the window reads of a padded signal."""
    return (_read(window, padded, tap) for tap in window.taps())


def _at(tap: tuple[int, ...]) -> Any:
    return (..., *tap)


def _read(window: Window, padded: Any, tap: tuple[int, ...]) -> Tensor:
    view: Tensor = window.read(padded, tap)  # type: ignore[assignment]  # slices are slices
    return view
