"""Where a kernel's spikes go: an array of its own or the caller's, a byte or a bit for each, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.integrate_fire import Trace
from spikeport.kernels.packed import pack_spikes, packed_width

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SpikesOut:
    """What a caller asked for, checked against the ``shape`` (T, …, N) of the spikes.

    Attributes
    ----------
    shape : of the spikes
    out : the caller's array, or None for a new one
    packed : whether they are packed, as by `spikeport.kernels.pack_spikes`
    record : whether they are kept at all
    """

    shape: tuple[int, ...]
    out: Array | None = None
    packed: bool = False
    record: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether all spikes are wanted in a new array, a byte each."""
        return self.out is None and self.record and not self.packed

    @property
    def unrecorded(self) -> Array:
        """What stands for spikes that are not kept: those of no step."""
        return np.empty((0, *self.shape[1:]), np.int8)

    @property
    def array(self) -> Array | None:
        """The array to write into, made here where none was given; None where spikes are not kept."""
        if not self.record:
            return None
        return np.empty(*self._form) if self.out is None else self.out

    @property
    def _form(self) -> tuple[tuple[int, ...], Any]:
        shape = self.shape if not self.packed else (*self.shape[:-1], packed_width(self.shape[-1]))
        return shape, np.uint8 if self.packed else np.int8

    def check(self, read: Array, max_spikes: int = 1) -> SpikesOut:
        """Return this, or raise `KernelError` for an ``out`` that cannot hold the spikes or overlaps what is ``read``.

        The codes are ``shape``, ``dtype``, ``out`` (not in C order, not writeable, overlapping, or not asked for), and
        ``max_spikes`` for several spikes in one bit.
        """
        if self.packed and max_spikes > 1:
            raise KernelError("max_spikes", f"max_spikes is {max_spikes}: packed spikes are of one bit, give 1")
        out = self.out
        if out is None:
            return self
        if not self.record:
            raise KernelError("out", "with record=False there are no spikes to put into out: leave one of them away")
        shape, dtype = self._form
        if not isinstance(out, np.ndarray) or out.dtype != dtype:
            given = getattr(out, "dtype", type(out).__name__)
            raise KernelError("dtype", f"out is {given}: give a NumPy array of {np.dtype(dtype)}")
        if out.shape != shape:
            raise KernelError("shape", f"out has shape {out.shape}: give {shape}")
        if not (out.flags.c_contiguous and out.flags.writeable):
            raise KernelError("out", "out is not in C order, or cannot be written: give numpy.empty of its shape")
        if np.may_share_memory(out, read):
            raise KernelError("out", "out overlaps the currents: give memory of its own")
        return self

    def keep(self, trace: Trace) -> Trace:
        """Return a backend's own trace with its spikes where they are wanted."""
        if not self.record:
            return trace._replace(spikes=self.unrecorded)
        return trace._replace(spikes=self.keep_spikes(trace.spikes))

    def keep_spikes(self, spikes: Array) -> Array:
        """Return ``spikes`` where they are wanted."""
        spikes = pack_spikes(spikes) if self.packed else spikes
        if self.out is None:
            return spikes
        self.out[...] = spikes
        return self.out
