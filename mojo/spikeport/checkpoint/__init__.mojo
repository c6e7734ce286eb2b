"""Checkpoints: a spiking network at rest in two files.

- `checkpoint`: a checkpoint in memory; `neurons`: its neuron parameters
- `store`: the two files, which change together
- `sidecar`: the `.json`; `strict_json`: its text
- `version_1`: which members the archive has
- `archive`: the `.npz`; `npy`: its members
- `crc32`, `sha256`, `hex`: what the standard library does not have
"""
from .checkpoint import Checkpoint, CheckpointBytes, checkpoint_bytes
from .neurons import neuron_rows
from .npy import StoredArray
from .sidecar import LayerSize
from .store import Loaded, load_checkpoint, save_checkpoint
from .version_1 import LayerArrays
