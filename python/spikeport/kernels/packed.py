"""Packed spikes: one bit for each neuron, eight to a byte.

Neuron j of a row is bit ``j mod 8`` of byte ``floor(j/8)``, the least significant bit first, so that a row of N neurons
has ``ceil(N/8)`` bytes; what is left of its last byte is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.errors import KernelError

Array = npt.NDArray[Any]


def pack_spikes(spikes: npt.ArrayLike) -> Array:
    """Return spikes of 0 and 1, shape (…, N), as uint8 of shape (…, ceil(N/8)).

    Raises `KernelError` ``shape``, ``dtype`` for what is not 0 or 1.
    """
    given = np.asarray(spikes)
    if given.ndim < 1:
        raise KernelError("shape", "spikes are a single number: give an array of shape (…, N)")
    if not ((given == 0) | (given == 1)).all():
        raise KernelError("dtype", "spikes are not all 0 or 1: one bit does not hold another number")
    return np.packbits(given.astype(bool), axis=-1, bitorder="little")


def unpack_spikes(packed: npt.ArrayLike, n: int) -> Array:
    """Return the spikes, int8 of shape (…, n), of uint8 ``packed`` of shape (…, ceil(n/8)): undoes `pack_spikes`.

    Raises `KernelError` ``dtype`` unless they are uint8, ``shape`` where a row has another number of bytes.
    """
    given = np.asarray(packed)
    if given.dtype != np.uint8:
        raise KernelError("dtype", f"packed spikes are {given.dtype}: give uint8")
    if not is_whole(n) or n < 0 or given.ndim < 1 or given.shape[-1] != packed_width(n):
        raise KernelError("shape", f"packed spikes have shape {given.shape}, which is not (…, ceil(n/8)) for n = {n!r}")
    return np.unpackbits(given, axis=-1, count=int(n), bitorder="little").astype(np.int8)


def packed_width(n: int) -> int:
    """Return how many bytes a row of ``n`` neurons has."""
    return -(-n // 8)
