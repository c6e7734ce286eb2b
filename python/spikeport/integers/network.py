"""An integer network beside what its numbers stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import SNNGraph
from spikeport.integers.inputs.step import InputStep

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Units:
    """What the numbers of an integer network stand for, and what it is made for.

    Attributes
    ----------
    input : what a whole number at the input stands for: ``input.whole(x)`` is what the graph takes
    drive_step : what 1 of the output's drive stands for, the same for all outputs
    bits : of a weight, 8 or 16
    timesteps : the longest run that is sure not to overflow, for inputs up to ``input.largest``
    """

    input: InputStep
    drive_step: float
    bits: int
    timesteps: int

    def to_dict(self) -> dict[str, Any]:
        """Return the units as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Units:
        """Return the units that `to_dict` made ``data`` of; `TypeError` where it is none."""
        return cls(**{**data, "input": InputStep(**data["input"])})


@dataclass(frozen=True)
class IntegerNetwork:
    """What `quantize` returns.

    Attributes
    ----------
    graph : of whole numbers: weights int8 or int16, biases int32, whole thresholds; it takes whole inputs
    units : what its numbers stand for
    certificate : what whole numbers did to the answer
    steps : what 1 of each node's signal stands for, in the float network's units, one number for each entry of its
        first axis: 1 for spikes
    """

    graph: SNNGraph
    units: Units
    certificate: Certificate
    steps: Mapping[str, Array]

    def whole(self, x: npt.ArrayLike) -> Array:
        """Return real inputs as the whole numbers that the graph takes; see `InputStep.whole`."""
        return self.units.input.whole(x)

    def drive(self, x: npt.ArrayLike, *, T: int, **how: Any) -> Array:
        """Return what the output receives in all for real inputs ``x``, in the float network's units, float64.

        ``how`` is what `spikeport.graph.SNNGraph.run` takes. Raises what it raises, and `InputStep.whole`.
        """
        return np.asarray(self.graph.run(self.whole(x), T=T, **how).drive * self.units.drive_step)
