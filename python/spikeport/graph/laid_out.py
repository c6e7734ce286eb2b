"""What a run keeps for the next one: the network as a backend laid it out, and what it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.backends import Backend, Network, fingerprint
from spikeport.graph.layer_node import LayerNode
from spikeport.operations import Shape

Array = npt.NDArray[Any]


class LaidOut(NamedTuple):
    """A laid-out network, and how to tell whether it is still that of the layers.

    Attributes
    ----------
    network, backend : what runs, and who laid it out
    parts : operation, neuron and inputs of every layer: to replace one is to change the network
    arrays : all their arrays
    fingerprint : of the arrays, at the time: another one says that a value was written into them
    """

    network: Network
    backend: Backend
    parts: list[tuple[Any, Any, Any, Any]]
    arrays: list[Array]
    fingerprint: int

    @classmethod
    def by(cls, backend: Backend, layers: Sequence[LayerNode], input_shape: Shape) -> LaidOut:
        """Have ``backend`` lay out ``layers``."""
        arrays: list[Array] = []
        for layer in layers:
            neuron = layer.neuron
            values = (neuron.threshold, neuron.v_init, neuron.v_reset, neuron.beta)
            arrays += [*layer.operation.arrays().values(), *(v for v in values if isinstance(v, np.ndarray))]
        parts = [(layer.operation, layer.neuron, layer.inputs, layer.name) for layer in layers]
        return cls(backend.network(layers, input_shape), backend, parts, arrays, fingerprint(arrays))

    def is_still(self, backend: Backend, layers: Sequence[LayerNode]) -> bool:
        """Whether the network is what ``backend`` would lay out for ``layers`` now."""
        if self.backend is not backend or len(self.parts) != len(layers):
            return False
        for layer, (operation, neuron, inputs, name) in zip(layers, self.parts, strict=True):
            if layer.operation is not operation or layer.neuron is not neuron:
                return False
            if layer.inputs != inputs or layer.name != name:
                return False
        return fingerprint(self.arrays) == self.fingerprint
