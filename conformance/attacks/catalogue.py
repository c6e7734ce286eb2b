"""The attacks: what each tries, and by which code it is refused. Where the vectors have such a file, it is theirs."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from conformance.generate.hostile import HOSTILE
from conformance.generate.hostile.change import Pair, good_members, good_pair, put_archive, put_weight, zip_of
from spikeport.transfer.files.archive import npy_header


class Attack(NamedTuple):
    """One attack: what it tries, the code of its refusal, and what writes its files at a path without suffix."""

    tries: str
    code: str
    write: Callable[[Path], None]


ATTACKS: Final[dict[str, Attack]] = {}
"""By name, in the order in which they are shown."""


def file(path: Path, suffix: str) -> Path:
    """Return the path of one file of a pair."""
    return path.with_name(path.name + suffix)


def write_pair(path: Path, pair: Pair) -> None:
    """Write both files."""
    for suffix, content in zip((".npz", ".json"), pair, strict=True):
        file(path, suffix).write_bytes(content)


def attack(code: str, tries: str) -> Callable[[Callable[[], Pair]], Callable[[], Pair]]:
    """Register what makes the pair of an attack of the function's name."""

    def register(make: Callable[[], Pair]) -> Callable[[], Pair]:
        ATTACKS[make.__name__] = Attack(tries, code, lambda path: write_pair(path, make()))
        return make

    return register


def _known(name: str) -> None:
    """Take over a damaged pair of the vectors."""
    code, comment, make = HOSTILE[name]
    ATTACKS[name] = Attack(comment, code, lambda path: write_pair(path, make() or (b"", b"")))


OF_THE_VECTORS: Final = (
    "pickled", "npy_header_code", "npy_structured", "huge_shape", "declares_a_bomb", "declares_beyond_zip", "size_lies",
    "zip_directory_large", "zip_directory_far", "zip_count", "offset_lies", "twice", "evil_entry", "climbing_entry",
    "deflated", "encrypted", "streamed", "zip_gap", "zip_prefix", "zip_comment", "appended", "flipped_bit", "wrong_crc",
    "nan_weight", "neuron_nan", "duplicate_key", "duplicate_key_escaped", "nan_metadata", "overflowing_number",
    "long_number", "far_too_deep", "lone_surrogate", "not_utf8", "size_enormous", "graph_weight_giant",
    "graph_reads_itself",
)  # fmt: skip
for _name in OF_THE_VECTORS:
    _known(_name)


def _deflated(inflated: int, **fields: Any) -> Pair:
    """Return a pair whose first weight inflates to so many bytes; ``fields`` change its sidecar."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open("layer_0.weight.npy", "w") as member:
            for _ in range(inflated >> 20):
                member.write(bytes(1 << 20))
        for name, data in good_members()[1:]:
            archive.writestr(name, data)
    return put_archive(buffer.getvalue(), json.dumps(json.loads(good_pair()[1]) | fields).encode())


@attack("too_large", "a ZIP bomb: 256 MiB of zeros in 256 KiB, beside the sidecar of two small layers")
def zip_bomb() -> Pair:
    """Longer, deflated, than its layers could need."""
    return _deflated(1 << 28)


@attack("compressed_entry", "the same bomb beside layers that are large enough for the file, not for what is in it")
def zip_bomb_that_fits() -> Pair:
    """Nothing is ever inflated."""
    return _deflated(1 << 28, layer_sizes=[[300, 400], [400, 2]])


@attack("archive_syntax", "two members that lie over each other: the way to bombs without compression")
def overlapping() -> Pair:
    """The second entry of the directory says that its member begins where the first one does."""
    archive = bytearray(zip_of(good_members()))
    second = archive.index(b"PK\x01\x02", archive.index(b"PK\x01\x02") + 4)
    archive[second + 42 : second + 46] = bytes(4)
    return put_archive(bytes(archive))


@attack("unexpected_entry", "a member of an absolute path")
def absolute_entry() -> Pair:
    """Nothing is ever unpacked to a path that a file names."""
    return put_archive(zip_of([*good_members(), ("/etc/cron.d/evil", b"* * * * * root true\n")]))


@attack("archive_syntax", "a member that is a symbolic link")
def link_member() -> Pair:
    """A link is marked in the directory, and every byte of that is the writer's."""
    archive = bytearray(zip_of(good_members()))
    first = archive.index(b"PK\x01\x02")
    archive[first + 38 : first + 42] = (0o120777 << 16).to_bytes(4, "little")
    return put_archive(bytes(archive))


@attack("pickle", "an array of objects whose pickle calls os.system")
def pickle_that_runs() -> Pair:
    """The word for objects is enough: no pickle is ever opened."""
    payload = b"cos\nsystem\n(S'touch spikeport-was-here'\ntR."
    return put_weight(npy_header("|O", (4, 3)) + payload)


@attack("sidecar_schema", "a million layers")
def million_layers() -> Pair:
    """At most 16384 are read."""
    archive, sidecar = good_pair()
    n = 1_000_000
    names = [f"{k:x}" for k in range(n)]
    return archive, json.dumps(json.loads(sidecar) | {"layer_names": names, "n_layers": n}).encode()


@attack("sidecar_syntax", "sixteen million brackets")
def brackets() -> Pair:
    """Levels are counted; nothing is called once for each of them."""
    return good_pair()[0], b"[" * (16 << 20)


@attack("too_large", "a sidecar of 1 GiB, of which the disk holds nothing")
def endless_sidecar() -> Pair:
    """Made long by `_lengthened`."""
    return good_pair()


@attack("archive_digest", "an archive of 1 TiB, of which the disk holds nothing")
def endless_archive() -> Pair:
    """Made long by `_lengthened`."""
    return good_pair()


@attack("shape", "weights of 2 x 2^30 values declared by a header of ten digits")
def giant_header() -> Pair:
    """The sidecar says how large an array is, and nothing is made before both agree."""
    header = npy_header("<f8", (4, 3)).replace(b"(4, 3), }         ", b"(2, 1073741824), }")
    return put_weight(header + np.ones(12).tobytes())


def _lengthened(name: str, suffix: str, length: int) -> None:
    one = ATTACKS[name]

    def write(path: Path) -> None:
        one.write(path)
        os.truncate(file(path, suffix), length)

    ATTACKS[name] = one._replace(write=write)


_lengthened("endless_sidecar", ".json", 1 << 30)
_lengthened("endless_archive", ".npz", 1 << 40)


def _placed(name: str, code: str, tries: str, suffix: str, place: Callable[[Path], None]) -> None:
    """Add an attack that puts something in place of one file of a good pair."""

    def write(path: Path) -> None:
        write_pair(path, good_pair())
        file(path, suffix).unlink()
        place(file(path, suffix))

    ATTACKS[name] = Attack(tries, code, write)


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


_placed("archive_link", "symlink", "an archive that is a link to another file", ".npz", _link_to("/etc/passwd"))
_placed("sidecar_link", "symlink", "a sidecar that is a link to endless zeros", ".json", _link_to("/dev/zero"))
_placed("sidecar_pipe", "missing_file", "a sidecar that is a pipe: a reader would wait for ever", ".json", os.mkfifo)
_placed("archive_pipe", "missing_file", "an archive that is a pipe", ".npz", os.mkfifo)
_placed("archive_folder", "missing_file", "an archive that is a folder", ".npz", Path.mkdir)
