"""One pair of files, read by the reference and by the codec in Rust: the same code, or the same checkpoint."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import spikeport._rust as _rust
from spikeport.errors import SpikeportError
from spikeport.transfer import CheckpointError, SNNCheckpoint, load_checkpoint
from spikeport.transfer.held.verified import Verified
from spikeport.transfer.migration import is_legacy

MEMORY = Path("/dev/shm")
"""A disk in memory, where there is one."""


class Differ(AssertionError):
    """The two codecs do not say the same of a pair."""


def fast_folder() -> str | None:
    """Return where many small files are written fast, or None for the system's temporary folder."""
    return str(MEMORY) if os.access(MEMORY, os.W_OK) and "TMPDIR" not in os.environ else None


class Readers:
    """Both codecs, on a path of their own."""

    def __init__(self, folder: Path) -> None:
        self.archive, self.sidecar = folder / "pair.npz", folder / "pair.json"

    def compare(self, archive: bytes, sidecar: bytes) -> str:
        """Return the code by which both refuse the pair, or "" where both read the same; raise `Differ` otherwise."""
        self.archive.write_bytes(archive)
        self.sidecar.write_bytes(sidecar)
        expected, found = self._reference(), self._rust()
        if isinstance(expected, SNNCheckpoint) and found == "sidecar_schema" and is_legacy(json.loads(sidecar)):
            return "migrated"  # a pair of sc-neurocore: only the reference knows those
        if isinstance(expected, str) or isinstance(found, str):
            if expected != found:
                raise Differ(f"the reference says {_named(expected)}, Rust says {_named(found)}")
            return str(expected)
        same_reads = [node.inputs for node in expected.held.graph] == [node.inputs for node in found.held.graph]
        if found != expected or not same_reads:
            raise Differ("the reference and Rust read two different checkpoints")
        return ""

    def _reference(self) -> SNNCheckpoint | str:
        try:
            return load_checkpoint(self.sidecar, backend="reference")
        except CheckpointError as error:
            return error.code

    def _rust(self) -> SNNCheckpoint | str:
        try:
            input_shape, layers, frozen, metadata = _rust.checkpoint_load(self.sidecar)
        except SpikeportError as error:
            return error.code
        except MemoryError:
            return "too_large"
        return SNNCheckpoint.of_verified(Verified(input_shape, layers), json.loads(metadata), frozen)


def _named(outcome: Any) -> str:
    return outcome if isinstance(outcome, str) else "that it is good"
