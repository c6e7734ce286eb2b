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
from spikeport.snn_optimizer.budget import Point
from spikeport.snn_optimizer.cost import Cost, cost_of
from spikeport.snn_optimizer.documented import dead_neuron_elimination, layer_fusion, redundancy_elimination
from spikeport.snn_optimizer.models import as_graph
from spikeport.snn_optimizer.optimizer import SNNOptimizer, optimize
from spikeport.snn_optimizer.outcome import PassResult
from spikeport.snn_optimizer.passes.quantization import packed, quantized_parts
from spikeport.snn_optimizer.passes.registry import DEFAULT_PASSES, EXACT_PASSES, PASSES, Pass
from spikeport.snn_optimizer.proofs.bounds import LayerBounds, propagate
from spikeport.snn_optimizer.replay.drives import adversarial_drives, random_drives
from spikeport.snn_optimizer.replay.verification import Difference, Verification, verify
from spikeport.snn_optimizer.report import OptimizationReport

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
    "quantized_parts",
    "random_drives",
    "redundancy_elimination",
    "verify",
]
