"""Saving and loading: two files that change together.

An overwrite stages the new archive beside the old one under a name that holds
its digest, then puts the new sidecar in place, which is the moment that
counts, then gives the archive its name. Stopped anywhere, what loads is the
whole old checkpoint or the whole new one.
"""
from std.ffi import external_call
from std.os import lstat
from std.os.path import dirname, exists, isdir, isfile, islink

from .archive import LARGEST_ARCHIVE, largest_archive, read_archive
from .checkpoint import Checkpoint, checkpoint_bytes
from .checks import refusal
from .sha256 import sha256
from .sidecar import LARGEST_SIDECAR, Sidecar, read_sidecar


@fieldwise_init
struct CheckpointPaths(Copyable):
    """The two files of a checkpoint."""

    var archive: String
    """Path of the `.npz`."""
    var sidecar: String
    """Path of the `.json`."""

    def staged(self, digest: String) -> String:
        """Returns where an archive waits for its sidecar.

        Args:
            digest: SHA-256 of the archive.

        Returns:
            A hidden path beside the archive.
        """
        var slash = self.archive.rfind("/") + 1
        return String(
            self.archive[byte=0:slash],
            ".",
            self.archive[byte = slash : self.archive.byte_length()],
            ".",
            digest[byte=0:16],
        )


@fieldwise_init
struct Loaded(Copyable):
    """A checkpoint and the digest of the archive that it was read from."""

    var checkpoint: Checkpoint
    """The checkpoint."""
    var digest: String
    """SHA-256 of the archive."""


def checkpoint_paths(path: String) -> CheckpointPaths:
    """Names the pair: `name`, `name.npz` and `name.json` mean the same.

    Args:
        path: A path with either suffix, or with none.

    Returns:
        The paths of archive and sidecar.
    """
    var base = path
    var name = path.byte_length() - path.rfind("/") - 1
    for suffix in [".npz", ".json"]:
        var rest = path.byte_length() - suffix.byte_length()
        if path.endswith(suffix) and name > suffix.byte_length():
            base = String(path[byte=0:rest])
    return CheckpointPaths(base + ".npz", base + ".json")


def load_checkpoint(path: String) raises -> Loaded:
    """Loads a checkpoint; everything is checked before it is believed.

    Args:
        path: A path with either suffix, or with none.

    Returns:
        The checkpoint.

    Raises:
        Error: A checkpoint code of `conformance/SPEC.md`; nothing is loaded.
    """
    var paths = checkpoint_paths(path)
    _check_file(paths.sidecar)
    if Int(lstat(paths.sidecar).st_size) > LARGEST_SIDECAR:
        raise refusal("too_large", "the sidecar has more than 16 MiB")
    var sidecar = read_sidecar(_read(paths.sidecar))
    var content = _read_archive(paths, sidecar)
    var arrays = read_archive(content, sidecar.layer_sizes)
    var checkpoint = Checkpoint(
        sidecar.layer_names.copy(),
        sidecar.layer_sizes.copy(),
        sidecar.neuron_types.copy(),
        arrays^,
        sidecar.frozen_layers.copy(),
        sidecar.metadata,
    )
    if checkpoint.total_params() != sidecar.total_params:
        raise refusal(
            "shape",
            String("the archive holds ", checkpoint.total_params(), " params"),
        )
    for k in range(len(checkpoint.arrays)):
        if checkpoint.arrays[k].neuron:
            _ = checkpoint.neuron(k)
    return Loaded(checkpoint^, sidecar.archive_sha256)


def save_checkpoint(checkpoint: Checkpoint, path: String) raises:
    """Writes the two files of a checkpoint.

    Args:
        checkpoint: The checkpoint.
        path: A path with either suffix, or with none.

    Raises:
        Error: For content that would not load again; nothing is written then.
    """
    var paths = checkpoint_paths(path)
    # `open` would make the folder, with whatever name was mistyped.
    var folder = dirname(paths.archive)
    if folder != "" and not isdir(folder):
        raise refusal("missing_file", String("there is no folder ", folder))
    for target in [paths.archive, paths.sidecar]:
        if islink(target):
            raise refusal("symlink", String(target, " is a symbolic link"))
    var content = checkpoint_bytes(checkpoint)
    var staged = paths.staged(sha256(content.archive))
    _write(staged, content.archive)
    _write(paths.sidecar + ".new", content.sidecar)
    _rename(paths.sidecar + ".new", paths.sidecar)
    _rename(staged, paths.archive)


def _read_archive(
    paths: CheckpointPaths, sidecar: Sidecar
) raises -> List[UInt8]:
    var most = min(largest_archive(sidecar.layer_sizes), LARGEST_ARCHIVE)
    if sidecar.archive_bytes > most:
        raise refusal(
            "too_large",
            String(
                "the archive should have ",
                sidecar.archive_bytes,
                " bytes, more than its layers could need",
            ),
        )
    # A save that was stopped between its renames left the archive staged.
    var candidates: List[String] = [
        paths.archive,
        paths.staged(sidecar.archive_sha256),
    ]
    for k in range(len(candidates)):
        if k == 1 and not exists(candidates[k]):
            break
        if k == 0 and not _is_there(paths.archive) and exists(candidates[1]):
            continue
        _check_file(candidates[k])
        if Int(lstat(candidates[k]).st_size) == sidecar.archive_bytes:
            var content = _read(candidates[k])
            if sha256(content) == sidecar.archive_sha256:
                return content^
    raise refusal(
        "archive_digest",
        "the archive is not the one its sidecar was written for",
    )


def _is_there(path: String) -> Bool:
    return islink(path) or exists(path)


def _check_file(path: String) raises:
    if islink(path):
        raise refusal("symlink", String(path, " is a symbolic link"))
    if not isfile(path):
        raise refusal("missing_file", String("there is no file ", path))


def _read(path: String) raises -> List[UInt8]:
    with open(path, "r") as file:
        return file.read_bytes()


def _write(path: String, content: List[UInt8]) raises:
    with open(path, "w") as file:
        file.write_bytes(content)


def _rename(var source: String, var target: String) raises:
    # Sound: both are texts that C can read, and outlive the call.
    var failed = external_call["rename", Int32](
        source.as_c_string_span().ptr(),
        target.as_c_string_span().ptr(),
    )
    if failed != 0:
        raise Error(String("cannot rename ", source, " to ", target))
