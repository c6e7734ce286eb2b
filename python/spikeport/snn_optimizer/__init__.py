"""The optimiser: a spiking graph goes in, a smaller one comes out, and every pass says what it did to the answer.

    graph, report = optimize(graph, passes=["eliminate_silent", "merge", "fuse"])
    print(report)

- `optimize` and `SNNOptimizer`: passes to a fixed point, then a replay of before and after
- `dead_neuron_elimination`, `layer_fusion`, `redundancy_elimination`: one pass each
- `PASSES`: every pass by name; `EXACT_PASSES` are those that change no spike
- `propagate`: what neurons can receive and send over a range of inputs
- `verify`: two graphs on the same drives, the first difference named
"""

from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.bounds import LayerBounds, propagate
from spikeport.snn_optimizer.budget import Point
from spikeport.snn_optimizer.cost import Cost, cost_of
from spikeport.snn_optimizer.documented import dead_neuron_elimination, layer_fusion, redundancy_elimination
from spikeport.snn_optimizer.models import as_graph
from spikeport.snn_optimizer.optimizer import SNNOptimizer, optimize
from spikeport.snn_optimizer.passes import DEFAULT_PASSES, EXACT_PASSES, PASSES, Pass
from spikeport.snn_optimizer.quantization import packed
from spikeport.snn_optimizer.report import OptimizationReport, PassResult
from spikeport.snn_optimizer.verification import (
    Difference,
    Verification,
    adversarial_drives,
    random_drives,
    verify,
)

__all__ = [
    "DEFAULT_PASSES",
    "EXACT_PASSES",
    "PASSES",
    "Cost",
    "Difference",
    "LayerBounds",
    "LayerNode",
    "OptimizationReport",
    "Pass",
    "PassResult",
    "Point",
    "SNNGraph",
    "SNNOptimizer",
    "Verification",
    "adversarial_drives",
    "as_graph",
    "cost_of",
    "dead_neuron_elimination",
    "layer_fusion",
    "optimize",
    "packed",
    "propagate",
    "random_drives",
    "redundancy_elimination",
    "verify",
]
