"""What is read of the output layer: over the whole run, or late, once the signal has come through all layers.

The first steps of a run do not depend on how many follow, so what arrived after them is what arrived in all, less what
a run of these steps alone receives: two runs, and memory that does not grow with their length.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.errors import ConversionError
from spikeport.graph import RunResult, SNNGraph
from spikeport.kernels.memory import check_bytes

Array = npt.NDArray[Any]

BYTES_AT_ONCE: Final = 1 << 29
"""What a run may take by default: enough samples for all threads, of a network of ordinary size."""


class Readout(NamedTuple):
    """What the output layer did in the steps that are read.

    Attributes
    ----------
    counts : (batch, n_outputs): its net spikes, flat; of an ``identity`` layer the sum of what it passed on
    drive : (batch, n_outputs): what it received, flat
    timesteps : number of steps that are read, 1 of a pulse: its values are sums, not means
    settled : (batch,): after how many steps nothing moved any more, -1 where that was not seen; None unless a pulse
    """

    counts: Array
    drive: Array
    timesteps: int
    settled: Array | None = None


def check_delay(delay: Any, T: int, own: int = 0) -> int:
    """Return ``delay`` as an int, or raise `ConversionError` ``readout`` unless it is a whole number in [0, ``T``).

    None stands for a network's ``own``.
    """
    if delay is None and own >= T:
        raise ConversionError(
            "readout",
            f"this network is read after step {own}, and a run of {T} has no step behind it: give a larger T, or "
            "readout_delay=0",
        )
    delay = own if delay is None else delay
    if not is_whole(delay) or not 0 <= delay < T:
        raise ConversionError(
            "readout", f"readout_delay must be a whole number from 0 to {T - 1}, T - 1 here, not {delay!r}"
        )
    return int(delay)


def read_in_parts(graph: SNNGraph, x: Array, T: int, delay: int, max_bytes: int | None = None, **how: Any) -> Readout:
    """Run ``graph`` on ``x``, (batch, *input_shape), and return what its output layer did after ``delay`` steps.

    What the layers before it did is not kept, so the batch runs in parts of about ``max_bytes``, with the same bits.
    Raises as `SNNGraph.run` does.
    """
    need = graph.network(how["backend"]).need(T)
    most = BYTES_AT_ONCE if max_bytes is None else check_bytes(max_bytes)
    size = max(1, most // sum(need))
    parts = []
    for start in range(0, max(1, len(x)), size):
        part = x[start : start + size]
        parts.append(read_out(graph.run(part, T=T, max_bytes=max_bytes, **how), graph, part, delay, **how))
    if len(parts) == 1:
        return parts[0]
    counts, drive = (np.concatenate(arrays) for arrays in zip(*(part[:2] for part in parts), strict=True))
    settled = None if parts[0].settled is None else np.concatenate([part.settled for part in parts])
    return Readout(counts, drive, parts[0].timesteps, settled)


def read_out(whole: RunResult, graph: SNNGraph, x: Array, delay: int, **how: Any) -> Readout:
    """Return what the output layer did after the first ``delay`` steps of the run of ``graph`` on ``x``.

    Parameters
    ----------
    whole : what ``graph.run(x, …)`` gave for the whole run
    x : (batch, *input_shape), as it was run
    delay : steps at the start that are not read, fewer than those of the run
    how : encoding, seed, backend and threads of the run
    """
    flat = (len(whole.drive), graph.n_outputs)
    counts, drive = whole.counts[-1].reshape(flat), whole.drive.reshape(flat)
    if whole.settled is not None:
        if delay:
            raise ConversionError("readout", f"a pulse comes once: leave readout_delay={delay} off")
        return Readout(counts, drive, 1, whole.settled)
    if not delay:
        return Readout(counts, drive, whole.timesteps)
    first = graph.run(x, T=delay, **how)
    late = np.subtract(drive, first.drive.reshape(flat), dtype=np.float64).astype(drive.dtype)
    return Readout(counts - first.counts[-1].reshape(flat), late, whole.timesteps - delay)
