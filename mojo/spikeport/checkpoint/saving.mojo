"""Saving: two files that change together.

An overwrite stages the new archive beside the old one under a name that holds
its digest, then puts the new sidecar in place, which is the moment that
counts, then gives the archive its name. Stopped anywhere, what loads is the
whole old checkpoint or the whole new one. One save at a time writes into a
folder, so that none takes away what another has staged.
"""
from std.ffi import external_call
from std.os import listdir, remove
from std.os.path import dirname, exists, isdir, islink
from std.sys import CompilationTarget
from std.time import perf_counter_ns

from ..checks import refusal
from .bytes import CheckpointBytes, checkpoint_bytes
from .checkpoint import Checkpoint
from .hex import HEX_DIGITS
from .sha256 import sha256
from .store import CheckpointPaths, checkpoint_paths, hidden


comptime HERE = Int32(-2 if CompilationTarget.is_macos() else -100)
"""`AT_FDCWD`, by which `openat` takes a path as `open` does."""

comptime ALONE = Int32(2)
"""`LOCK_EX` of `flock`."""


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
    var lock = _lock(folder if folder != "" else ".")
    try:
        _write_pair(content, paths)
    except e:
        _unlock(lock)
        raise e^
    _unlock(lock)


def _write_pair(content: CheckpointBytes, paths: CheckpointPaths) raises:
    var staged = paths.staged(sha256(content.archive))
    # Where a save of the same content was stopped, the sidecar in place may
    # need the file of this name.
    var waits = exists(staged)
    _write(staged, content.archive, paths.archive)
    try:
        _write(paths.sidecar, content.sidecar, paths.sidecar)
    except e:
        if not waits:
            remove(staged)
        raise e^
    _rename(staged, paths.archive)
    _remove_stale(paths)


def _lock(var folder: String) -> Int32:
    """Holds off other saves into a folder, where the system can."""
    # Sound: a text that C can read, which outlives the call; 0 is O_RDONLY.
    var descriptor = external_call["openat", Int32](
        HERE, folder.as_c_string_span().ptr(), Int32(0)
    )
    if descriptor >= 0:
        # What does not lock, a file system without locks, is written all the same.
        _ = external_call["flock", Int32](descriptor, ALONE)
    return descriptor


def _unlock(descriptor: Int32):
    """Lets the lock go, where there is one."""
    if descriptor >= 0:
        _ = external_call["close", Int32](descriptor)


def _write(path: String, content: List[UInt8], beside: String) raises:
    """Puts content at a path in one step; until then it is hidden."""
    var digits = String(
        _eight_digits(Int(external_call["getpid", Int32]())),
        _eight_digits(Int(perf_counter_ns())),
    )
    var temporary = hidden(beside, digits)
    try:
        with open(temporary, "w") as file:
            file.write_bytes(content)
        _rename(temporary, path)
    except e:
        try:
            remove(temporary)
        except:
            pass  # it was not made
        raise e^


def _eight_digits(number: Int) -> String:
    """Returns the lowest eight hexadecimal digits."""
    var digits = String()
    for k in range(7, -1, -1):
        var digit = (number >> (4 * k)) & 15
        digits += HEX_DIGITS[byte = digit : digit + 1]
    return digits^


def _remove_stale(paths: CheckpointPaths) raises:
    """Removes what saves that were stopped have left."""
    var folder = dirname(paths.archive)
    var slash = paths.archive.rfind("/") + 1
    for file in listdir(folder if folder != "" else "."):
        var path = String(paths.archive[byte=0:slash], file)
        if _is_left(path, paths.archive) or _is_left(path, paths.sidecar):
            try:
                remove(path)
            except:
                pass  # it does no harm


def _is_left(path: String, file: String) -> Bool:
    """Says whether a path is that of a file which a stopped save hides."""
    var prefix = hidden(file, "")
    if not path.startswith(prefix):
        return False
    var ending = path[byte = prefix.byte_length() : path.byte_length()]
    if ending.byte_length() != 16:
        return False
    for byte in ending.as_bytes():
        var b = Int(byte)
        if not (48 <= b <= 57 or 97 <= b <= 102):
            return False
    return True


def _rename(var source: String, var target: String) raises:
    # Sound: both are texts that C can read, and outlive the call.
    var failed = external_call["rename", Int32](
        source.as_c_string_span().ptr(),
        target.as_c_string_span().ptr(),
    )
    if failed != 0:
        raise Error(String("cannot rename ", source, " to ", target))
