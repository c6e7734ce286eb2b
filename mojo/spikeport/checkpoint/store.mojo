"""Loading: two files of which everything is checked before it is believed."""
from std.os.path import isfile, islink

from ..checks import code_of, refusal
from .archive import Archive
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
        return hidden(self.archive, String(digest[byte=0:16]))


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


def hidden(path: String, suffix: String) -> String:
    """Names a hidden file beside a path.

    Args:
        path: The path.
        suffix: What stands behind its name.

    Returns:
        The path of the file.
    """
    var slash = path.rfind("/") + 1
    return String(
        path[byte=0:slash],
        ".",
        path[byte = slash : path.byte_length()],
        ".",
        suffix,
    )
