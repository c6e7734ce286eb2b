"""Checkpoints: a spiking network at rest in two files.

- `checkpoint`: a checkpoint in memory; `neurons`: its neuron parameters
- `bytes`: what its two files hold
- `store`: loading the two files; `saving`: which change together
- `sidecar`: the `.json`, in two versions; `strict_json`: its text
- `members`: which members the archive has
- `archive`: the `.npz`; `npy`: one member
- `crc32`, `sha256`, `hex`: what the standard library does not have
"""
from .bytes import CheckpointBytes, checkpoint_bytes
from .checkpoint import Checkpoint
from .members import LayerArrays
from .neurons import neuron_rows
from .npy import StoredArray
from .saving import save_checkpoint
from .sidecar import LayerSize, StoredNode
from .store import Loaded, load_checkpoint
