"""Loading: two files of which everything is checked before it is believed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from spikeport.transfer import codec
from spikeport.transfer.checkpoint import SNNCheckpoint, from_parts
from spikeport.transfer.errors import CheckpointError, refuse_link
from spikeport.transfer.files.archive import LARGEST_ARCHIVE, Member, largest_archive, read_archive
from spikeport.transfer.files.fields import LARGEST_SIDECAR
from spikeport.transfer.files.sidecar import (
    Sidecar,
    check_sidecar,
    expected_members,
    layers_of,
    parse_sidecar,
)
from spikeport.transfer.migration import is_legacy, legacy_sidecar, load_legacy
from spikeport.transfer.single_file import SUFFIX, load_single_file

PathLike = str | os.PathLike[str]


def checkpoint_paths(path: PathLike) -> tuple[Path, Path]:
    """Return archive and sidecar of ``path``: "name", "name.npz" and "name.json" name the same pair."""
    base = Path(path)
    if not base.name:
        raise CheckpointError("missing_file", f"{str(path)!r} names no file: give a path such as 'mnist_snn'")
    if base.suffix in (".npz", ".json"):
        base = base.with_suffix("")
    return base.with_name(base.name + ".npz"), base.with_name(base.name + ".json")


def load_checkpoint(path: PathLike, *, backend: str = "auto") -> SNNCheckpoint:
    """Load the checkpoint at ``path`` ("name", "name.npz" or "name.json").

    ``backend`` says who reads the pair: ``rust``, ``reference``, or ``auto``, Rust where it is built.

    Everything is checked before it is believed; see ``conformance/SPEC.md`` for the order. A pair written by
    sc-neurocore 3.x loads too (`spikeport.transfer.migration`).

    Raises
    ------
    CheckpointError
        with a ``code`` of `spikeport.transfer.CODES`; nothing is loaded then.
    """
    in_rust = codec.is_used(backend)
    if Path(path).suffix == SUFFIX:
        return load_single_file(Path(path))
    archive_path, sidecar_path = checkpoint_paths(path)
    if in_rust and (loaded := codec.load(sidecar_path)) is not None:
        return loaded
    for _ in range(64):  # a save in another process may replace the pair between our two reads
        text = _read(sidecar_path, LARGEST_SIDECAR)
        raw = parse_sidecar(text, sidecar_path.name)
        if is_legacy(raw):
            return _load_legacy(legacy_sidecar(raw, sidecar_path.name), archive_path)
        sidecar = check_sidecar(raw, sidecar_path.name)
        expected = expected_members(sidecar)
        try:
            content = _read_archive(archive_path, sidecar, expected)
            break
        except CheckpointError as error:
            if error.code not in ("archive_digest", "missing_file") or _read(sidecar_path, LARGEST_SIDECAR) == text:
                raise
    else:
        raise CheckpointError("archive_digest", f"{archive_path.name} kept changing while it was read: try again")
    arrays = read_archive(memoryview(content), expected, archive_path.name)
    return from_parts(sidecar, layers_of(sidecar, expected, arrays, archive_path.name))


def _load_legacy(sidecar: Sidecar, archive: Path) -> SNNCheckpoint:
    limit = 2 * largest_archive(expected_members(sidecar))
    content = _read(archive, limit)
    if len(content) > limit:
        raise CheckpointError("too_large", f"{archive.name} has more bytes than its layers could need")
    return load_legacy(sidecar, content, archive.name)


def _read_archive(path: Path, sidecar: Sidecar, expected: Sequence[Member]) -> bytes:
    if sidecar.archive_bytes > min(largest_archive(expected), LARGEST_ARCHIVE):
        raise CheckpointError(
            "too_large", f"{path.name} should have {sidecar.archive_bytes:,} bytes, more than its layers could need"
        )
    staged = staged_path(path, sidecar.archive_sha256)
    for candidate in (path, staged, path):  # a save may rename the one to the other between our looks
        if candidate is staged and not staged.is_file():
            continue
        try:
            content = _read(candidate, sidecar.archive_bytes)
        except CheckpointError as error:
            if error.code == "missing_file" and (candidate is staged or staged.is_file()):
                continue
            raise
        if len(content) == sidecar.archive_bytes and hashlib.sha256(content).hexdigest() == sidecar.archive_sha256:
            return content
    raise CheckpointError(
        "archive_digest", f"{path.name} is not the archive that its sidecar was written for: restore both files"
    )


def _read(path: Path, limit: int) -> bytes:
    """Return at most ``limit + 1`` bytes of a regular file that is not a link."""
    try:
        refuse_link(path)
        is_there = path.is_file()
    except OSError:  # a path that no file can have, such as one too long
        is_there = False
    if not is_there:
        raise CheckpointError(
            "missing_file", f"there is no file {path}: a checkpoint is a .npz and a .json of one name"
        )
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise CheckpointError("missing_file", f"{path} went away while it was opened: try again") from None


def staged_path(archive: Path, digest: str) -> Path:
    """Return where an archive with this digest waits until its sidecar is in place."""
    return archive.with_name(f".{archive.name}.{digest[:16]}")
