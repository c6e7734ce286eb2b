"""Recordings as they come (NumPy, torch on any device, bit-packed, any layout) to the numbers the statistics need.

Design
------
- Every recording becomes an array (T, B, N): steps, samples, neurons. A tensor on a GPU stays there: only reductions
  travel.
- A spike is a value that is not zero. Where a recording holds whole numbers beyond ±1, they are counts of spikes.
- Values that are not finite are counted, and left out of every other number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.profiling.pathology import ProfilingError

Array = npt.NDArray[Any]
VALUES_AT_ONCE = 1 << 16  # in double precision half a megabyte, which stays in a core's cache
_DEFAULT_LAYOUTS = {1: "N", 2: "BN", 3: "BCH", 4: "BCHW", 5: "BCDHW"}


class ValueSummary(NamedTuple):
    """Number of values, mean, sum of squared deviations, extremes and number of values that are not finite."""

    total: int
    mean: float
    squares: float
    low: float
    high: float
    non_finite: int


def is_tensor(values: object) -> bool:
    """Whether ``values`` is a torch tensor; torch is not imported for the answer."""
    return type(values).__module__.partition(".")[0] == "torch" or hasattr(values, "detach")


def as_array(values: Any) -> Any:
    """Return a NumPy array, or a detached tensor where the values live on a GPU.

    A device without double precision (MPS) shares its memory with the CPU, which then counts.
    """
    if not is_tensor(values):
        try:
            array = np.asarray(values)
        except (ValueError, TypeError) as error:
            raise ProfilingError("dtype", f"a recording is no array: {error}") from None
        if array.dtype.kind not in "fiub":
            raise ProfilingError("dtype", f"a recording has dtype {array.dtype}: give real numbers")
        return array.astype(np.float32) if array.dtype == np.float16 else array
    tensor = values.detach()
    if tensor.is_complex() or tensor.is_quantized or tensor.device.type == "meta":
        raise ProfilingError(
            "dtype", f"a recording has dtype {tensor.dtype} on {tensor.device}: give real numbers on a device"
        )
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    if tensor.is_floating_point() and tensor.element_size() < 4:
        tensor = tensor.float()
    return tensor.cpu().numpy() if tensor.device.type in ("cpu", "mps") else tensor


def as_steps(name: str, values: Any, layout: str | None, bits: int | None = None) -> tuple[Any, tuple[int, ...]]:
    """Return ``values`` as (T, B, N), and the shape of the neurons before they were flattened.

    ``layout`` has a letter an axis: ``T`` for steps, ``B`` for samples, any other for neurons. Without one, the
    axes are ``N``, ``BN``, ``BCH``, ``BCHW``. With ``bits``, the last axis holds that many neurons, packed eight a
    byte, the first in the lowest bit.

    Raises ProfilingError (``layout``, ``shape``, ``dtype``) where that cannot be.
    """
    array = as_array(values)
    letters = _letters(name, array.ndim, layout)
    if bits is not None:
        array = _unpacked(name, array, letters, bits)
    order = [letters.index(axis) for axis in "TB" if axis in letters]
    neurons = [index for index, axis in enumerate(letters) if axis not in "TB"]
    array = array.transpose(order + neurons) if isinstance(array, np.ndarray) else array.permute(order + neurons)
    shape = tuple(int(size) for size in array.shape[len(order) :])
    n_steps = array.shape[0] if "T" in letters else 1
    n_samples = array.shape[len(order) - 1] if "B" in letters else 1
    n_neurons = math.prod(shape)
    if 0 in (n_steps, n_samples, n_neurons):
        raise ProfilingError("shape", f"{name}: a recording of shape {tuple(array.shape)} holds nothing")
    return array.reshape(n_steps, n_samples, n_neurons), shape


def count_spikes(steps: Any) -> tuple[Array, int]:
    """Return spikes summed over the samples, shape (T, N), and how many values are not finite."""
    if not isinstance(steps, np.ndarray):
        return _count_on_device(steps)
    if steps.dtype.kind == "b":
        return _sum_samples(steps), 0
    high, low = float(steps.max()), float(steps.min())
    non_finite = 0
    if not (math.isfinite(high) and math.isfinite(low)):
        finite = np.isfinite(steps)
        non_finite = int(finite.size - np.count_nonzero(finite))
        steps = np.where(finite, steps, 0)
        high, low = float(steps.max()), float(steps.min())
    if max(high, -low) > 1 and bool((steps == np.rint(steps)).all()):
        return _sum_samples(np.abs(steps.astype(np.float64))), non_finite
    return _sum_samples(steps != 0), non_finite


def summarise(values: Any) -> ValueSummary:
    """Return the moments of all ``values``, by a shifted two-pass sum that is stable far from 0."""
    if not isinstance(values, np.ndarray):
        return _summarise_on_device(values)
    flat = values.reshape(-1)
    if flat.dtype.kind != "f":
        flat = flat.astype(np.float64)
    with np.errstate(all="ignore"):
        summary = _two_pass(flat)
        if math.isfinite(summary.squares):
            return summary
        finite = flat[np.isfinite(flat)].astype(np.float64)
        return _two_pass(finite)._replace(non_finite=flat.size - finite.size)


def sum_of_squares(values: Any) -> float:
    """Return ``Σ v²`` in double precision: block by block, in the order of the values, whatever a library would do."""
    flat = values.reshape(-1)
    if not isinstance(flat, np.ndarray):
        return sum(float(part.double().square().sum()) for part in flat.split(VALUES_AT_ONCE))
    return sum(float(np.square(part).sum()) for part in _blocks(flat))


def norm(values: Any) -> tuple[float, int]:
    """Return the Euclidean norm of the finite ``values``, and how many are not finite."""
    if not isinstance(values, np.ndarray):
        return _norm_on_device(values)
    flat = values.reshape(-1)
    with np.errstate(all="ignore"):
        total = sum_of_squares(flat) if np.isfinite(flat).all() else math.inf
        if math.isfinite(total) and total > 1e-30:
            return math.sqrt(total), 0
        finite = flat[np.isfinite(flat)].astype(np.float64)
        scale = float(np.abs(finite).max(initial=0.0))
        if scale == 0:
            return 0.0, flat.size - finite.size
        return scale * math.sqrt(sum_of_squares(finite / scale)), flat.size - finite.size


def pick(steps: Any, n_samples: int, neurons: Array) -> Array:
    """Return the first ``n_samples`` samples of the ``neurons``, shape (T, samples, len(neurons)), as NumPy."""
    some = steps[:, :n_samples]
    if len(neurons) != some.shape[-1]:
        some = some[..., neurons] if isinstance(some, np.ndarray) else _columns(some, neurons)
    return np.asarray(some if isinstance(some, np.ndarray) else some.cpu().numpy())


def subsample(values: Any, limit: int) -> Array:
    """Return at most ``limit`` of the values, evenly spaced, as a flat NumPy array."""
    flat = values.reshape(-1)
    some = flat[:: max(1, -(-flat.shape[0] // limit))]
    return np.asarray(some if isinstance(some, np.ndarray) else some.float().cpu().numpy())


def _letters(name: str, ndim: int, layout: str | None) -> str:
    if layout is None:
        if ndim not in _DEFAULT_LAYOUTS:
            raise ProfilingError("layout", f"{name}: a recording of {ndim} axes needs a layout, such as 'TBCHW'")
        return _DEFAULT_LAYOUTS[ndim]
    letters = layout.upper()
    if len(letters) != ndim or len(set(letters)) != ndim or not letters.isalpha():
        raise ProfilingError(
            "layout",
            f"{name}: layout {layout!r} does not name the {ndim} axes of the recording: give a letter an axis, "
            "T for steps, B for samples, any other for neurons",
        )
    if not set(letters) - {"T", "B"}:
        raise ProfilingError("layout", f"{name}: layout {layout!r} has no axis of neurons")
    return letters


def _unpacked(name: str, array: Any, letters: str, bits: int) -> Array:
    packed = array if isinstance(array, np.ndarray) else np.asarray(array.cpu().numpy())
    if packed.dtype.kind != "u" or letters[-1] in "TB":
        raise ProfilingError(
            "layout", f"{name}: bit-packed spikes must be unsigned integers with the neurons on the last axis"
        )
    octets = np.ascontiguousarray(packed.astype(packed.dtype.newbyteorder("<"), copy=False)).view(np.uint8)
    if not 0 < bits <= octets.shape[-1] * 8:
        raise ProfilingError("shape", f"{name}: bits={bits} neurons do not fit {octets.shape[-1]} bytes")
    return np.unpackbits(octets, axis=-1, count=bits, bitorder="little")


def _sum_samples(spikes: Array) -> Array:
    n_samples = spikes.shape[1]
    if n_samples == 1:
        return spikes[:, 0].astype(np.float64)
    # A product with ones is exact while counts stay whole numbers that the type holds (below 2^24 for single spikes in
    # single precision, 2^53 in double), and several times faster than a sum along an axis.
    dtype = np.float32 if spikes.dtype.kind == "b" and n_samples < 2**24 else np.float64
    ones = np.ones((1, n_samples), dtype)
    return np.asarray(np.matmul(ones, spikes.astype(dtype, copy=False))[:, 0], np.float64)


def _two_pass(flat: Array) -> ValueSummary:
    if flat.size == 0:
        return ValueSummary(0, math.nan, 0.0, math.nan, math.nan, 0)
    shift = sum(float(part.sum()) for part in _blocks(flat)) / flat.size
    rest = squares = 0.0
    for part in _blocks(flat):
        deviation = part - shift
        rest += float(deviation.sum())
        squares += float(np.square(deviation).sum())
    squares -= rest * rest / flat.size
    if squares < 0:  # rounding; NaN stays, and tells that a value is not finite
        squares = 0.0
    return ValueSummary(flat.size, shift + rest / flat.size, squares, float(flat.min()), float(flat.max()), 0)


def _blocks(flat: Array) -> Iterator[Array]:
    """Yield the values in order, some at a time, in double precision."""
    for start in range(0, flat.size, VALUES_AT_ONCE):
        yield flat[start : start + VALUES_AT_ONCE].astype(np.float64, copy=False)


def _count_on_device(steps: Any) -> tuple[Array, int]:
    if steps.is_floating_point():
        finite = steps.isfinite()
        non_finite = int((~finite).sum())
        if non_finite:
            steps = steps.where(finite, steps.new_zeros(()))
        magnitude = steps.abs()
        if bool(((magnitude.max() > 1) & (steps == steps.round()).all()).item()):
            return np.asarray(magnitude.double().sum(1).cpu().numpy()), non_finite
        return np.asarray((steps != 0).sum(1).double().cpu().numpy()), non_finite
    return np.asarray(steps.long().abs().sum(1).double().cpu().numpy()), 0


def _norm_on_device(values: Any) -> tuple[float, int]:
    values = values if values.is_floating_point() else values.double()
    finite = values.isfinite()
    known = values.where(finite, values.new_zeros(()))
    total, scale = sum_of_squares(known), float(known.abs().max()) if known.numel() else 0.0
    if not (math.isfinite(total) and total > 1e-30) and scale:
        return scale * math.sqrt(sum_of_squares(known.double() / scale)), int((~finite).sum())
    return math.sqrt(total), int((~finite).sum())


def _summarise_on_device(values: Any) -> ValueSummary:
    flat = values.reshape(-1).double()
    finite = flat.isfinite()
    non_finite = int((~finite).sum())
    if non_finite:
        flat = flat[finite]
    if flat.numel() == 0:
        return ValueSummary(0, math.nan, 0.0, math.nan, math.nan, non_finite)
    mean = flat.mean()
    figures = [mean, (flat - mean).square().sum(), flat.min(), flat.max()]
    mean, squares, low, high = _together(figures)
    return ValueSummary(int(flat.numel()), mean, squares, low, high, non_finite)


def _columns(steps: Any, neurons: Array) -> Any:
    import torch

    return steps[..., torch.as_tensor(neurons, device=steps.device)]


def _together(figures: list[Any]) -> list[float]:
    """Bring scalars from a device in one transfer."""
    import torch

    return [float(figure) for figure in torch.stack(figures).tolist()]
