"""The same content as one safetensors file, for the tools that read those: tensors, and the sidecar in its metadata.

The sidecar's digest is that of the archive which the same content has, so a changed tensor is seen here too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from spikeport.errors import MissingExtra
from spikeport.transfer.checkpoint import SNNCheckpoint, from_parts
from spikeport.transfer.errors import CheckpointError, refuse_link
from spikeport.transfer.files.archive import read_archive, write_archive
from spikeport.transfer.files.members import LayerArrays, named_arrays
from spikeport.transfer.files.sidecar import expected_members, layers_of, read_sidecar

SUFFIX = ".safetensors"
KEY = "spikeport"


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise MissingExtra("safetensors", "torch", "a checkpoint in one file") from None
    return safetensors


def single_file_bytes(layers: list[LayerArrays], sidecar: bytes) -> bytes:
    """Return the bytes of the file."""
    content: bytes = _safetensors().numpy.save(named_arrays(layers), metadata={KEY: sidecar.decode("utf-8")})
    return content


def load_single_file(path: Path) -> SNNCheckpoint:
    """Return the checkpoint in the file, checked like a pair; raise `CheckpointError` where it is refused."""
    library = _safetensors()
    refuse_link(path)
    if not path.is_file():
        raise CheckpointError("missing_file", f"there is no file {path}")
    try:
        with library.safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            if KEY not in metadata:
                raise CheckpointError(
                    "sidecar_schema", f"{path.name} has no key {KEY!r} in its metadata: it is not ours"
                )
            sidecar = read_sidecar(metadata[KEY].encode("utf-8"), path.name)
            expected = expected_members(sidecar)
            there = set(file.keys())
            missing = [member.name for member in expected if member.required and member.name not in there]
            if missing:
                raise CheckpointError("missing_entry", f"{path.name}: {missing[0]} is not there")
            unexpected = sorted(there - {member.name for member in expected})
            if unexpected:
                raise CheckpointError(
                    "unexpected_entry", f"{path.name}: {unexpected[0]!r} belongs to nothing that the sidecar names"
                )
            arrays = {member.name: file.get_tensor(member.name) for member in expected if member.name in there}
    except library.SafetensorError as error:
        raise CheckpointError("archive_syntax", f"{path.name} is not a safetensors file: {error}") from None
    archive = write_archive(arrays)
    if hashlib.sha256(archive).hexdigest() != sidecar.archive_sha256:
        raise CheckpointError("archive_digest", f"{path.name}: tensors and sidecar were not written together")
    members = read_archive(memoryview(archive), expected, path.name)
    return from_parts(sidecar, layers_of(sidecar, expected, members, path.name))
