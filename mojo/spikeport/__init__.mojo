"""Spiking networks, bit for bit as `conformance/SPEC.md` has them.

Build with `--fp-mode contract=off`: a fused multiply-add changes bits. What is
listed here is for users, and documented in full.

- `integrate_fire`, `st_bif`, `qcfs`, `encode`, `finetune`: the kernels
- `operations`: what a node does with what it reads, before its neurons
- `currents`: one operation by itself
- `neuron`, `layer`, `network`: neurons, a layer of them, a network of nodes
- `running`: how a network runs; `bounds`: what integers could reach
- `checkpoint`: the files
"""

comptime VERSION = "0.1.0"
"""The version of this package."""

from .checkpoint import (
    Checkpoint,
    CheckpointBytes,
    LayerArrays,
    LayerSize,
    Loaded,
    StoredArray,
    StoredNode,
    checkpoint_bytes,
    load_checkpoint,
    neuron_rows,
    save_checkpoint,
)
from .currents import Currents, operation_currents
from .encode import encode_poisson, sample_keys
from .finetune import Schedule, Step, schedule, step, unfreeze
from .integrate_fire import if_constant, if_multistep
from .layer import layer_forward
from .network import INPUT, Network, Node, RunResult
from .neuron import Neuron
from .operations import Add, AvgPool, Concat, Conv, Linear, MaxPool, SumPool
from .qcfs import qcfs
from .running import network_run
from .st_bif import st_bif_multistep
from .trace import Trace
