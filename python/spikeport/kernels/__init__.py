"""The reference: pure NumPy functions on arrays, the numerical contract in code.

`conformance/SPEC.md` says the same in prose. These functions are written to be read; what users run is a backend
(`spikeport.backends`) that is held to them bit for bit.
"""

from spikeport.kernels.encode import encode_poisson, sample_keys
from spikeport.kernels.integrate_fire import Trace, if_constant, if_multistep
from spikeport.kernels.layer import layer_forward, weighted_sum
from spikeport.kernels.network import ENCODINGS, RunResult, network_run
from spikeport.kernels.nodes import INPUT, Node, PlacedNetwork, PlacedNode, place
from spikeport.kernels.packed import pack_spikes, unpack_spikes
from spikeport.kernels.qcfs import qcfs
from spikeport.kernels.st_bif import st_bif_multistep

__all__ = [
    "ENCODINGS",
    "INPUT",
    "Node",
    "PlacedNetwork",
    "PlacedNode",
    "RunResult",
    "Trace",
    "encode_poisson",
    "if_constant",
    "if_multistep",
    "layer_forward",
    "network_run",
    "pack_spikes",
    "place",
    "qcfs",
    "sample_keys",
    "st_bif_multistep",
    "unpack_spikes",
    "weighted_sum",
]
