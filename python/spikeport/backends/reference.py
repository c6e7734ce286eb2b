"""The NumPy reference as a backend: the kernels as they are, a network in blocks of samples.

Samples are independent, so running a batch in blocks changes nothing and bounds memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport import kernels
from spikeport.kernels import Layer, NetworkTrace
from spikeport.kernels.checks import check_timesteps
from spikeport.kernels.network import as_inputs

VALUES_AT_ONCE = 1 << 22


class Reference:
    """Runs `spikeport.kernels` (see there for every method)."""

    name = "reference"

    if_multistep = staticmethod(kernels.if_multistep)
    if_constant = staticmethod(kernels.if_constant)
    st_bif_multistep = staticmethod(kernels.st_bif_multistep)
    layer_forward = staticmethod(kernels.layer_forward)
    encode_poisson = staticmethod(kernels.encode_poisson)
    qcfs = staticmethod(kernels.qcfs)

    @staticmethod
    def network_run(
        layers: Sequence[Layer],
        inputs: npt.ArrayLike,
        *,
        timesteps: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
    ) -> NetworkTrace:
        """Run the network over blocks of samples: see `spikeport.kernels.network_run`."""
        check_timesteps(timesteps)
        x = as_inputs(layers, inputs, timesteps, encoding)
        axis = 1 if encoding == "spikes" else 0
        widest = max(max(layer.weights.shape) for layer in layers)
        blocks = max(1, -(-x.shape[axis] * max(1, timesteps) * widest // VALUES_AT_ONCE))
        traces = [
            kernels.network_run(layers, part, timesteps=timesteps, encoding=encoding, seed=seed, record=record)
            for part in np.array_split(x, min(blocks, max(1, x.shape[axis])), axis=axis)
        ]
        return traces[0] if len(traces) == 1 else _joined(traces)


def _joined(traces: list[NetworkTrace]) -> NetworkTrace:
    def join(parts: list[list[Any]], axis: int) -> list[Any]:
        return [np.concatenate(layer, axis=axis) for layer in zip(*parts, strict=True)]

    spikes = None if traces[0].spikes is None else join([t.spikes or [] for t in traces], axis=1)
    return NetworkTrace(
        join([t.counts for t in traces], axis=0),
        join([t.membrane for t in traces], axis=0),
        np.concatenate([t.drive for t in traces]),
        spikes,
    )


def load() -> Reference:
    """Return the backend."""
    return Reference()
