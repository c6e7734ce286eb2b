"""Pooling, as modules and functions have it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch.nn import functional

from spikeport.operations import AvgPool, MaxPool, Pool
from spikeport.reading.builder import Builder, Place
from spikeport.reading.calls.weights import each_axis
from spikeport.reading.signals import Signal


def max_pool(
    build: Builder,
    place: Place,
    x: Signal,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Signal:
    """Read ``F.max_pool1d`` and ``F.max_pool2d``."""
    axes = len(x.shape) - 1
    if return_indices or set(each_axis(dilation, axes)) != {1}:
        raise place.refuse("a max pool that gives its indices, or whose window has gaps, has no spiking form here")
    return _pooled(build, place, x, MaxPool, kernel_size, stride, padding, ceil_mode)


def avg_pool(
    build: Builder,
    place: Place,
    x: Signal,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Signal:
    """Read ``F.avg_pool1d`` and ``F.avg_pool2d``."""
    axes = len(x.shape) - 1
    if (any(each_axis(padding, axes)) and not count_include_pad) or divisor_override is not None:
        raise place.refuse(
            "an average that divides by another number at the border than inside is no pool here: count_include_pad="
            "True, which is the default, is"
        )
    return _pooled(build, place, x, AvgPool, kernel_size, stride, padding, ceil_mode)


def adaptive_avg_pool(build: Builder, place: Place, x: Signal, output_size: Any) -> Signal:
    """Read an average pool to a given size that divides that of its input, or that it divides."""
    return _adaptive(build, place, x, output_size, AvgPool)


def adaptive_max_pool(
    build: Builder, place: Place, x: Signal, output_size: Any, return_indices: bool = False
) -> Signal:
    """Read the same of a max pool."""
    if return_indices:
        raise place.refuse("a max pool that gives its indices has no spiking form")
    return _adaptive(build, place, x, output_size, MaxPool)


def _pooled(
    build: Builder, place: Place, x: Signal, kind: type[Pool], kernel: Any, stride: Any, padding: Any, ceil: bool
) -> Signal:
    x = build.plain(place, x)
    axes = len(x.shape) - 1
    pads, kernels = each_axis(padding, axes), each_axis(kernel, axes)
    strides = kernels if stride is None or stride == [] else each_axis(stride, axes)
    pool = kind(kernels, strides, pads)
    free = [n + 2 * p - k for n, p, k in zip(x.shape[1:], pads, kernels, strict=True)]
    if ceil and any(room % s for room, s in zip(free, strides, strict=True)):
        raise place.refuse(
            f"its last windows reach beyond an input of {x.shape[1:]} (ceil_mode=True): give a size that the windows "
            "fill, or pool with padding"
        )
    return build.add(place, pool, x, shape=pool.output_shape(x.shape))


def _adaptive(build: Builder, place: Place, x: Signal, output_size: Any, kind: type[Pool]) -> Signal:
    sizes = x.shape[1:]
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * len(sizes)
    wanted = tuple(n if size is None else int(size) for size, n in zip(given, sizes, strict=True))
    if wanted == sizes:
        return x
    if all(size % n == 0 for size, n in zip(wanted, sizes, strict=True)):
        pool: Any = {1: functional.adaptive_avg_pool1d, 2: functional.adaptive_avg_pool2d}[len(sizes)]
        repeated = x.rearranged(build.batch, lambda numbers: pool(numbers, wanted))  # each value stands many times
        assert isinstance(repeated, Signal)
        return repeated
    if any(n % size for size, n in zip(wanted, sizes, strict=True)):
        raise place.refuse(
            f"it pools {sizes} pixels to {wanted}, in windows that overlap unevenly: a size that divides the other is "
            "converted; give images of such a size"
        )
    kernel = tuple(n // size for size, n in zip(wanted, sizes, strict=True))
    return _pooled(build, place, x, kind, kernel, None, 0, False)


def maximum(build: Builder, place: Place, x: Signal, dim: Any = None, keepdim: bool = False) -> Signal:
    """Read the largest of all pixels."""
    return _over_pixels(build, place, x, dim, keepdim, MaxPool)


def mean(build: Builder, place: Place, x: Signal, dim: Any = None, keepdim: bool = False, **_: Any) -> Signal:
    """Read the mean of all pixels."""
    return _over_pixels(build, place, x, dim, keepdim, AvgPool)


def total(build: Builder, place: Place, x: Signal, dim: Any = None, keepdim: bool = False, **_: Any) -> Signal:
    """Read the sum of all pixels."""
    average = _over_pixels(build, place, x, dim, keepdim, AvgPool)
    return build.affine(place, average, np.float64(math.prod(x.shape[1:])), np.float64(0))


def _over_pixels(build: Builder, place: Place, x: Signal, dim: Any, keepdim: bool, kind: type[Pool]) -> Signal:
    axes = len(x.shape) + 1
    dims = {d % axes for d in (dim if isinstance(dim, tuple | list) else [dim] if dim is not None else range(axes))}
    ones = {d for d in range(2, axes) if x.shape[d - 1] == 1}
    if not dims or dims | ones != set(range(2, axes)) or axes == 2:
        raise place.refuse(
            f"it takes the {'largest' if kind is MaxPool else 'mean'} over the axes {sorted(dims)} of a batch of shape "
            f"(batch, {', '.join(map(str, x.shape))}): only that over all pixels, axes 2 and up, is a pool"
        )
    x = build.plain(place, x)
    pooled = build.add(place, kind(x.shape[1:]), x, shape=(x.shape[0], *(1 for _ in x.shape[1:])))
    flat = pooled.rearranged(build.batch, lambda t: t.amax(tuple(dims), keepdim=keepdim))
    assert isinstance(flat, Signal)
    return flat
