"""How the answer comes about: the readout after each step of one run, and the work done by then.

The first steps of a run do not hang on how many follow: draws of Poisson spikes neither, nor what a neuron does. So one
run of the longest length holds the answers of all shorter ones, to the bit, for one network and one way of reading it.
What it does not hold is a network that was calibrated for another length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.certification.energy.work import work_at
from spikeport.certification.samples import drawn
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.running.samples import PULSE, classes_of
from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import dtype_of, fed
from spikeport.neuron import PASS_ON

Array = npt.NDArray[Any]

BYTES_AT_ONCE = 1 << 27


class Trajectory(NamedTuple):
    """Of each sample of a batch, for S lengths and T steps.

    Attributes
    ----------
    outputs : (batch, S, n_outputs): the answer after each length, in the units of the trained network
    classes : (batch, T): the class after each step
    margins : (batch, T): how far it leads, in units of the trained network's output; -∞ before anything is read
    work : (batch, T, len(FIELDS)): after each step, of all nodes
    layers : (batch, S, nodes, len(FIELDS)): after each length, node by node
    settled : (batch,): after how many steps a lossless network was seen settled, -1 where it was not; else -1
    """

    outputs: Array
    classes: Array
    margins: Array
    work: Array
    layers: Array
    settled: Array

    @classmethod
    def joined(cls, parts: list[Trajectory]) -> Trajectory:
        """Return the batches as one."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def read_at_each_step(graph: SNNGraph) -> SNNGraph:
    """Return the network with an output that passes on what it receives: its running sum is the drive."""
    last = graph[-1]
    output = LayerNode.of(last.name, last.operation, PASS_ON, last.inputs)
    return SNNGraph([*graph.layers[:-1], output], graph.input_shape)


def trajectories(
    snn: ConvertedSNN, x: Array, lengths: list[int], *, delay: int = 0, encoding: str, seed: int, backend: str
) -> Iterator[Trajectory]:
    """Yield the trajectories of samples ``x`` (n, *input_shape), batch by batch, to the longest of ``lengths``.

    ``delay`` steps at the start are not read, fewer than the shortest length has.
    """
    graph, T = read_at_each_step(snn.graph), max(lengths)
    item = dtype_of(graph).itemsize
    held = sum(layer.n_neurons * (1 if layer.neuron.is_spiking else item) for layer in graph)
    at_once = max(1, min(256, BYTES_AT_ONCE // (T * (held + item * graph.n_inputs))))
    for start in range(0, len(x), at_once):
        part = snn.fed(x[start : start + at_once])
        if encoding == "poisson":
            part = drawn(graph, part, T, seed, backend)
        yield _trajectory(snn, graph, part, lengths, delay, encoding, backend)


def _trajectory(
    snn: ConvertedSNN, graph: SNNGraph, given: Array, lengths: list[int], delay: int, encoding: str, backend: str
) -> Trajectory:
    T = max(lengths)
    fed_as = "spikes" if encoding == "poisson" else encoding
    run = graph.run(given, T=T, encoding=fed_as, record=True, backend=backend)
    assert run.spikes is not None
    if encoding == PULSE:
        given = fed(graph, given, T, PULSE).values
    currents = run.spikes[-1].reshape(T, run.spikes[-1].shape[1], -1)
    drive = np.add.accumulate(currents, axis=0, dtype=run.drive.dtype)
    if delay:
        drive[delay:] = np.subtract(drive[delay:], drive[delay - 1], dtype=np.float64)
    steps = [1 if snn.is_pulsed else t + 1 - delay if t >= delay else t + 1 for t in range(T)]
    answers = [snn.decoded(drive[t], steps[t]) for t in range(T)]
    margins = np.stack([_margins(answer) for answer in answers], axis=1)
    margins[:, :delay] = -np.inf  # nothing is read yet, so nothing stops
    work = work_at(graph, given, run, encoding, [*range(1, T + 1)])
    return Trajectory(
        np.stack([answers[t - 1] for t in lengths], axis=1),
        np.stack([classes_of(answer) for answer in answers], axis=1),
        margins,
        work.sum(axis=2),
        work[:, np.array(lengths) - 1],
        np.full(len(work), -1) if run.settled is None else run.settled,
    )


def _margins(values: Array) -> Array:
    if values.shape[1] == 1:
        return np.abs(values[:, 0])
    second, first = np.partition(values, -2, axis=1)[:, -2:].T
    margins: Array = first - second
    return margins
