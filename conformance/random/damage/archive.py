"""Archives made bad: members that are not what they should be, records that lie, bytes that were changed."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from typing import Any

import numpy as np

from conformance.generate.hostile.change import Members, zip_of
from conformance.random.values import Draw
from spikeport.transfer.files.archive import npy_header

NAMES = (
    "evil.npy",
    "../evil.npy",
    "layer_0.weight",
    "layer_99.weight.npy",
    "Gewicht_ö.npy",
    "",
    "layer_00.bias.npy",
    "LAYER_0.weight.npy",
)
DESCRS = ("<f4", "<f8", ">f8", "|O", "<i8", "<f2", "<c16", "|V8", "O", "<f8'", "", "<i1", "<i2", "<i4", "|i1")
ENTRIES = (
    0.0,
    -0.0,
    0.5,
    1.0,
    2.0,
    -1.0,
    3.5,
    1.5,
    -0.25,
    2.0**31 - 1,
    2.0**31,
    -(2.0**31),
    1e300,
    5e-324,
    np.nan,
    np.inf,
)
RECORDS: tuple[dict[str, Any], ...] = (
    {"method": 8}, {"method": 99}, {"flags": 1}, {"flags": 8}, {"date": 0x5A21}, {"crc": 1}, {"size": 2**32 - 1},
    {"size": 0}, {"offset": 7}, {"extra": b"\x01\x00\x00\x00"}, {"gap": b"hidden"},
)  # fmt: skip


def change_members(draw: Draw, archive: bytes) -> bytes:
    """Change members one to three times, and sometimes the records of the first one."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = [(name, opened.read(name)) for name in opened.namelist()]
    for _ in range(draw.pick([1, 1, 1, 2, 3])):
        members = _changed(draw, members)
    records: dict[str, Any] = {}
    if draw.chance(0.1):
        records = dict(draw.pick(RECORDS)) | ({"both": False} if draw.chance(0.4) else {})
    return zip_of(members, **records)


def _changed(draw: Draw, members: Members) -> Members:
    if not members:
        return members
    at = draw.whole(0, len(members) - 1)
    name, data = members[at]
    way = draw.whole(0, 12)
    if way == 0:
        return members[:at] + members[at + 1 :]
    if way == 1:
        return [*members, members[at]] if draw.chance(0.5) else [*members[:at], members[at], *members[at:]]
    if way == 2:
        other = draw.pick(
            [*NAMES, re.sub(r"\d+", lambda found: str(int(found[0]) + 1), name), name.replace("weight", "bias")]
        )
        return [*members[:at], (other, data), *members[at + 1 :]]
    if way == 3:
        return [members[k] for k in draw.rng.permutation(len(members))]
    if way == 4:
        return [*members[:at], (draw.pick(NAMES), b"x"), *members[at:]]
    return [*members[:at], (name, _data(draw, data)), *members[at + 1 :]]


def _data(draw: Draw, data: bytes) -> bytes:
    """Change the `.npy` of a member: an entry, the header's text, or the bytes."""
    way = draw.whole(0, 7)
    head = 10 + struct.unpack("<H", data[8:10])[0] if len(data) > 10 else len(data)
    found = re.match(rb"\{'descr': '(<f[48])', 'fortran_order': False, 'shape': (\([0-9, ]*\)), \} *\n", data[10:head])
    if found is None or way == 0:
        cut = draw.whole(0, len(data))
        return draw.pick([data[:cut], data + b"\x00" * draw.pick([1, 8]), b"", data[:cut] + b"\x80" + data[cut + 1 :]])
    descr, shape = found[1].decode(), found[2].decode()
    values = np.frombuffer(data[head:], descr).copy() if (len(data) - head) % int(descr[2]) == 0 else np.ones(1, descr)
    if way <= 3 and values.size:
        with np.errstate(over="ignore"):
            values[draw.whole(0, values.size - 1)] = draw.pick(ENTRIES)
        return data[:head] + values.tobytes()
    if way == 4:
        with np.errstate(over="ignore"):
            retyped = values.astype("<f4" if descr == "<f8" else "<f8")
        sizes = tuple(int(n) for n in re.findall(r"\d+", shape))
        return npy_header(retyped.dtype.str, sizes) + retyped.tobytes()
    if way == 5:
        rows = values.reshape(-1, 1) if draw.chance(0.5) else values
        return npy_header(descr, rows.shape) + rows.tobytes()
    return _header(draw, descr, shape) + data[head:]


def _header(draw: Draw, descr: str, shape: str) -> bytes:
    sizes = re.findall(r"\d+", shape)
    shapes = [
        shape,
        shape.replace(" ", ""),
        f"({', '.join(sizes[::-1])})",
        f"({', '.join([*sizes, '1'])})",
        "()",
        "(,)",
    ]
    shapes += [
        f"({', '.join(sizes)},)",
        "(0,)",
        "(9999999999, 3)",
        "(10000000000,)",
        "(-1,)",
        f"({', '.join('0' + n for n in sizes)})",
    ]
    order = draw.pick(["False", "False", "False", "True", "0"])
    descr = draw.pick([descr, descr, *DESCRS])
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {draw.pick(shapes)}, }}"
    text = draw.pick([text, text, text, text.replace(", }", "}"), text.replace(": ", ":"), " " + text, text + " x"])
    length = -(-(10 + len(text) + 1) // 64) * 64 - 10 + draw.pick([0, 0, 0, 0, 64, 1])
    version = draw.pick([b"\x01\x00", b"\x01\x00", b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x01\x01"])
    return (
        b"\x93NUMPY"
        + version
        + struct.pack("<H", length)
        + text.ljust(length - 1).encode()
        + draw.pick([b"\n", b"\n", b"\n", b" "])
    )


def change_bytes(draw: Draw, archive: bytes) -> bytes:
    """Flip, cut, put in or take out bytes anywhere; the directory and the end record oftener than they are long."""
    for _ in range(draw.pick([1, 1, 2])):
        at = draw.whole(0, len(archive)) if draw.chance(0.4) else max(0, len(archive) - draw.whole(0, 180))
        way = draw.whole(0, 5)
        if way <= 3 and at < len(archive):
            byte = draw.pick([archive[at] ^ (1 << draw.whole(0, 7)), 0, 255, archive[at] + 1 & 255])
            archive = archive[:at] + bytes([byte]) + archive[at + 1 :]
        elif way == 4:
            archive = archive[:at] if draw.chance(0.5) else archive[:at] + archive[at + draw.pick([1, 22, 46]) :]
        else:
            archive = archive[:at] + draw.pick([b"\x00", b"PK\x05\x06", b"x" * 22]) + archive[at:]
    return archive
