"""Recordings as they come (NumPy, torch on any device, bit-packed, any layout), brought into one form.

Every recording of spikes becomes an array (T, B, N): steps, samples, neurons. A tensor on a GPU stays there: only what
`reductions` makes of it travels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.profiling.pathology import ProfilingError

Array = npt.NDArray[Any]
_DEFAULT_LAYOUTS = {1: "N", 2: "BN", 3: "BCH", 4: "BCHW", 5: "BCDHW"}


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

    ``layout`` has one letter per axis: ``T`` for steps, ``B`` for samples, any other for neurons. Without one, the
    axes are ``N``, ``BN``, ``BCH``, ``BCHW``. With ``bits``, the last axis holds that many neurons, packed into bytes
    of eight, the first in the lowest bit.

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
            f"{name}: layout {layout!r} does not name the {ndim} axes of the recording: give one letter per axis, "
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


def _columns(steps: Any, neurons: Array) -> Any:
    import torch

    return steps[..., torch.as_tensor(neurons, device=steps.device)]
