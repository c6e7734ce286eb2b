"""Pools, and what is taken over all pixels."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn import functional

from spikeport.reading.brought.onnx.call import Call, Operator
from spikeport.reading.brought.onnx.operators.windows import Window, window_of


def max_pool(call: Call) -> nn.Module:
    """Read a max pool; one with uneven padding where nothing is below 0, so that zeros around it change nothing."""
    window = _window(call)
    kind: Any = nn.MaxPool1d if len(window.kernel) == 1 else nn.MaxPool2d
    if window.is_even:
        return kind(window.kernel, window.stride, window.before, window.dilation, ceil_mode=_ceils(call))  # type: ignore[no-any-return]
    if not call.x.is_positive:
        raise call.refuse(
            f"it pads {window.before} before and {window.after} after what may be negative: put it behind a ReLU"
        )
    pool = kind(window.kernel, window.stride, 0, window.dilation, ceil_mode=_ceils(call))
    return Operator(lambda x: pool.forward(functional.pad(x, window.pads)))


def average_pool(call: Call) -> nn.Module:
    """Read an average pool; one with padding where zeros count."""
    window, counts = _window(call), bool(call.attributes.get("count_include_pad", 0))
    kind: Any = nn.AvgPool1d if len(window.kernel) == 1 else nn.AvgPool2d
    if set(window.dilation) != {1}:
        raise call.refuse("its window has gaps, and only one without has a form here")
    if window.is_even:
        return kind(window.kernel, window.stride, window.before, _ceils(call), counts)  # type: ignore[no-any-return]
    if not counts:
        raise call.refuse("it divides by another number at the border than inside: pool with padding on both sides")
    pool = kind(window.kernel, window.stride, 0, _ceils(call))
    return Operator(lambda x: pool.forward(functional.pad(x, window.pads)))


def global_average_pool(call: Call) -> nn.Module:
    """Read the mean of all pixels."""
    axes = _pixels(call)
    return Operator(lambda x: x.mean(axes, keepdim=True))


def global_max_pool(call: Call) -> nn.Module:
    """Read the largest of all pixels."""
    axes = _pixels(call)
    return Operator(lambda x: x.amax(axes, keepdim=True))


def reduce_mean(call: Call) -> nn.Module:
    """Read a mean over pixels."""
    axes, keeps = _reduced(call)
    return Operator(lambda x: x.mean(axes, keepdim=keeps))


def reduce_sum(call: Call) -> nn.Module:
    """Read a sum over pixels."""
    axes, keeps = _reduced(call)
    return Operator(lambda x: x.sum(axes, keepdim=keeps))


def reduce_max(call: Call) -> nn.Module:
    """Read the largest over pixels."""
    axes, keeps = _reduced(call)
    return Operator(lambda x: x.amax(axes, keepdim=keeps))


def _window(call: Call) -> Window:
    return window_of(call, tuple(call.attributes.get("kernel_shape", ())))


def _ceils(call: Call) -> bool:
    return bool(call.attributes.get("ceil_mode", 0))


def _pixels(call: Call) -> list[int]:
    axes = list(range(2, call.x.value.dim()))
    if not axes:
        raise call.refuse("it pools over pixels, and its input has none")
    return axes


def _reduced(call: Call) -> tuple[list[int], bool]:
    axes = call.axes(1, default=None)
    if not axes:
        raise call.refuse("it is taken over all axes, and the batch is one: samples would mix")
    return axes, bool(call.attributes.get("keepdims", 1))
