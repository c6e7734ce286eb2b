"""A checkpoint as the bytes of its two files."""
from .checkpoint import Checkpoint
from .members import write_layers
from .sha256 import sha256
from .sidecar import write_sidecar


@fieldwise_init
struct CheckpointBytes(Copyable):
    """The content of the two files."""

    var archive: List[UInt8]
    """The archive."""
    var sidecar: List[UInt8]
    """The sidecar."""


def checkpoint_bytes(checkpoint: Checkpoint) raises -> CheckpointBytes:
    """Encodes a checkpoint: the same content, the same bytes.

    Args:
        checkpoint: The checkpoint.

    Returns:
        The bytes of archive and sidecar.

    Raises:
        Error: Those of `Checkpoint.check`, and `too_large`.
    """
    var sidecar = checkpoint.check()
    var archive = write_layers(checkpoint.arrays, sidecar.version)
    sidecar.archive_bytes = len(archive)
    sidecar.archive_sha256 = sha256(archive)
    return CheckpointBytes(archive^, write_sidecar(sidecar))
