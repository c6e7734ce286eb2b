"""The same content as one safetensors file, for the tools that read those: tensors, and the sidecar in its metadata.

The sidecar's digest is that of the archive which the same content has, so a changed tensor is seen here too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from spikeport.errors import MissingExtra
from spikeport.transfer.archive import LayerArrays, read_archive, write_archive
from spikeport.transfer.checkpoint import SNNCheckpoint, from_parts
from spikeport.transfer.errors import CheckpointError, refuse_link
from spikeport.transfer.sidecar import read_sidecar

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
    tensors = {
        f"layer_{index}.{part}": array
        for index, layer in enumerate(layers)
        for part in ("weight", "bias", "neuron")
        if (array := getattr(layer, part)) is not None
    }
    content: bytes = _safetensors().numpy.save(tensors, metadata={KEY: sidecar.decode("utf-8")})
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
            there = set(file.keys())
            layers = []
            for index in range(len(sidecar.layer_sizes)):
                names = {part: f"layer_{index}.{part}" for part in ("weight", "bias", "neuron")}
                if names["weight"] not in there:
                    raise CheckpointError("missing_entry", f"{path.name}: {names['weight']} is not there")
                arrays = {part: file.get_tensor(name) for part, name in names.items() if name in there}
                there -= set(names.values())
                layers.append(LayerArrays(**arrays))
    except library.SafetensorError as error:
        raise CheckpointError("archive_syntax", f"{path.name} is not a safetensors file: {error}") from None
    if there:
        raise CheckpointError(
            "unexpected_entry", f"{path.name}: {sorted(there)[0]!r} belongs to no layer of the sidecar"
        )
    archive = write_archive(layers)
    if hashlib.sha256(archive).hexdigest() != sidecar.archive_sha256:
        raise CheckpointError("archive_digest", f"{path.name}: tensors and sidecar were not written together")
    return from_parts(sidecar, read_archive(memoryview(archive), sidecar.layer_sizes, path.name))
