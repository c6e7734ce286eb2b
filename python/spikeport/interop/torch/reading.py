"""A torch module that `to_torch` gave as a graph again."""

from __future__ import annotations

from typing import Any

from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.interop.torch.network import SpikingNetwork

WRAPPERS = ("_orig_mod", "module")
"""Under these names torch.compile and DataParallel keep what they were given."""


def from_torch(module: Any) -> SNNGraph:
    """Return the graph of a module that `spikeport.interop.torch.to_torch` gave, as it now is; arrays are copied.

    A module that torch.compile or DataParallel wrapped is opened. A neuron's numbers that were not trained are those
    of the graph that the module was made of, to the bit.

    Raises `GraphError`: ``module`` for any other module, and naming the layer what no node can have, such as
    ``threshold`` for a θ that was trained below 0, ``dtype`` for weights of 16 bits, ``non_finite``.
    """
    network = module
    while not isinstance(network, SpikingNetwork):
        inner = [getattr(network, name, None) for name in WRAPPERS]
        network = next((found for found in inner if found is not None), None)
        if network is None:
            raise GraphError(
                "module",
                f"from_torch takes back what to_torch gave, and {type(module).__name__} is another module: a trained "
                "network of its own goes through spikeport.conversion.convert",
            )
    nodes = [network.node(name).node() for name in network.layer_names]
    return SNNGraph(nodes, None if nodes[0].is_linear and len(network.input_shape) == 1 else network.input_shape)
