"""An integer network beside what its numbers stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import SNNGraph
from spikeport.integers.inputs import InputStep

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class IntegerNetwork:
    """What `quantize` returns.

    Attributes
    ----------
    graph : of whole numbers: weights int8 or int16, biases int32, whole thresholds; it takes whole inputs
    input : what a whole number at the input stands for: ``input.whole(x)`` is what the graph takes
    drive_step : what 1 of the output's drive stands for, the same for all outputs
    timesteps : the longest run that is sure not to overflow, for inputs up to ``input.largest``
    bits : of a weight, 8 or 16
    certificate : what whole numbers did to the answer
    """

    graph: SNNGraph
    input: InputStep
    drive_step: float
    timesteps: int
    bits: int
    certificate: Certificate

    def drive(self, x: npt.ArrayLike, *, T: int, **how: Any) -> Array:
        """Return what the output receives in all for real inputs ``x``, in the float network's units, float64.

        ``how`` is what `spikeport.graph.SNNGraph.run` takes. Raises what it raises, and `InputStep.whole`.
        """
        return np.asarray(self.graph.run(self.input.whole(x), T=T, **how).drive * self.drive_step)
