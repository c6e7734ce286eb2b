"""From a network of real numbers and a θ for every activation to a spiking network."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikeport.conversion.normalise import Unit, in_units, ratio
from spikeport.conversion.parts import Scale
from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels import INPUT
from spikeport.neuron import PASS_ON, Neuron, PerNeuron
from spikeport.operations import Add, AvgPool, Concat, Operation, Shape, SumPool, Weighted

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork, ReadNode

Array = npt.NDArray[Any]


def balanced(network: ReadNetwork, thetas: Mapping[str, Array], max_spikes: int = 1) -> tuple[SNNGraph, list[Scale]]:
    """Return the spiking network, and for each of its layers what a rate of 1, or a current of 1, stands for.

    Parameters
    ----------
    network : what was read
    thetas : θ of every node with an activation, and of the output, shape (1,) or one for each channel: what the
        largest rate stands for
    max_spikes : that rate, spikes in a step; a rate of 1 stands for θ/max_spikes
    """
    return Balance(network, {name: theta / max_spikes for name, theta in thetas.items()}, max_spikes).graph()


_GIVEN = ""
"""The network's input, which no node is called."""


class Balance:
    """Gives every signal its unit, then makes the layers, as `balanced` says; ``thetas`` are what 1 stands for."""

    def __init__(self, network: ReadNetwork, thetas: Mapping[str, Array], max_spikes: int) -> None:
        self.network, self.thetas = network, thetas
        self.fires = Neuron("IF", v_init=0.5, max_spikes=max_spikes)
        self.reads: dict[str, tuple[str, ...]] = {}
        for node in network.nodes:  # a layer of a chain may be called "input" too
            own = INPUT in self.reads
            self.reads[node.name] = tuple(name if name != INPUT or own else _GIVEN for name in node.inputs)
        self.shapes = {_GIVEN: network.input_shape} | {node.name: node.shape for node in network.nodes}
        self.units: dict[str, Unit] = {_GIVEN: np.ones(1)}
        self.pooled = {node.name for node in network.nodes if self._sums(node)}
        for node in network.nodes:
            if not self._is_pending(node):
                self.units[node.name] = self._unit(node)
        self.layers: list[LayerNode] = []
        self.scales: list[Scale] = []

    def graph(self) -> tuple[SNNGraph, list[Scale]]:
        """Return the network, and the unit of each of its layers."""
        for node in self.network.nodes:
            self._convert(node)
        return SNNGraph(self.layers, self.network.input_shape), self.scales

    def _fires(self, node: ReadNode) -> bool:
        return node.activation is not None or (node is self.network.output and node.is_weighted)

    def _neuron(self, node: ReadNode, threshold: PerNeuron) -> Neuron:
        return replace(self.fires, threshold=threshold)

    def _sums(self, node: ReadNode) -> bool:
        """Whether an average can be a sum, as all that read it have weights which take the factor."""
        readers = self.network.readers(node.name)
        passes = node.activation is None and node is not self.network.output
        return isinstance(node.operation, AvgPool) and passes and all(reader.is_weighted for reader in readers)

    def _is_pending(self, node: ReadNode) -> bool:
        """Whether its unit is free: its weights give what the addition that alone reads it asks for."""
        readers = self.network.readers(node.name)
        alone = len(readers) == 1 and isinstance(readers[0].operation, Add)
        return node.is_weighted and not self._fires(node) and alone

    def _unit(self, node: ReadNode) -> Unit:
        if self._fires(node):
            self._read(node)
            return self.thetas[node.name]
        if node.is_weighted:
            return np.ones(1)
        unit = self._read(node)
        if isinstance(node.operation, AvgPool) and node.name in self.pooled:
            return unit / math.prod(node.operation.window.kernel)
        return unit

    def _read(self, node: ReadNode) -> Unit:
        """Return the unit of a node's currents where it has no weights, and settle that of what it reads."""
        if node.is_weighted:
            return self.units.get(node.name, np.ones(1))
        if isinstance(node.operation, Concat):
            units = [(self.units[name], self.shapes[name][0]) for name in self.reads[node.name]]
            if len({float(u) for unit, _ in units for u in unit}) == 1:
                return units[0][0][:1]
            return np.concatenate([np.broadcast_to(unit, (width,)) for unit, width in units])
        if isinstance(node.operation, Add):
            reads = self.reads[node.name]
            fixed = [self.units[name] for name in reads if name in self.units]
            unit = fixed[0] if fixed else self.thetas.get(node.name, np.ones(1))
            for name in reads:
                self.units.setdefault(name, unit)
            return unit
        return self.units[self.reads[node.name][0]]

    def _convert(self, node: ReadNode) -> None:
        unit, operation, inputs = self.units[node.name], node.operation, self.reads[node.name]
        threshold: Array = np.ones(1)
        if isinstance(operation, Weighted):
            operation = in_units(operation, self.units[inputs[0]], unit)
        elif isinstance(operation, Add):
            common = self._read(node)
            inputs = tuple(self._carried(name, common) for name in inputs)
            threshold = unit / common
        elif self._fires(node):
            threshold = unit / self._read(node)
        if isinstance(operation, AvgPool) and node.name in self.pooled:
            window = operation.window
            operation = SumPool(window.kernel, window.stride, window.padding)
        rounded = threshold.astype(self._dtype()).astype(np.float64)  # as it is computed with, and stored
        θ = float(rounded[0]) if (rounded == rounded[0]).all() else rounded
        neuron = self._neuron(node, θ) if self._fires(node) else PASS_ON
        self._add(node.name, operation, neuron, inputs, unit)
        if node is self.network.output and not node.is_weighted:
            self._read_out(node.name, node.shape, unit)

    def _add(self, name: str, operation: Operation, neuron: Neuron, inputs: tuple[str, ...], unit: Unit) -> None:
        before = self.layers[-1].name if self.layers else _GIVEN
        named = () if inputs == (before,) else tuple(source or INPUT for source in inputs)
        self.layers.append(LayerNode.of(name, operation, neuron, named))
        self.scales.append(float(unit[0]) if len(unit) == 1 else [float(value) for value in unit])

    def _carried(self, name: str, unit: Unit) -> str:
        """Return the name of the signal ``name`` in another unit."""
        own = self.units[name]
        if np.array_equal(np.broadcast_to(own, np.broadcast_shapes(own.shape, unit.shape)), unit):
            return name
        carried = self._free(f"{name or INPUT}.scaled")
        self._add(carried, ratio(self.shapes[name], own, unit, self._dtype()), PASS_ON, (name,), unit)
        return carried

    def _read_out(self, name: str, shape: Shape, unit: Unit) -> None:
        """Add a last layer, whose spikes are counted, behind an output without weights."""
        θ = self.thetas[name]
        self._add(self._free("output"), ratio(shape, unit, θ, self._dtype()), self.fires, (name,), θ)

    def _free(self, name: str) -> str:
        taken = {*self.shapes, *(layer.name for layer in self.layers)}
        return next(n for n in itertools.chain([name], (f"{name}_{k}" for k in itertools.count(1))) if n not in taken)

    def _dtype(self) -> Any:
        return next(n.operation.dtype for n in self.network.nodes if n.is_weighted)
