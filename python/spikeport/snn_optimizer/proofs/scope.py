"""What a pass may assume and measure on: the range of the inputs, the length of a run, and data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers, is_whole
from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.snn_optimizer.proofs.bounds import InputRange, input_bounds

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scope:
    """What the passes of one run share.

    Attributes
    ----------
    input_range : (low, high) of every value that is fed, for the proofs; None proves for any value whatever
    horizon : longest run the proofs must hold for; None proves for runs of any length
    data : (samples, …) of the graph's input shape, or flat, or None; what measured passes measure on
    timesteps, encoding, seed : how ``data`` is run
    """

    input_range: InputRange | None = None
    horizon: int | None = None
    data: Array | None = None
    timesteps: int = 16
    encoding: str = "current"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("horizon", "timesteps", "seed"):
            if is_whole(value := getattr(self, name)):
                object.__setattr__(self, name, int(value))

    def check(self, graph: SNNGraph) -> None:
        """Raise `GraphError` for a range that is none, for data of another shape, or for data outside the range."""
        low, high = input_bounds(graph.n_inputs, self.input_range)
        for name, value in (("horizon", self.horizon), ("timesteps", self.timesteps)):
            if value is not None and (not is_whole(value) or value < 1):
                raise GraphError("timesteps", f"{name} must be a whole number of at least 1, not {value!r}")
        if not is_whole(self.seed) or not 0 <= self.seed < 2**64:
            raise GraphError("seed", f"seed must be a whole number in [0, 2^64), not {self.seed!r}")
        if self.encoding not in ("current", "poisson"):
            raise GraphError(
                "encoding", f"encoding {self.encoding!r} is not 'current' or 'poisson': give one row per sample"
            )
        if self.encoding == "poisson" and self.input_range is not None and ((low < 0).any() or (high > 1).any()):
            raise GraphError("encoding", "input_range is not in [0, 1], which Poisson encoding wants")
        dtype = dtype_of(graph)
        if dtype == np.int32:
            raise GraphError(
                "dtype", "passes work on floats: optimise the float network, and quantise what comes of it"
            )
        limit = float(np.finfo(dtype).max)
        for name, values in (("input_range", (low, high)), ("data", () if self.data is None else (self.data,))):
            if any(float(np.abs(v[np.isfinite(v)]).max(initial=0)) > limit for v in values):
                raise GraphError("non_finite", f"{name} goes beyond {limit:.3g}, the largest {dtype}")
        if self.horizon is not None and self.timesteps > self.horizon:
            raise GraphError("timesteps", f"runs are {self.timesteps} steps long, proofs hold for {self.horizon}")
        if self.data is None:
            return
        samples = as_samples(graph, self.data).reshape(len(self.data), graph.n_inputs)
        if not np.isfinite(self.data).all():
            raise GraphError("non_finite", "data hold NaN or infinity")
        if self.encoding == "poisson" and (self.data.min() < 0 or self.data.max() > 1):
            raise GraphError("encoding", "data are not in [0, 1], which Poisson encoding wants")
        if (samples < low).any() or (samples > high).any():
            raise GraphError("input_range", "data lie outside input_range: widen the range, it must hold every input")

    @property
    def arriving(self) -> InputRange | None:
        """The range of what arrives at the first layer: the values themselves, or the spikes that Poisson makes."""
        if self.encoding != "poisson":
            return self.input_range
        low, high = (0.0, 1.0) if self.input_range is None else self.input_range
        return np.where(np.asarray(low) >= 1, 1.0, 0.0), np.where(np.asarray(high) > 0, 1.0, 0.0)

    @property
    def in_words(self) -> str:
        """The words of a proof for what was assumed."""
        poisson = self.encoding == "poisson"
        inputs = "any spikes" if poisson else "any input"
        if self.input_range is not None:
            low, high = self.input_range
            place = f"in [{float(low):g}, {float(high):g}]" if np.ndim(low) == np.ndim(high) == 0 else "in range"  # type: ignore[arg-type]
            inputs = f"the spikes of every rate {place}" if poisson else f"every input {place}"
        return inputs if self.horizon is None else f"{inputs} over at most {self.horizon} steps"


def as_data(data: npt.ArrayLike | None) -> Array | None:
    """Return ``data`` as a float array, or None."""
    if data is None:
        return None
    if hasattr(data, "detach"):  # a torch tensor
        data = data.detach().cpu()
    array = as_numbers("data", data, GraphError)
    return array if array.dtype == np.float32 else array.astype(np.float64)


def as_samples(graph: SNNGraph, data: Array, what: str = "data") -> Array:
    """Return data as (samples, *input_shape): flat samples, or of another shape with as many values, are reshaped.

    Raises `GraphError` ``shape`` for samples with another number of values, and where there are none.
    """
    if data.ndim < 2 or not len(data) or math.prod(data.shape[1:]) != graph.n_inputs:
        wanted = ", ".join(map(str, graph.input_shape))
        raise GraphError("shape", f"{what} have shape {data.shape}: give (samples, {wanted}), not empty")
    return data.reshape(len(data), *graph.input_shape)


def spread(rows: Array, count: int) -> Array:
    """Return at most ``count`` rows, evenly spread, in order: data are often sorted."""
    if len(rows) <= count:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, count).round().astype(int)])
