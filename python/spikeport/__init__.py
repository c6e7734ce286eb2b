"""spikeport: a trained network goes in, a spiking network comes out, and every step says what it did to the answer.

The rooms, each readable alone:

- `spikeport.graph`: `SNNGraph` and `LayerNode`, the one noun
- `spikeport.neuron`: `Neuron`, the equation of a layer's neurons
- `spikeport.certificate`: what a step did to the answer: exact, bounded, measured
- `spikeport.kernels`: the reference, pure NumPy
- `spikeport.backends`: who runs a kernel
- `spikeport.conversion`: trained network -> `SNNGraph`; `load` gives back what was saved
- `spikeport.integers`: float graph -> graph of whole numbers
- `spikeport.certification`: where a conversion loses, and what each length of its run gives and costs
- `spikeport.transfer`: checkpoints, freezing, learning rates, fine-tuning
- `spikeport.snn_optimizer`: `SNNGraph` -> smaller `SNNGraph`
- `spikeport.profiling`: spikes -> diagnosis
- `spikeport.roberta`: spiking RoBERTa (extra ``roberta``)
"""

from spikeport.backends import available_backends, get_backend
from spikeport.certificate import Certificate
from spikeport.certification import certify, sweep
from spikeport.conversion.saved import load
from spikeport.errors import (
    ConversionError,
    GraphError,
    KernelError,
    MissingExtra,
    SpikeportError,
)
from spikeport.graph import LayerNode, RunResult, SNNGraph
from spikeport.neuron import Neuron
from spikeport.release import __version__ as __version__

__all__ = [
    "Certificate",
    "ConversionError",
    "GraphError",
    "KernelError",
    "LayerNode",
    "MissingExtra",
    "Neuron",
    "RunResult",
    "SNNGraph",
    "SpikeportError",
    "available_backends",
    "certify",
    "get_backend",
    "load",
    "sweep",
]
