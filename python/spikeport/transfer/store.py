"""Saving and loading: two files that change together.

An overwrite stages the new archive beside the old one under a name that holds its digest, then puts the new sidecar in
place, which is the moment that counts, then gives the archive its name. Stopped anywhere, what loads is the whole old
checkpoint or the whole new one: a sidecar whose archive is not yet in place finds it under the staged name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from spikeport.transfer.checkpoint import SNNCheckpoint, from_parts
from spikeport.transfer.errors import CheckpointError, refuse_link
from spikeport.transfer.files.archive import LARGEST_ARCHIVE, Member, largest_archive, read_archive, write_archive
from spikeport.transfer.files.fields import LARGEST_SIDECAR
from spikeport.transfer.files.members import LayerArrays, named_arrays
from spikeport.transfer.files.sidecar import (
    Sidecar,
    check_sidecar,
    expected_members,
    layers_of,
    parse_sidecar,
    write_sidecar,
)
from spikeport.transfer.migration import is_legacy, legacy_sidecar, load_legacy
from spikeport.transfer.single_file import SUFFIX, load_single_file, single_file_bytes

PathLike = str | os.PathLike[str]


def checkpoint_paths(path: PathLike) -> tuple[Path, Path]:
    """Return archive and sidecar of ``path``: "name", "name.npz" and "name.json" name the same pair."""
    base = Path(path)
    if not base.name:
        raise CheckpointError("missing_file", f"{str(path)!r} names no file: give a path such as 'mnist_snn'")
    if base.suffix in (".npz", ".json"):
        base = base.with_suffix("")
    return base.with_name(base.name + ".npz"), base.with_name(base.name + ".json")


def checkpoint_bytes(checkpoint: SNNCheckpoint) -> tuple[bytes, bytes]:
    """Return the bytes of archive and sidecar: the same content, the same bytes."""
    encoded = _encode(checkpoint)
    return encoded.archive, encoded.sidecar


class _Encoded(NamedTuple):
    layers: list[LayerArrays]
    archive: bytes
    digest: str
    sidecar: bytes


def _encode(checkpoint: SNNCheckpoint) -> _Encoded:
    sidecar, layers = checkpoint.parts()
    archive = write_archive(named_arrays(layers))
    digest = hashlib.sha256(archive).hexdigest()
    text = write_sidecar(replace(sidecar, archive_bytes=len(archive), archive_sha256=digest))
    return _Encoded(layers=layers, archive=archive, digest=digest, sidecar=text)


def save_checkpoint(checkpoint: SNNCheckpoint, path: PathLike, *, durable: bool = False) -> Path:
    """Write ``<path>.npz`` and ``<path>.json`` and return the sidecar's path; a ``.safetensors`` path is one file.

    Parameters
    ----------
    durable : also wait until the disk has it (fsync), so that a power cut loses nothing

    Raises
    ------
    CheckpointError
        for content that would not load again; nothing is written then.
    """
    if Path(path).suffix == SUFFIX:
        return _save_single_file(checkpoint, Path(path), durable)
    archive_path, sidecar_path = checkpoint_paths(path)
    for target in (archive_path, sidecar_path):
        refuse_link(target)
    _check_folder(archive_path.parent)
    encoded = _encode(checkpoint)
    staged = _staged(archive_path, encoded.digest)
    _write(staged, encoded.archive, durable, named=archive_path)
    try:
        _write(sidecar_path, encoded.sidecar, durable)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    staged.replace(archive_path)
    if durable:
        _sync_folder(archive_path.parent)
    for stale in archive_path.parent.glob(f".{_glob_escape(archive_path.name)}.*"):
        with contextlib.suppress(OSError):
            stale.unlink()
    return sidecar_path


def load_checkpoint(path: PathLike) -> SNNCheckpoint:
    """Load the checkpoint at ``path`` ("name", "name.npz" or "name.json").

    Everything is checked before it is believed; see ``conformance/SPEC.md`` for the order. A pair written by
    sc-neurocore 3.x loads too (`spikeport.transfer.migration`).

    Raises
    ------
    CheckpointError
        with a ``code`` of `spikeport.transfer.CODES`; nothing is loaded then.
    """
    if Path(path).suffix == SUFFIX:
        return load_single_file(Path(path))
    archive_path, sidecar_path = checkpoint_paths(path)
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


def _save_single_file(checkpoint: SNNCheckpoint, path: Path, durable: bool) -> Path:
    refuse_link(path)
    _check_folder(path.parent)
    encoded = _encode(checkpoint)
    _write(path, single_file_bytes(encoded.layers, encoded.sidecar), durable)
    if durable:
        _sync_folder(path.parent)
    return path


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
    staged = _staged(path, sidecar.archive_sha256)
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


def _write(path: Path, content: bytes, durable: bool, named: Path | None = None) -> None:
    """Put ``content`` at ``path`` in one step; an `OSError` is of ``named``, which the caller knows, not of a part."""
    name = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(named or path)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise CheckpointError("missing_file", f"there is no folder {folder}: make it first")


def _staged(archive: Path, digest: str) -> Path:
    return archive.with_name(f".{archive.name}.{digest[:16]}")


def _glob_escape(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
