"""The archive: `<name>.npz`, a stored ZIP of `.npy` members with one possible encoding of a content.

Written by hand, byte for byte, since the same content must give the same bytes in four languages; read by hand, since
every length is checked before anything is made of it. No `eval`, no pickle, no inflate. What a member is for is not
known here: whoever read the sidecar hands over a list of the members to expect.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.transfer.errors import CheckpointError

Array = npt.NDArray[Any]

LOCAL: Final = struct.Struct("<4s5H3I2H")
CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
END: Final = struct.Struct("<4s4H2IH")
DATE: Final = 0x0021  # 1 January 1980
LARGEST_ARCHIVE: Final = 2**32 - 1
NPY_HEADER: Final = re.compile(
    rb"\{'descr': '([^']*)', 'fortran_order': (False|True), 'shape': \(((?:\d{1,10}(?:, ?\d{1,10})*,?)?)\), \} *\n"
)
RECORDS: Final = LOCAL.size + CENTRAL.size + 128 + 64  # of one member: local, central, and room for `.npy` header, name


@dataclass(frozen=True)
class Member:
    """A member that an archive may have.

    Attributes
    ----------
    name : in the archive it stands with ``.npy`` behind it
    shapes : the shapes that its array may have; the first is the one that messages name
    types : the types that its array may have, such as "<f4", "<f8" or "<i1"
    required : whether an archive without it is refused
    """

    name: str
    shapes: tuple[tuple[int, ...], ...]
    types: tuple[str, ...]
    required: bool

    @property
    def file_name(self) -> str:
        """The name in the archive."""
        return f"{self.name}.npy"

    @property
    def most_bytes(self) -> int:
        """The most bytes that its values can need."""
        return max(np.dtype(kind).itemsize for kind in self.types) * max(map(math.prod, self.shapes))


def npy_header(descr: str, shape: tuple[int, ...]) -> bytes:
    """Return the header of a version 1.0 `.npy`, padded with spaces to a multiple of 64 bytes."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    length = -(-(10 + len(text) + 1) // 64) * 64 - 10
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", length) + text.ljust(length - 1).encode() + b"\n"


def write_archive(arrays: Mapping[str, Array]) -> bytes:
    """Return the bytes of the archive with these members, in order; the caller has checked names, types and values."""
    body, directory = bytearray(), bytearray()
    for member, array in arrays.items():
        name = f"{member}.npy"
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        data = npy_header(f"<{little.dtype.str[1:]}", little.shape) + little.tobytes()
        if len(body) + len(data) > LARGEST_ARCHIVE - 2**20:
            raise CheckpointError("too_large", f"{name} takes the archive beyond 4 GiB: split the network")
        encoded, checksum = name.encode("ascii"), zlib.crc32(data)
        offset = len(body)
        body += _local_header(encoded, checksum, len(data)) + data
        directory += CENTRAL.pack(
            b"PK\x01\x02", 20, 20, 0, 0, 0, DATE, checksum, len(data), len(data), len(encoded), 0, 0, 0, 0, 0, offset
        )
        directory += encoded
    end = END.pack(b"PK\x05\x06", 0, 0, len(arrays), len(arrays), len(directory), len(body), 0)
    return bytes(body + directory + end)


def _local_header(name: bytes, checksum: int, size: int) -> bytes:
    return LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, DATE, checksum, size, size, len(name), 0) + name


def largest_archive(expected: Sequence[Member]) -> int:
    """Return an upper bound of an archive's length: every member there, of its widest type and largest shape."""
    return END.size + sum(RECORDS + member.most_bytes for member in expected)


def read_archive(content: memoryview, expected: Sequence[Member], file: str) -> Iterator[Array | None]:
    """Check the archive's records, then return an iterator over one array for each expected member, in order.

    A member that is not required and not there gives None. An array is checked when the iterator comes to it, so that
    the caller can compare arrays that belong together before the next ones are looked at. Raises `CheckpointError`.
    """
    members = _directory(content, expected, file)
    return (
        npy_array(members[member.file_name], member, f"{file}: {member.file_name}")
        if member.file_name in members
        else None
        for member in expected
    )


def _directory(content: memoryview, expected: Sequence[Member], file: str) -> dict[str, memoryview]:
    def damaged(what: str) -> CheckpointError:
        return CheckpointError("archive_syntax", f"{file} is not an archive of ours: {what}; save the checkpoint again")

    if len(content) < END.size:
        raise damaged("it is too short")
    at_end = len(content) - END.size
    signature, disk, first, here, count, size, start, comment = END.unpack_from(content, at_end)
    if signature != b"PK\x05\x06" or disk or first or here != count or comment or start + size != at_end:
        raise damaged("its end record does not fit its length")

    entries: list[tuple[str, tuple[Any, ...]]] = []
    at = start
    for _ in range(count):
        if at + CENTRAL.size > at_end:
            raise damaged("its directory is cut short")
        fields = CENTRAL.unpack_from(content, at)
        at += CENTRAL.size + fields[10]
        if fields[0] != b"PK\x01\x02" or at > at_end:
            raise damaged("its directory is cut short")
        entries.append((bytes(content[at - fields[10] : at]).decode("latin-1"), fields))
    if at != at_end:
        raise damaged("bytes stand between its directory and its end")

    names = [name for name, _ in entries]
    check_names(names, expected, file)
    for name, fields in entries:
        if fields[4] != 0:
            raise CheckpointError("compressed_entry", f"{file}: {name} is compressed: members must be stored")
    there = set(names)
    if names != [member.file_name for member in expected if member.file_name in there]:
        raise damaged("its members are out of order")

    members, position = {}, 0
    for name, fields in entries:
        checksum, size = fields[7], fields[9]
        canonical = CENTRAL.pack(
            b"PK\x01\x02", 20, 20, 0, 0, 0, DATE, checksum, size, size, len(name), 0, 0, 0, 0, 0, position
        )
        local = _local_header(name.encode("ascii"), checksum, size)
        data = position + len(local)
        if CENTRAL.pack(*fields) != canonical or data + size > start or content[position:data] != local:
            raise damaged(f"the record of {name} is not the one we write")
        members[name] = content[data : data + size]
        if zlib.crc32(members[name]) != checksum:
            raise damaged(f"the checksum of {name} is wrong")
        position = data + size
    if position != start:
        raise damaged("bytes stand between its members and its directory")
    return members


def check_names(names: Sequence[str], expected: Sequence[Member], file: str) -> None:
    """Raise `CheckpointError` for a name that stands twice, that is not expected, or that is required and missing."""
    known, seen = {member.file_name for member in expected}, set[str]()
    for name in names:
        if name in seen:
            raise CheckpointError("duplicate_entry", f"{file}: {name!r} stands twice")
        if name not in known:
            raise CheckpointError("unexpected_entry", f"{file}: {name!r} belongs to nothing that the sidecar names")
        seen.add(name)
    for member in expected:
        if member.required and member.file_name not in seen:
            raise CheckpointError("missing_entry", f"{file}: {member.file_name} is not there")


def npy_array(data: memoryview, member: Member, place: str) -> Array:
    """Return the array of a `.npy` in our encoding, of a shape and type of ``member``; ``place`` is for messages."""
    if len(data) < 10 or bytes(data[:8]) != b"\x93NUMPY\x01\x00":
        raise CheckpointError("archive_syntax", f"{place} is not a version 1.0 .npy")
    end = 10 + int.from_bytes(data[8:10], "little")
    header = NPY_HEADER.fullmatch(bytes(data[10:end])) if end <= len(data) else None
    if header is None:
        raise CheckpointError("archive_syntax", f"{place} has a header that we do not write")
    descr, order, shape_text = (group.decode("latin-1") for group in header.groups())
    if "O" in descr:
        raise CheckpointError("pickle", f"{place} holds Python objects, which would run code: they are never loaded")
    if descr not in member.types:
        raise CheckpointError("dtype", f"{place} has dtype {descr!r}: give {' or '.join(map(repr, member.types))}")
    shape = tuple(int(n) for n in shape_text.replace(" ", "").split(",") if n)
    if shape not in member.shapes or order == "True":
        raise CheckpointError(
            "shape", f"{place} has shape {shape} (Fortran order: {order}): the sidecar says {member.shapes[0]}"
        )
    if bytes(data[:end]) != npy_header(descr, shape):
        raise CheckpointError("archive_syntax", f"{place} has a header that we do not write")
    if len(data) - end != int(descr[-1]) * math.prod(shape):
        raise CheckpointError("shape", f"{place} has {len(data) - end:,} bytes of values, which is not shape {shape}")
    array = np.frombuffer(data, descr, offset=end).reshape(shape).astype(descr[1:])
    if not np.isfinite(array).all():
        raise CheckpointError("non_finite", f"{place} holds NaN or infinity")
    return array
