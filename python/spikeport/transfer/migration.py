"""Pairs of sc-neurocore 3.x: recognised by their sidecar, loaded through the same checks, saved as ours the next time.

Such a sidecar has no format, version or digest; the archive holds deflated members ``layer_<i>.npy``. Nothing is
inflated beyond the size that the sidecar's shapes imply.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.transfer.archive import LayerArrays, npy_array
from spikeport.transfer.checkpoint import SNNCheckpoint, from_parts
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.sidecar import FORMAT, KEYS, VERSION, Sidecar, check_sidecar

LEGACY_KEYS: Final = frozenset(KEYS) - {"archive", "format", "version"}
LONGEST_HEADER: Final = 10 + 2**16


def is_legacy(raw: Any) -> bool:
    """Return whether a sidecar's content is that of a sc-neurocore 3.x pair."""
    return isinstance(raw, dict) and raw.keys() == LEGACY_KEYS


def legacy_sidecar(raw: dict[str, Any], file: str) -> Sidecar:
    """Return the checked content of such a sidecar; labels it left out are "LIF", the documented default."""
    names = raw["layer_names"]
    kinds = raw["neuron_types"] or ["LIF"] * (len(names) if isinstance(names, list) else 0)
    archive = {"bytes": 0, "sha256": "0" * 64}
    content = {**raw, "neuron_types": kinds, "archive": archive, "format": FORMAT, "version": VERSION}
    return check_sidecar(content, file)


def load_legacy(sidecar: Sidecar, content: bytes, file: str) -> SNNCheckpoint:
    """Return the checkpoint of an archive of such a pair, or raise `CheckpointError`."""
    expected = [f"layer_{index}.npy" for index in range(len(sidecar.layer_sizes))]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            _check_names(names, expected, file)
            members = zip(expected, sidecar.layer_sizes, strict=True)
            arrays = [_member(archive, name, size, file) for name, size in members]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError("archive_syntax", f"{file} is not a ZIP archive that can be read: {error}") from None
    return from_parts(sidecar, [LayerArrays(array) for array in arrays])


def _check_names(names: list[str], expected: list[str], file: str) -> None:
    if len(set(names)) != len(names):
        raise CheckpointError("duplicate_entry", f"{file}: a member stands twice")
    unexpected, missing = sorted(set(names) - set(expected)), sorted(set(expected) - set(names))
    if unexpected:
        raise CheckpointError("unexpected_entry", f"{file}: {unexpected[0]!r} belongs to no layer of the sidecar")
    if missing:
        raise CheckpointError("missing_entry", f"{file}: {missing[0]} is not there")


def _member(archive: zipfile.ZipFile, name: str, size: tuple[int, int], file: str) -> npt.NDArray[Any]:
    n_in, n_out = size
    limit = LONGEST_HEADER + 8 * n_in * n_out
    if archive.getinfo(name).file_size > limit:
        raise CheckpointError("too_large", f"{file}: {name} holds more than a layer of {n_in} × {n_out} needs")
    with archive.open(name) as member:
        data = member.read(limit + 1)
    if len(data) > limit:
        raise CheckpointError("too_large", f"{file}: {name} inflates to more than a layer of {n_in} × {n_out} needs")
    return npy_array(memoryview(data), [(n_out, n_in)], f"{file}: {name}").astype(np.float64, copy=False)
