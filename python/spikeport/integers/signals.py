"""What a node passes on, in whole numbers: what 1 stands for, and how large they become."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.neuron import Neuron
from spikeport.operations import AvgPool, Concat, Conv, MaxPool, Operation, Shape, SumPool, Weighted

Array = npt.NDArray[Any]


class Carried(NamedTuple):
    """A signal: ``real = step·integer``.

    Attributes
    ----------
    step : for each entry of the first axis: 1 for spikes
    most : the largest integer, without its sign
    shape : of one sample
    """

    step: Array
    most: int
    shape: Shape


def term_steps(operation: Weighted, source: Carried) -> Array:
    """Return the step of what each term of each row reads, (rows of all groups, terms)."""
    groups, rows, terms = operation.matrix.shape
    if not isinstance(operation, Conv):
        each = np.repeat(source.step, math.prod(source.shape[1:]))
        return np.broadcast_to(each, (rows, terms))
    taps = math.prod(operation.window.kernel)
    of_group = np.repeat(source.step.reshape(groups, -1), taps, axis=1)
    return np.repeat(of_group, rows, axis=0)


def unweighted(operation: Operation, sources: list[Carried], shape: Shape) -> tuple[Operation, Carried]:
    """Return a pool or a concatenation on whole numbers, and what it passes on."""
    if isinstance(operation, Concat):
        step = np.concatenate([source.step for source in sources])
        return operation, Carried(step, max(source.most for source in sources), shape)
    (source,) = sources
    assert isinstance(operation, SumPool | MaxPool)
    if isinstance(operation, MaxPool):
        return operation, Carried(source.step, source.most, shape)
    places = math.prod(operation.window.kernel)
    if isinstance(operation, AvgPool):
        summed = SumPool(operation.kernel, operation.stride, operation.padding)
        return summed, Carried(source.step / places, source.most * places, shape)
    return operation, Carried(source.step, source.most * places, shape)


def largest_sent(neuron: Neuron) -> int:
    """Return the most spikes of a neuron in one step, without their sign."""
    return max(map(abs, neuron.spike_range))
