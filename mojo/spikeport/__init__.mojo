"""Spiking networks, bit for bit as `conformance/SPEC.md` has them.

Build with `--fp-mode contract=off`: a fused multiply-add changes bits.
"""

comptime VERSION = "0.1.0"
"""The version of this package."""

from .archive import LayerArrays
from .checkpoint import Checkpoint, checkpoint_bytes, neuron_rows
from .encode import encode_poisson, sample_keys
from .finetune import Schedule, Step, schedule, step, unfreeze
from .integrate_fire import Trace, if_constant, if_multistep
from .layer import WeightedSum, layer_forward
from .network import Layer, NetworkTrace, network_run
from .neuron import Neuron
from .npy import StoredArray
from .qcfs import qcfs
from .sidecar import LayerSize
from .st_bif import st_bif_multistep
from .store import Loaded, load_checkpoint, save_checkpoint
