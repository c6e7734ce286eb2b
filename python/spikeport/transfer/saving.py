"""Saving: two files that change together.

An overwrite stages the new archive beside the old one under a name that holds its digest, then puts the new sidecar in
place, which is the moment that counts, then gives the archive its name. Stopped anywhere, what loads is the whole old
checkpoint or the whole new one: a sidecar whose archive is not yet in place finds it under the staged name. One save at
a time writes into a folder, so that none takes away what another has staged.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from spikeport.transfer import codec
from spikeport.transfer.checkpoint import SNNCheckpoint
from spikeport.transfer.errors import CheckpointError, refuse_link
from spikeport.transfer.files.archive import write_archive
from spikeport.transfer.files.members import LayerArrays, named_arrays
from spikeport.transfer.files.sidecar import write_sidecar
from spikeport.transfer.single_file import SUFFIX, single_file_bytes
from spikeport.transfer.store import PathLike, checkpoint_paths, staged_path

if sys.platform != "win32":
    import fcntl


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


def save_checkpoint(checkpoint: SNNCheckpoint, path: PathLike, *, durable: bool = False, backend: str = "auto") -> Path:
    """Write ``<path>.npz`` and ``<path>.json`` and return the sidecar's path; a ``.safetensors`` path is one file.

    Parameters
    ----------
    durable : also wait until the disk has it (fsync), so that a power cut loses nothing
    backend : who writes the pair: ``rust``, ``reference``, or ``auto``, Rust where it is built; the bytes are the same

    Raises
    ------
    CheckpointError
        for content that would not load again; nothing is written then.
    """
    in_rust = codec.is_used(backend)
    if Path(path).suffix == SUFFIX:
        return _save_single_file(checkpoint, Path(path), durable)
    archive_path, sidecar_path = checkpoint_paths(path)
    if in_rust and codec.save(checkpoint, sidecar_path, durable=durable):
        return sidecar_path
    for target in (archive_path, sidecar_path):
        refuse_link(target)
    check_folder(archive_path.parent)
    encoded = _encode(checkpoint)
    with _alone(archive_path.parent):
        _write_pair(encoded, archive_path, sidecar_path, durable)
    return sidecar_path


def _write_pair(encoded: _Encoded, archive: Path, sidecar: Path, durable: bool) -> None:
    staged = staged_path(archive, encoded.digest)
    waits = staged.exists()  # a save of the same content was stopped, and the sidecar in place may need this file
    _write(staged, encoded.archive, durable, named=archive)
    try:
        _write(sidecar, encoded.sidecar, durable)
    except BaseException:
        if not waits:
            staged.unlink(missing_ok=True)
        raise
    staged.replace(archive)
    if durable:
        _sync_folder(archive.parent)
    _remove_stale(archive, sidecar)


def _save_single_file(checkpoint: SNNCheckpoint, path: Path, durable: bool) -> Path:
    refuse_link(path)
    check_folder(path.parent)
    encoded = _encode(checkpoint)
    with _alone(path.parent):
        _write(path, single_file_bytes(encoded.layers, encoded.sidecar), durable)
        if durable:
            _sync_folder(path.parent)
        _remove_stale(path)
    return path


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold off other saves into ``folder``, where the system can; the lock goes with the process that has it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that may be written and not read, or one of Windows
        yield
        return
    try:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes, durable: bool, named: Path | None = None) -> None:
    """Put ``content`` at ``path`` in one step; an `OSError` is of ``named``, which the caller knows, not of a part."""
    name = path.with_name(f".{(named or path).name}.{secrets.token_hex(8)}")
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


def _remove_stale(*files: Path) -> None:
    """Remove what saves of these files that were stopped have left: none goes on, since this one is alone."""
    left = re.compile("|".join(rf"\.{re.escape(file.name)}\.[0-9a-f]{{16}}" for file in files))
    with contextlib.suppress(OSError), os.scandir(files[0].parent) as entries:
        for entry in entries:
            if left.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def check_folder(folder: Path) -> None:
    """Raise `CheckpointError` ``missing_file`` unless there is such a folder to save in."""
    if not folder.is_dir():
        raise CheckpointError("missing_file", f"there is no folder {folder}: make it first")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
