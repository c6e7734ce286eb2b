"""Where a network is read out, and what a fit of it can change: its last layer with weights.

Behind it nothing may stand but averages over windows. Weights that all places share may as well be applied behind an
average as before it, so the readout of an average is fitted to the average of what each place reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeport.conversion.calibrating.patches import is_regular, matrix_of, patches, rows, spread, with_matrix
from spikeport.conversion.calibrating.ridge import ridge_readout
from spikeport.conversion.parts import Scale
from spikeport.graph import LayerNode, SNNGraph
from spikeport.operations import AvgPool, Weighted
from spikeport.reading.compute import compute

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork, ReadNode

Array = npt.NDArray[Any]


def place_of(network: ReadNetwork) -> tuple[ReadNode, tuple[AvgPool, ...]] | None:
    """Return the node with the weights that the outputs are linear in, and the averages behind it, or None."""
    nodes = {node.name: node for node in network.nodes}
    pools: list[AvgPool] = []
    node = network.output
    while isinstance(node.operation, AvgPool):
        source = nodes.get(node.inputs[0])
        whole = not any(node.operation.window.padding)  # else a bias would count less at the border
        if not whole or node.activation is not None or source is None or len(network.readers(source.name)) > 1:
            return None
        pools.insert(0, node.operation)
        node = source
    if not is_regular(node.operation) or (pools and node.activation is not None):
        return None
    return node, tuple(pools)


@dataclass(frozen=True)
class Readout:
    """The layer with weights that a network is read out by.

    Attributes
    ----------
    layer, scale : of the spiking network, and what a current of 1 stands for in it
    pools : the averages behind it in the trained network, the first one first
    """

    layer: LayerNode
    scale: Scale
    pools: tuple[AvgPool, ...] = ()

    @classmethod
    def of(cls, network: ReadNetwork, graph: SNNGraph, scales: Sequence[Scale]) -> Readout | None:
        """Return the readout of ``network``, converted to ``graph``; None where no output is linear in any weights."""
        found = place_of(network)
        if found is None:
            return None
        node, pools = found
        scale = next(scale for layer, scale in zip(graph, scales, strict=True) if layer.name == node.name)
        return cls(graph[node.name], scale, pools)

    def fitted(self, rates: Tensor, outputs: Array, ridge: float) -> Array:
        """Return weights and bias, as `patches.matrix_of` has them, in units of the trained network.

        Parameters
        ----------
        rates : of what the layer reads, (batch, …)
        outputs : what the trained network says, (batch, outputs)
        ridge : λ
        """
        read = self._read(rates)
        places = spread(read[:, 0].numel(), read.shape[1])
        theta = matrix_of(self._operation) * np.asarray(self.scale, np.float64)
        wanted = outputs.reshape(len(outputs), len(theta), -1).transpose(0, 2, 1).reshape(-1, len(theta))
        return ridge_readout(theta, rows(read, places), wanted[places], ridge)

    def drive(self, theta: Array, rates: Tensor) -> Array:
        """Return what the outputs receive with weights and bias ``theta``, (batch, outputs)."""
        found: Array = rows(self._read(rates)) @ theta[:, :-1].T + theta[:, -1]
        together: Array = found.reshape(len(rates), -1, len(theta)).transpose(0, 2, 1).reshape(len(rates), -1)
        return together

    def applied(self, graph: SNNGraph, theta: Array) -> SNNGraph:
        """Return ``graph`` with weights and bias ``theta``; it shares all other layers."""
        operation = with_matrix(self._operation, theta / np.asarray(self.scale, np.float64))
        new = LayerNode.of(self.layer.name, operation, self.layer.neuron, self.layer.inputs)
        return SNNGraph([new if layer.name == new.name else layer for layer in graph], graph.input_shape)

    def _read(self, rates: Tensor) -> Tensor:
        """Return what each output reads, (batch, terms, *places)."""
        values = patches(self._operation, rates)
        for pool in self.pools:
            values = compute(pool, [values], values.dtype, values.device)
        return values

    @property
    def _operation(self) -> Weighted:
        assert isinstance(self.layer.operation, Weighted)
        return self.layer.operation
