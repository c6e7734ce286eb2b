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

from spikeport.transfer.checkpoint import SNNCheckpoint, from_parts
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files.archive import Member, check_names, npy_array
from spikeport.transfer.files.members import FLOATS, LayerArrays
from spikeport.transfer.files.sidecar import FORMAT, KEYS, Sidecar, check_sidecar

LEGACY_KEYS: Final = frozenset(KEYS[1]) - {"archive", "format", "version"}
LONGEST_HEADER: Final = 10 + 2**16


def is_legacy(raw: Any) -> bool:
    """Return whether a sidecar's content is that of a sc-neurocore 3.x pair."""
    return isinstance(raw, dict) and raw.keys() == LEGACY_KEYS


def legacy_sidecar(raw: dict[str, Any], file: str) -> Sidecar:
    """Return the checked content of such a sidecar; labels it left out are "LIF", the documented default."""
    names = raw["layer_names"]
    kinds = raw["neuron_types"] or ["LIF"] * (len(names) if isinstance(names, list) else 0)
    archive = {"bytes": 0, "sha256": "0" * 64}
    content = {**raw, "neuron_types": kinds, "archive": archive, "format": FORMAT, "version": 1}
    return check_sidecar(content, file)


def load_legacy(sidecar: Sidecar, content: bytes, file: str) -> SNNCheckpoint:
    """Return the checkpoint of an archive of such a pair, or raise `CheckpointError`."""
    expected = [
        Member(name=f"layer_{index}", shapes=((n_out, n_in),), types=FLOATS, required=True)
        for index, (n_in, n_out) in enumerate(sidecar.layer_sizes)
    ]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            check_names(archive.namelist(), expected, file)
            arrays = [_array(archive, member, file) for member in expected]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError("archive_syntax", f"{file} is not a ZIP archive that can be read: {error}") from None
    return from_parts(sidecar, [LayerArrays(array) for array in arrays])


def _array(archive: zipfile.ZipFile, member: Member, file: str) -> npt.NDArray[Any]:
    limit = LONGEST_HEADER + member.most_bytes
    place = f"{file}: {member.file_name}"
    if archive.getinfo(member.file_name).file_size > limit:
        raise CheckpointError("too_large", f"{place} holds more than values of shape {member.shapes[0]} need")
    with archive.open(member.file_name) as opened:
        data = opened.read(limit + 1)
    if len(data) > limit:
        raise CheckpointError("too_large", f"{place} inflates to more than values of shape {member.shapes[0]} need")
    return npy_array(memoryview(data), member, place).astype(np.float64, copy=False)
