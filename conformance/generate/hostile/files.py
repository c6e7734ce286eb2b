"""Files that are not there, or are links."""

from __future__ import annotations

from typing import Any

from conformance.generate.hostile.change import good_pair, hostile


@hostile("missing_file", "no file at all")
def nothing_there() -> None:
    return None


@hostile("missing_file", "a sidecar without its archive")
def no_archive() -> Any:
    return None, good_pair()[1]


@hostile("missing_file", "an archive without its sidecar")
def no_sidecar() -> Any:
    return good_pair()[0], None


@hostile("symlink", "the sidecar is a symbolic link")
def sidecar_link() -> Any:
    return good_pair()[0], "../networks/small.json"


@hostile("symlink", "the archive is a symbolic link")
def archive_link() -> Any:
    return "../networks/small.npz", good_pair()[1]
