"""What a backend is: the kernels, by the names and signatures of `spikeport.kernels`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spikeport.kernels import Layer, NetworkTrace, Trace
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]


class Backend(Protocol):
    """Runs kernels. Results are bit-equal to the reference; errors are `KernelError` with the same codes."""

    name: str

    def if_multistep(
        self,
        currents: npt.ArrayLike,
        *,
        threshold: npt.ArrayLike = 1.0,
        v_init: npt.ArrayLike = 0.5,
        v_reset: npt.ArrayLike | None = None,
        beta: npt.ArrayLike = 1.0,
    ) -> Trace:
        """See `spikeport.kernels.if_multistep`."""

    def if_constant(
        self,
        current: npt.ArrayLike,
        *,
        timesteps: int,
        threshold: npt.ArrayLike = 1.0,
        v_init: npt.ArrayLike = 0.5,
        v_reset: npt.ArrayLike | None = None,
        beta: npt.ArrayLike = 1.0,
    ) -> Trace:
        """See `spikeport.kernels.if_constant`."""

    def st_bif_multistep(
        self,
        currents: npt.ArrayLike,
        *,
        threshold: npt.ArrayLike = 1.0,
        tracer_min: int = 0,
        tracer_max: int = 31,
        v_init: npt.ArrayLike = 0.5,
    ) -> Trace:
        """See `spikeport.kernels.st_bif_multistep`."""

    def layer_forward(
        self, inputs: npt.ArrayLike, weights: npt.ArrayLike, bias: npt.ArrayLike | None, neuron: Neuron
    ) -> Trace:
        """See `spikeport.kernels.layer_forward`."""

    def network_run(
        self,
        layers: Sequence[Layer],
        inputs: npt.ArrayLike,
        *,
        timesteps: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
    ) -> NetworkTrace:
        """See `spikeport.kernels.network_run`."""

    def encode_poisson(
        self, rates: npt.ArrayLike, *, timesteps: int, seed: int = 0, samples: npt.ArrayLike | None = None
    ) -> Array:
        """See `spikeport.kernels.encode_poisson`."""

    def qcfs(
        self, x: npt.ArrayLike, *, timesteps: int, threshold: npt.ArrayLike = 1.0
    ) -> npt.NDArray[np.floating[Any]]:
        """See `spikeport.kernels.qcfs`."""
