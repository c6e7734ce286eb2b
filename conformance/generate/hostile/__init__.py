"""Pairs of files that must be refused: each one changes a good pair in one way, and says by which code it is refused.

A change of the archive is followed by a new digest in the sidecar, so that the checks behind the digest are reached.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from conformance.generate.hostile.change import HOSTILE

LARGE = {"sidecar_too_large": ("too_large", "a sidecar of one byte more than 16 MiB, all of it spaces", 16 * 2**20 + 1)}

for _part in (
    "files",
    "syntax",
    "sidecars",
    "archives",
    "arrays",
    "graphs",
    "integers",
):  # each fills HOSTILE, in the order of the vectors
    importlib.import_module(f"conformance.generate.hostile.{_part}")


def write_hostile(folder: Path) -> None:
    """Write every pair; a part that is None is left out, a text names what a symbolic link points to."""
    folder.mkdir()
    for name, (_, _, make) in HOSTILE.items():
        for suffix, content in zip((".npz", ".json"), make() or (None, None), strict=True):
            path = folder / (name + suffix)
            if isinstance(content, str):
                path.symlink_to(content)
            elif content is not None:
                path.write_bytes(content)
