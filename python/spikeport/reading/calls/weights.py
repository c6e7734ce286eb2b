"""Calls with weights: linear layers, convolutions, batch normalisation, and arithmetic with constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeport.errors import ConversionError
from spikeport.operations import Conv, Linear
from spikeport.reading.builder import Builder, Place
from spikeport.reading.refusals import BATCH_STATISTICS, MORE_AXES
from spikeport.reading.signals import Signal, arrangement, spread

Array = npt.NDArray[Any]


def linear(build: Builder, place: Place, x: Signal, weight: Tensor, bias: Tensor | None = None) -> Signal:
    """Read ``F.linear``; a rearranged signal becomes rearranged columns."""
    if len(x.shape) != 1:
        raise place.refuse(MORE_AXES.format(shape=x.shape))
    W = spread(build.array(weight), x)
    b = None if bias is None else build.array(bias)
    _check_finite(place, weight=W, bias=b)
    return build.add(place, Linear(W, b), Signal(x.source, x.held), shape=(len(W),), own_name=True)


def matmul(build: Builder, place: Place, x: Signal, weight: Any) -> Signal:
    """Read ``x @ weight`` with a constant matrix."""
    if not isinstance(x, Signal) or not isinstance(weight, Tensor) or weight.dim() != 2:
        raise place.refuse("it multiplies two signals, as attention does; only a product with a constant matrix is one")
    return linear(build, place, x, weight.t())


def conv(
    build: Builder,
    place: Place,
    x: Signal,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Signal:
    """Read ``F.conv1d`` and ``F.conv2d``; zeros that were padded before it become its own padding."""
    W = build.array(weight)
    b = None if bias is None else build.array(bias)
    _check_finite(place, weight=W, bias=b)
    n = W.ndim - 2
    strides, dilations = each_axis(stride, n), each_axis(dilation, n)
    before = after = (0,) * n
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilations, W.shape[2:], strict=True)]
        before, after = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    elif padding != "valid":
        before = after = each_axis(padding, n)
    x, more = _unpadded(x)
    if more is not None:
        before = tuple(a + b for a, b in zip(before, more[0], strict=True))
        after = tuple(a + b for a, b in zip(after, more[1], strict=True))
    else:
        x = build.plain(place, x)
    W, dilations, padding = _symmetric(W, dilations, before, after)
    operation = Conv(W, b, strides, padding, dilations, groups)
    return build.add(place, operation, x, shape=operation.output_shape(x.shape), own_name=True)


def batch_norm(
    build: Builder,
    place: Place,
    x: Signal,
    mean: Tensor | None,
    var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Signal:
    """Read ``F.batch_norm`` with the statistics that it learnt: a factor and a shift for each channel."""
    if training or mean is None or var is None:
        raise place.refuse(BATCH_STATISTICS)
    μ, σ2 = (np.asarray(part.detach().cpu().double()) for part in (mean, var))
    γ = np.ones_like(μ) if weight is None else np.asarray(weight.detach().cpu().double())
    β = np.zeros_like(μ) if bias is None else np.asarray(bias.detach().cpu().double())
    scale = γ / np.sqrt(σ2 + eps)
    shift = β - μ * scale
    _check_finite(place, weight=scale, bias=shift)
    return build.affine(place, x, scale, shift)


def aten_batch_norm(
    build: Builder,
    place: Place,
    x: Signal,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    var: Tensor | None,
    *more: Any,
) -> Signal:
    """Read the same as ``torch.export`` writes it, with its arguments in another order."""
    return batch_norm(build, place, x, mean, var, weight, bias, *more[:3])


def per_channel(place: Place, x: Signal, constant: Any) -> Array:
    """Return a constant that is combined with a signal as one number for each entry of the first axis."""
    if not isinstance(constant, Tensor):
        return np.full(x.shape[0], float(constant))
    values = np.asarray(constant.detach().cpu().double())
    try:
        wide = np.broadcast_to(values, (1, *x.shape))[0]
    except ValueError:
        raise place.refuse(f"a constant of shape {values.shape} does not fit a signal of shape {x.shape}") from None
    first = wide.reshape(len(wide), -1)[:, :1]
    if not (wide.reshape(len(wide), -1) == first).all():
        raise place.refuse("a constant that differs from pixel to pixel is no bias: only one number a channel is")
    column: Array = first[:, 0].astype(np.float64)
    return column


def _unpadded(x: Signal) -> tuple[Signal, tuple[tuple[int, ...], tuple[int, ...]] | None]:
    """Return the signal that zeros were put around, and how many before and after, or None where it is none such."""
    how = None if x.index is None else arrangement(x)
    if how is None or any(s != 1 for s in how.stride) or any(o > 0 for o in how.offset):
        return x, None
    before = tuple(-o for o in how.offset)
    after = tuple(n - m - p for n, m, p in zip(x.shape[1:], x.held[1:], before, strict=True))
    if min(after) < 0 or not np.array_equal(how.channels, np.arange(x.held[0])):
        return x, None
    return Signal(x.source, x.held), (before, after)


def _symmetric(
    W: Array, dilation: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...]
) -> tuple[Array, tuple[int, ...], tuple[int, ...]]:
    """Return weights, dilation and padding of the same convolution with as much padding before as after.

    Where the two differ, zeros are put around the weights: the window grows, and reaches no further.
    """
    if before == after:
        return W, dilation, before
    padding = tuple(max(pair) for pair in zip(before, after, strict=True))
    for axis, (d, p, front, back) in enumerate(zip(dilation, padding, before, after, strict=True), start=2):
        shape = list(W.shape)
        shape[axis] = d * (shape[axis] - 1) + 1 + 2 * p - front - back
        wide = np.zeros(shape, W.dtype)
        place: list[Any] = [slice(None)] * W.ndim
        place[axis] = slice(p - front, shape[axis] - (p - back), d)
        wide[tuple(place)] = W
        W = wide
    return W, (1,) * len(dilation), padding


def each_axis(value: Any, axes: int) -> tuple[int, ...]:
    """Return one whole number for each axis."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    return tuple(int(v) for v in (values * axes if len(values) == 1 else values))


def _check_finite(place: Place, **arrays: Array | None) -> None:
    for name, values in arrays.items():
        if values is not None and not np.isfinite(values).all():
            module = place.text.partition(",")[0]
            raise ConversionError("non_finite", f"{module}: its {name} holds NaN or infinity; train it again")
