"""The one noun: `SNNGraph`, an ordered list of `LayerNode`s.

A converted network, a checkpoint and an optimiser's input are all this; nothing here knows who made it.
"""

from spikeport.graph.layer_node import LayerNode
from spikeport.graph.outline import Outline
from spikeport.graph.per_layer import PerLayer
from spikeport.graph.snn_graph import SNNGraph
from spikeport.kernels import RunResult

__all__ = ["LayerNode", "Outline", "PerLayer", "RunResult", "SNNGraph"]
