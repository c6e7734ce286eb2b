"""What a pass may assume and measure on: the range of the inputs, the length of a run, and data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.bounds import InputRange, input_bounds

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scope:
    """What the passes of one run share.

    Attributes
    ----------
    input_range : (low, high) of every input at every step, for the proofs; None proves for any input whatever
    horizon : longest run the proofs must hold for; None proves for runs of any length
    data : (samples, n_inputs), or None; what measured passes measure on
    timesteps, encoding, seed : how ``data`` is run
    """

    input_range: InputRange | None = None
    horizon: int | None = None
    data: Array | None = None
    timesteps: int = 16
    encoding: str = "current"
    seed: int = 0

    def check(self, graph: SNNGraph) -> None:
        """Raise `GraphError` for a range that is none, for data of another width, or for data outside the range."""
        low, high = input_bounds(graph.n_inputs, self.input_range)
        for name, value in (("horizon", self.horizon), ("timesteps", self.timesteps)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise GraphError("timesteps", f"{name} must be a whole number of at least 1, not {value!r}")
        if self.encoding not in ("current", "poisson"):
            raise GraphError(
                "encoding", f"encoding {self.encoding!r} is not 'current' or 'poisson': data are one row a sample"
            )
        if self.horizon is not None and self.data is not None and self.timesteps > self.horizon:
            raise GraphError("timesteps", f"data would run {self.timesteps} steps, proofs hold for {self.horizon}")
        if self.data is None:
            return
        if self.data.ndim != 2 or self.data.shape[1] != graph.n_inputs or not len(self.data):
            raise GraphError("shape", f"data have shape {self.data.shape}: give (samples, {graph.n_inputs}), not empty")
        if not np.isfinite(self.data).all():
            raise GraphError("non_finite", "data hold NaN or infinity")
        if (self.data < low).any() or (self.data > high).any():
            raise GraphError("input_range", "data lie outside input_range: widen the range, it must hold every input")

    @property
    def says(self) -> str:
        """The words of a proof for what was assumed."""
        inputs = "any input" if self.input_range is None else "every input in range"
        return inputs if self.horizon is None else f"{inputs} over at most {self.horizon} steps"


def as_data(data: npt.ArrayLike | None) -> Array | None:
    """Return ``data`` as a float array, or None."""
    if data is None:
        return None
    array = np.asarray(data)
    if array.dtype.kind not in "fiub":
        raise GraphError("dtype", f"data have dtype {array.dtype}: give real numbers")
    return array if array.dtype == np.float32 else array.astype(np.float64)


def spread(rows: Array, count: int) -> Array:
    """Return at most ``count`` rows, evenly spread, in order: data are often sorted."""
    if len(rows) <= count:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, count).round().astype(int)])
