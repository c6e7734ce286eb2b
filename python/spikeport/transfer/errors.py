"""Why a checkpoint is refused: one exception type, a closed list of codes, the same in four languages."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from spikeport.errors import SpikeportError

CODES: Final = (
    "missing_file",
    "symlink",
    "too_large",
    "sidecar_syntax",
    "version",
    "sidecar_schema",
    "layer_chain",
    "archive_digest",
    "archive_syntax",
    "duplicate_entry",
    "unexpected_entry",
    "missing_entry",
    "compressed_entry",
    "pickle",
    "dtype",
    "shape",
    "non_finite",
    "neuron",
    "operation",
)


class CheckpointError(SpikeportError, ValueError):
    """A checkpoint that is refused; nothing was loaded, or nothing written. ``code`` is one of `CODES`."""

    def __init__(self, code: str, message: str) -> None:
        if code not in CODES:
            raise AssertionError(f"{code} is not a code of CheckpointError")
        super().__init__(code, message)


def refuse_link(path: Path) -> None:
    """Raise `CheckpointError` with ``symlink`` where ``path`` is a symbolic link: neither read nor written through."""
    if path.is_symlink():
        raise CheckpointError("symlink", f"{path.name} is a symbolic link: give the path it points to")


class TransferError(SpikeportError, ValueError):
    """Data or settings that no network can be fine-tuned with, or a training that diverged.

    ``code`` is one of ``checkpoint``, ``samples``, ``labels``, ``non_finite``, ``dtype``, ``shape``, ``rate_range``,
    ``encoding``, ``timesteps``, ``epochs``, ``batch``, ``loss``, ``optimiser``, ``momentum``, ``clip``,
    ``validation``, ``patience``, ``seed``, ``device``, ``head``, ``profiler``, ``config``, ``nothing_learns`` and
    ``diverged``.
    """
