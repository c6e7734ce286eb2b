"""Nodes that are put before a sum: they multiply what it reads by whole numbers, and bear names of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode
from spikeport.integers.budget import Budget
from spikeport.integers.joins import stages
from spikeport.neuron import PASS_ON
from spikeport.operations import Conv, Linear, Operation, Shape

Array = npt.NDArray[Any]


class Before:
    """Makes such nodes for a network whose nodes have ``names``; `steps` says what 1 of each stands for."""

    def __init__(self, budget: Budget, names: set[str]) -> None:
        self._budget, self._names = budget, names
        self.steps: dict[str, Array] = {}

    def named(self, wanted: str) -> str:
        """Return the name, or one like it where another node has it; nothing else gets it."""
        while wanted in self._names:
            wanted += "'"
        self._names.add(wanted)
        return wanted

    def multiplied(self, source: str, name: str, shape: Shape, factor: Array, step: Array) -> list[LayerNode]:
        """Return what multiplies the units of ``source``, in one node or two; the last one is called ``name``.

        ``step`` is what 1 stands for in ``source``.
        """
        made = list[LayerNode]()
        for stage in stages(factor, self._budget):
            operation = diagonal(shape, stage.astype(self._budget.weight_type))
            made.append(LayerNode.of(name, operation, PASS_ON, (made[-1].name if made else source,)))
            made[-1].name = self.named(f"{name}.{len(made)}")
            self.steps[made[-1].name] = step = step / stage
        self.steps[name] = self.steps.pop(made[-1].name)
        made[-1].name = name
        return made


def diagonal(shape: tuple[int, ...], factors: Array) -> Operation:
    """Return the operation that multiplies each channel, or each value of a vector, by a whole number."""
    if len(shape) == 1:
        return Linear(np.diag(factors))
    return Conv(factors.reshape(-1, 1, *(1,) * (len(shape) - 1)), groups=shape[0])
