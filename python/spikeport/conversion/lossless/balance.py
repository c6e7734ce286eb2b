"""From a network of real numbers to one of ST-BIF neurons: a spike stands for θ/N, and every threshold is 1.

Weights take the units, as for rates. An addition reads signals in the unit of the neurons behind it, and neurons
behind anything else without weights read it through a layer that carries it into theirs: a division by a threshold
would round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.conversion.balance import Balance
from spikeport.conversion.normalise import Unit, ratio
from spikeport.conversion.parts import Scale
from spikeport.graph import SNNGraph
from spikeport.neuron import PASS_ON, Neuron, PerNeuron
from spikeport.operations import Add, AvgPool, Operation, Shape, SumPool

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork, ReadNode

Array = npt.NDArray[Any]

DIGITS: Final = 8
"""Of the factors that carry a signal into the unit of neurons without weights; θ gives way, by one part in 500."""


def levelled(network: ReadNetwork, thetas: Mapping[str, Array], levels: int) -> tuple[SNNGraph, list[Scale]]:
    """Return the network of ST-BIF neurons, in float64, and what a spike, or a current of 1, of each layer stands for.

    Parameters
    ----------
    network : what was read
    thetas : θ of every node with an activation, shape (1,) or one for each channel: its largest value
    levels : N, how many parts θ has; a QCFS activation keeps its own
    """
    nodes = [replace(node, operation=_in_double(node.operation)) for node in network.nodes]
    return _Levels(replace(network, nodes=nodes), thetas, levels).graph()


class _Levels(Balance):
    def __init__(self, network: ReadNetwork, thetas: Mapping[str, Array], levels: int) -> None:
        self.levels = {node.name: _levels_of(node, levels) for node in network.nodes}
        last = network.output
        # A value that is read out is what it is; one behind an activation with a θ is clipped in units of it.
        self.bounded = last.activation is not None and last.activation.kind in ("clamp", "qcfs")
        self.read = thetas[last.name] if self.bounded else np.ones(1)
        units = {name: theta / self.levels[name] for name, theta in thetas.items()}
        if last.is_weighted:
            units[last.name] = self.read
        super().__init__(network, units, 1)

    def _neuron(self, node: ReadNode, threshold: PerNeuron) -> Neuron:
        return Neuron("ST-BIF", threshold, 0.5, tracer_min=0, tracer_max=self.levels[node.name])

    def _fires(self, node: ReadNode) -> bool:
        return node.activation is not None and not (node is self.network.output and node.is_weighted)

    def _sums(self, node: ReadNode) -> bool:
        return isinstance(node.operation, AvgPool)

    def _unit(self, node: ReadNode) -> Unit:
        if node is self.network.output and node.is_weighted:
            return self.thetas[node.name]
        unit = super()._unit(node)
        return self._behind(node) / self._factor(node, unit) if self._is_carried(node) else unit

    def _factor(self, node: ReadNode, unit: Unit) -> Array:
        """Return what carries the signal behind a node's operation into ``unit``, in few digits unless θ was learnt."""
        factor = self._behind(node) / unit
        learnt = node.activation is not None and node.activation.kind == "qcfs"
        return factor if learnt else _in_few_digits(factor)

    def _is_carried(self, node: ReadNode) -> bool:
        return self._fires(node) and not node.is_weighted and not isinstance(node.operation, Add)

    def _behind(self, node: ReadNode) -> Unit:
        """Return the unit of what a node without weights makes of what it reads; averages are sums here."""
        operation = node.operation
        parts = math.prod(operation.window.kernel) if isinstance(operation, AvgPool) else 1
        return self._read(node) / parts

    def _read(self, node: ReadNode) -> Unit:
        if isinstance(node.operation, Add) and self._fires(node):
            for name in self.reads[node.name]:
                self.units.setdefault(name, self.thetas[node.name])
            return self.thetas[node.name]
        return super()._read(node)

    def _convert(self, node: ReadNode) -> None:
        if not self._is_carried(node):
            return super()._convert(node)
        unit, own, operation = self._behind(node), self.units[node.name], node.operation
        if isinstance(operation, AvgPool):
            window = operation.window
            operation = SumPool(window.kernel, window.stride, window.padding)
        before = self._free(f"{node.name}.{operation.kind}")
        self._add(before, operation, PASS_ON, self.reads[node.name], unit)
        carried = ratio(node.shape, self._factor(node, own), np.ones(1), np.float64)
        self._add(node.name, carried, self._neuron(node, 1.0), (before,), own)
        if node is self.network.output:
            self._read_out(node.name, node.shape, own)

    def _read_out(self, name: str, shape: Shape, unit: Unit) -> None:
        read = unit if not self.bounded and len(unit) == 1 else self.read
        self._add(self._free("output"), ratio(shape, unit, read, np.float64), PASS_ON, (name,), read)


def _in_few_digits(values: Array) -> Array:
    """Return the values rounded to `DIGITS` binary digits, so that weights behind them have room for theirs."""
    mantissas, exponents = np.frexp(values)
    rounded: Array = np.ldexp(np.rint(np.ldexp(mantissas, DIGITS)), exponents - DIGITS)
    return rounded


def _levels_of(node: ReadNode, levels: int) -> int:
    return (node.activation.levels if node.activation is not None else None) or levels


def _in_double(operation: Operation) -> Operation:
    arrays = {name: array.astype(np.float64) for name, array in operation.arrays().items()}
    return operation.with_arrays(arrays) if arrays else operation
