"""Saving and loading: two files that change together.

An overwrite stages the new archive beside the old one under a name that holds
its digest, then puts the new sidecar in place, which is the moment that
counts, then gives the archive its name. Stopped anywhere, what loads is the
whole old checkpoint or the whole new one.
"""
from std.ffi import external_call
from std.os import listdir, remove
from std.os.path import dirname, isdir, isfile, islink

from ..checks import code_of, refusal
from .archive import Archive
from .bytes import checkpoint_bytes
from .checkpoint import Checkpoint
from .members import check_size, expected_members, read_layers
from .neurons import without_max_spikes
from .sha256 import sha256
from .sidecar import LARGEST_SIDECAR, Sidecar, read_sidecar


comptime ATTEMPTS = 64
"""How often a pair is read that another process keeps replacing."""


@fieldwise_init
struct CheckpointPaths(Copyable):
    """The two files of a checkpoint."""

    var archive: String
    """Path of the `.npz`."""
    var sidecar: String
    """Path of the `.json`."""

    def staged(self, digest: String) -> String:
        """Returns where an archive waits for its sidecar."""
        return _hidden(self.archive, String(digest[byte=0:16]))


@fieldwise_init
struct Loaded(Copyable):
    """A checkpoint and the digest of the archive that it was read from."""

    var checkpoint: Checkpoint
    """The checkpoint."""
    var digest: String
    """SHA-256 of the archive."""


def checkpoint_paths(path: String) -> CheckpointPaths:
    """Names the pair: `name`, `name.npz` and `name.json` mean the same."""
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
    var text = _read_sidecar(paths)
    for attempt in range(ATTEMPTS):
        var sidecar = read_sidecar(text.copy())
        var content: List[UInt8]
        try:
            content = _read_archive(paths, sidecar)
        except e:
            var code = code_of(e)
            if code != "archive_digest" and code != "missing_file":
                raise e^
            var again = _read_sidecar(paths)
            if again == text or attempt + 1 == ATTEMPTS:
                raise e^
            text = again^
            continue
        return _loaded(sidecar, content^)
    raise refusal("archive_digest", "the pair kept changing while it was read")


def _loaded(sidecar: Sidecar, var content: List[UInt8]) raises -> Loaded:
    var expected = expected_members(sidecar)
    var arrays = read_layers(Archive(content^, expected^), sidecar)
    var checkpoint = Checkpoint(
        sidecar.input_shape.copy(),
        sidecar.nodes.copy(),
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
            var rows = checkpoint.arrays[k].neuron.value().copy()
            checkpoint.arrays[k].neuron = without_max_spikes(rows)
    checkpoint.check_integers()
    checkpoint.check_version(sidecar.version)
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
    try:
        _write(paths.sidecar, content.sidecar)
    except e:
        remove(staged)
        raise e^
    _rename(staged, paths.archive)
    _remove_stale(paths.archive)


def _read_archive(
    paths: CheckpointPaths, sidecar: Sidecar
) raises -> List[UInt8]:
    check_size(sidecar, expected_members(sidecar))
    # A save that was stopped between its renames left the archive staged; one
    # that goes on may rename it between our looks.
    var staged = paths.staged(sidecar.archive_sha256)
    for candidate in [paths.archive, staged, paths.archive]:
        if candidate == staged and not isfile(staged):
            continue
        try:
            var content = _read(candidate, sidecar.archive_bytes)
            if (
                len(content) == sidecar.archive_bytes
                and sha256(content) == sidecar.archive_sha256
            ):
                return content^
        except e:
            var is_missing = code_of(e) == "missing_file"
            if not (is_missing and (candidate == staged or isfile(staged))):
                raise e^
    raise refusal(
        "archive_digest",
        "the archive is not the one its sidecar was written for",
    )


def _read_sidecar(paths: CheckpointPaths) raises -> List[UInt8]:
    var content = _read(paths.sidecar, LARGEST_SIDECAR)
    if len(content) > LARGEST_SIDECAR:
        raise refusal("too_large", "the sidecar has more than 16 MiB")
    return content^


def _read(path: String, limit: Int) raises -> List[UInt8]:
    """Returns at most `limit` + 1 bytes of a regular file that is no link."""
    if islink(path):
        raise refusal("symlink", String(path, " is a symbolic link"))
    if not isfile(path):
        raise refusal("missing_file", String("there is no file ", path))
    try:
        with open(path, "r") as file:
            return file.read_bytes(limit + 1)
    except e:  # it went away while it was opened
        raise refusal("missing_file", String("cannot read ", path, ": ", e))


def _hidden(path: String, suffix: String) -> String:
    """Names a hidden file beside a path."""
    var slash = path.rfind("/") + 1
    return String(
        path[byte=0:slash],
        ".",
        path[byte = slash : path.byte_length()],
        ".",
        suffix,
    )


def _write(path: String, content: List[UInt8]) raises:
    """Puts content at a path in one step."""
    var process = external_call["getpid", Int32]()
    var temporary = _hidden(path, String(process, ".tmp"))
    with open(temporary, "w") as file:
        file.write_bytes(content)
    _rename(temporary, path)


def _remove_stale(archive: String) raises:
    """Removes what saves that were stopped have left."""
    var folder = dirname(archive)
    var prefix = _hidden(archive, "")
    var slash = archive.rfind("/") + 1
    var name = prefix[byte = slash : prefix.byte_length()]
    for file in listdir(folder if folder != "" else "."):
        if file.startswith(name):
            try:
                remove(String(archive[byte=0:slash], file))
            except:
                pass  # it does no harm


def _rename(var source: String, var target: String) raises:
    # Sound: both are texts that C can read, and outlive the call.
    var failed = external_call["rename", Int32](
        source.as_c_string_span().ptr(),
        target.as_c_string_span().ptr(),
    )
    if failed != 0:
        raise Error(String("cannot rename ", source, " to ", target))
