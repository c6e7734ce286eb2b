"""The archive: `<name>.npz`, a stored ZIP of `.npy` members with one possible encoding of a content.

Written by hand, byte for byte, since the same content must give the same bytes in four languages; read by hand, since
every length is checked against the sidecar before anything is made of it. No `eval`, no pickle, no inflate.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.sidecar import LARGEST_ARCHIVE

Array = npt.NDArray[Any]

LOCAL: Final = struct.Struct("<4s5H3I2H")
CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
END: Final = struct.Struct("<4s4H2IH")
DATE: Final = 0x0021  # 1 January 1980
NPY_HEADER: Final = re.compile(
    rb"\{'descr': '([^']*)', 'fortran_order': (False|True), 'shape': \(((?:\d{1,10}(?:, ?\d{1,10})*,?)?)\), \} *\n"
)
NEURON_ROWS: Final = ("threshold", "v_init", "hard_reset", "v_reset", "beta", "tracer_min", "tracer_max")


@dataclass(frozen=True)
class LayerArrays:
    """The arrays of one layer: weight (out, in), bias (out,) or None, neuron (7, 1) or (7, out) float64 or None."""

    weight: Array
    bias: Array | None = None
    neuron: Array | None = None


def npy_header(descr: str, shape: tuple[int, ...]) -> bytes:
    """Return the header of a version 1.0 `.npy`, padded with spaces to a multiple of 64 bytes."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    length = -(-(10 + len(text) + 1) // 64) * 64 - 10
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", length) + text.ljust(length - 1).encode() + b"\n"


def member_names(layers: Sequence[LayerArrays]) -> list[tuple[str, Array]]:
    """Return the members in canonical order: for each layer its weight, then bias and neuron where there are any."""
    members = []
    for index, layer in enumerate(layers):
        for part in ("weight", "bias", "neuron"):
            array = getattr(layer, part)
            if array is not None:
                members.append((f"layer_{index}.{part}.npy", array))
    return members


def write_archive(layers: Sequence[LayerArrays]) -> bytes:
    """Return the bytes of the archive; the arrays are float32 or float64, checked by the caller."""
    body, directory, count = bytearray(), bytearray(), 0
    for name, array in member_names(layers):
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        data = npy_header(little.dtype.str, little.shape) + little.tobytes()
        if len(body) + len(data) > LARGEST_ARCHIVE - 2**20:
            raise CheckpointError("too_large", f"{name} takes the archive beyond 4 GiB: split the network")
        encoded, checksum = name.encode("ascii"), zlib.crc32(data)
        offset = len(body)
        body += _local_header(encoded, checksum, len(data)) + data
        directory += CENTRAL.pack(
            b"PK\x01\x02", 20, 20, 0, 0, 0, DATE, checksum, len(data), len(data), len(encoded), 0, 0, 0, 0, 0, offset
        )
        directory += encoded
        count += 1
    return bytes(body + directory + END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0))


def _local_header(name: bytes, checksum: int, size: int) -> bytes:
    return LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, DATE, checksum, size, size, len(name), 0) + name


def largest_archive(sizes: Sequence[tuple[int, int]]) -> int:
    """Return an upper bound of an archive's length for layers of these (in, out) sizes: float64, all members there."""
    fixed = END.size + len(sizes) * 3 * (LOCAL.size + CENTRAL.size + 128 + 64)
    return fixed + sum(8 * (n_out * n_in + n_out + 7 * n_out) for n_in, n_out in sizes)


def read_archive(content: memoryview, sizes: Sequence[tuple[int, int]], file: str) -> list[LayerArrays]:
    """Return the arrays of an archive whose layers have these (in, out) sizes, or raise `CheckpointError`."""
    members = _directory(content, len(sizes), file)
    layers = []
    for index, (n_in, n_out) in enumerate(sizes):
        arrays: dict[str, Array] = {}
        shapes: dict[str, list[tuple[int, ...]]] = {
            "weight": [(n_out, n_in)],
            "bias": [(n_out,)],
            "neuron": [(len(NEURON_ROWS), 1), (len(NEURON_ROWS), n_out)],
        }
        for part, allowed in shapes.items():
            name = f"layer_{index}.{part}.npy"
            if name in members:
                arrays[part] = npy_array(members[name], allowed, f"{file}: {name}")
        if "bias" in arrays and arrays["bias"].dtype != arrays["weight"].dtype:
            raise CheckpointError("dtype", f"{file}: layer_{index}: bias and weight differ in dtype")
        if "neuron" in arrays and arrays["neuron"].dtype != np.float64:
            raise CheckpointError("dtype", f"{file}: layer_{index}: neuron must be float64")
        layers.append(LayerArrays(**arrays))
    return layers


def _directory(content: memoryview, n_layers: int, file: str) -> dict[str, memoryview]:
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
    allowed = [f"layer_{index}.{part}.npy" for index in range(n_layers) for part in ("weight", "bias", "neuron")]
    _check_names(names, allowed, file)
    for name, fields in entries:
        if fields[4] != 0:
            raise CheckpointError("compressed_entry", f"{file}: {name} is compressed: members must be stored")
    if names != [name for name in allowed if name in set(names)]:
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


def _check_names(names: list[str], allowed: list[str], file: str) -> None:
    known, seen = set(allowed), set[str]()
    for name in names:
        if name in seen:
            raise CheckpointError("duplicate_entry", f"{file}: {name!r} stands twice")
        if name not in known:
            raise CheckpointError("unexpected_entry", f"{file}: {name!r} belongs to no layer of the sidecar")
        seen.add(name)
    for name in allowed:
        if name.endswith(".weight.npy") and name not in seen:
            raise CheckpointError("missing_entry", f"{file}: {name} is not there")


def npy_array(data: memoryview, shapes: list[tuple[int, ...]], place: str) -> Array:
    """Return the array of a `.npy` in our encoding and of one of ``shapes``; ``place`` names it in the error."""
    if len(data) < 10 or bytes(data[:8]) != b"\x93NUMPY\x01\x00":
        raise CheckpointError("archive_syntax", f"{place} is not a version 1.0 .npy")
    end = 10 + int.from_bytes(data[8:10], "little")
    header = NPY_HEADER.fullmatch(bytes(data[10:end])) if end <= len(data) else None
    if header is None:
        raise CheckpointError("archive_syntax", f"{place} has a header that we do not write")
    descr, order, shape_text = (group.decode("latin-1") for group in header.groups())
    if "O" in descr:
        raise CheckpointError("pickle", f"{place} holds Python objects, which would run code: they are never loaded")
    if descr not in ("<f4", "<f8"):
        raise CheckpointError("dtype", f"{place} has dtype {descr!r}: give '<f4' or '<f8'")
    shape = tuple(int(n) for n in shape_text.replace(" ", "").split(",") if n)
    if shape not in shapes or order == "True":
        raise CheckpointError(
            "shape", f"{place} has shape {shape} (Fortran order: {order}): the sidecar says {shapes[0]}"
        )
    if bytes(data[:end]) != npy_header(descr, shape):
        raise CheckpointError("archive_syntax", f"{place} has a header that we do not write")
    if len(data) - end != int(descr[-1]) * math.prod(shape):
        raise CheckpointError("shape", f"{place} has {len(data) - end:,} bytes of values, which is not shape {shape}")
    array = np.frombuffer(data, descr, offset=end).reshape(shape).astype(descr[1:])
    if not np.isfinite(array).all():
        raise CheckpointError("non_finite", f"{place} holds NaN or infinity")
    return array
