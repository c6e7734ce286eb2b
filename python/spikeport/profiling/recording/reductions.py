"""From arrays to the few numbers that the statistics keep: counts of spikes, moments, norms.

Design
------
- NumPy arrays and torch tensors take the same path. Values are widened to double precision block by block, so that no
  recording is ever held a second time, and sums do not depend on a library's order in single precision.
- Values that are not finite are counted, and left out of every other number. A first pass hopes that there are none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

VALUES_AT_ONCE = 1 << 16
"""Values of a block: in double precision half a megabyte, which stays in a core's cache."""

_AT_ONCE_ON_A_DEVICE = 1 << 22
"""The same on a device, where every block waits for the one before: 32 megabytes."""


class ValueSummary(NamedTuple):
    """Number of values, mean, sum of squared deviations, extremes and number of values that are not finite."""

    total: int
    mean: float
    squares: float
    low: float
    high: float
    non_finite: int


class SpikeCount(NamedTuple):
    """Summed over the samples, shape (T, N): the spikes, and where there are any; how many values are not finite."""

    spikes: Array
    events: Array
    non_finite: int


def count_spikes(steps: Any) -> SpikeCount:
    """Return the spikes of steps (T, samples, N).

    A spike is a value that is not zero. Where all values are whole numbers and some lie beyond ±1, they are counts of
    spikes.
    """
    n_steps, n_samples, n_neurons = steps.shape
    together = max(1, _block_size(steps) // (n_samples * n_neurons))
    parts = [steps[start : start + together] for start in range(0, n_steps, together)]
    non_finite, highest = 0, _largest_magnitude(parts)
    if not math.isfinite(highest):
        non_finite = sum(_size(part) - int(_is_finite(part).sum()) for part in parts)
        parts = [_zero_where_not_finite(part) for part in parts]
        highest = _largest_magnitude(parts)
    are_counts = highest > 1 and (not _is_floating(steps) or all(_is_whole(part) for part in parts))
    events = np.empty((n_steps, n_neurons))
    spikes = np.empty_like(events) if are_counts else events
    for start, part in zip(range(0, n_steps, together), parts, strict=True):
        block = slice(start, start + together)
        events[block] = _sum_samples(part, False)
        if are_counts:
            spikes[block] = _sum_samples(part, True)
    return SpikeCount(spikes, events, non_finite)


def summarise(values: Any) -> ValueSummary:
    """Return the moments of all ``values``, by a shifted two-pass sum that is stable far from 0."""
    flat = values.reshape(-1)
    with np.errstate(all="ignore"):
        summary = _two_pass(lambda: _blocks(flat))
        if math.isfinite(summary.squares):
            return summary
        summary = _two_pass(lambda: _finite_blocks(flat))
    return summary._replace(non_finite=_size(flat) - summary.total)


def norm(values: Any) -> tuple[float, int]:
    """Return the Euclidean norm of the finite ``values``, and how many are not finite."""
    flat = values.reshape(-1)
    with np.errstate(all="ignore"):
        total = _sum_of_squares(_blocks(flat))
        if math.isfinite(total) and total > 1e-30:
            return math.sqrt(total), 0
        n_finite, scale = 0, 0.0  # the squares overflow or vanish, or a value is not finite
        for part in _finite_blocks(flat):
            n_finite += _size(part)
            scale = max(scale, float(abs(part).max()))
        if scale > 0:
            scale *= math.sqrt(_sum_of_squares(part / scale for part in _finite_blocks(flat)))
    return scale, _size(flat) - n_finite


def _two_pass(blocks: Callable[[], Iterable[Any]]) -> ValueSummary:
    total, size, low, high = 0.0, 0, math.inf, -math.inf
    for part in blocks():
        size += _size(part)
        total += float(part.sum())
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    if size == 0:
        return ValueSummary(0, math.nan, 0.0, math.nan, math.nan, 0)
    shift = total / size
    rest = squares = 0.0
    for part in blocks():
        deviation = part - shift
        rest += float(deviation.sum())
        squares += float((deviation * deviation).sum())
    squares -= rest * rest / size
    if squares < 0:  # rounding; NaN stays, and tells that a value is not finite
        squares = 0.0
    return ValueSummary(size, shift + rest / size, squares, low, high, 0)


def _sum_of_squares(blocks: Iterable[Any]) -> float:
    return sum(float((part * part).sum()) for part in blocks)


def _blocks(flat: Any) -> Iterator[Any]:
    """Yield the values in order, some at a time, in double precision."""
    together = _block_size(flat)
    for start in range(0, _size(flat), together):
        part = flat[start : start + together]
        yield part.astype(np.float64, copy=False) if isinstance(part, np.ndarray) else part.double()


def _finite_blocks(flat: Any) -> Iterator[Any]:
    """Yield the finite values in order, some at a time, in double precision."""
    for part in _blocks(flat):
        finite = part[_is_finite(part)]
        if _size(finite):
            yield finite


def _largest_magnitude(parts: list[Any]) -> float:
    """Return the largest absolute value; not finite where a value is not."""
    if str(parts[0].dtype).endswith("bool"):
        return 1.0
    highest = 0.0
    for part in parts:
        largest = max(float(part.max()), -float(part.min()))  # NaN where a value is NaN
        if not math.isfinite(largest):
            return largest
        highest = max(highest, largest)
    return highest


def _sum_samples(part: Any, are_counts: bool) -> Array:
    """Return one block of steps summed over its samples, shape (T, N), in double precision."""
    if not isinstance(part, np.ndarray):
        spikes = abs(part.double()) if are_counts else part != 0
        return np.asarray(spikes.sum(1).double().cpu().numpy())
    n_samples = part.shape[1]
    # A product with ones is exact while counts stay whole numbers that the type holds (below 2^24 for single spikes in
    # single precision, 2^53 in double), and several times faster than a sum along an axis.
    dtype = np.float64 if are_counts or n_samples >= 2**24 else np.float32
    spikes = np.abs(part.astype(dtype)) if are_counts else (part != 0).astype(dtype)
    if n_samples == 1:
        return spikes[:, 0].astype(np.float64)
    return np.asarray(np.matmul(np.ones((1, n_samples), dtype), spikes)[:, 0], np.float64)


def _zero_where_not_finite(part: Any) -> Any:
    return np.where(np.isfinite(part), part, 0) if isinstance(part, np.ndarray) else part.nan_to_num(0.0, 0.0, 0.0)


def _is_whole(part: Any) -> bool:
    return bool((part == (np.rint(part) if isinstance(part, np.ndarray) else part.round())).all())


def _is_finite(part: Any) -> Any:
    return np.isfinite(part) if isinstance(part, np.ndarray) else part.isfinite()


def _is_floating(values: Any) -> bool:
    return values.dtype.kind == "f" if isinstance(values, np.ndarray) else bool(values.is_floating_point())


def _size(values: Any) -> int:
    return math.prod(values.shape)


def _block_size(values: Any) -> int:
    return VALUES_AT_ONCE if isinstance(values, np.ndarray) else _AT_ONCE_ON_A_DEVICE
