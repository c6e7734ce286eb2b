"""A good pair, changed in one way; a change of the archive is followed by a new digest in the sidecar."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.generate.networks import NETWORKS
from spikeport.transfer.files.archive import CENTRAL, DATE, END, npy_header
from spikeport.transfer.saving import checkpoint_bytes

Pair = tuple[bytes, bytes]
Members = list[tuple[str, bytes]]
HOSTILE: dict[str, tuple[str, str, Callable[[], Pair | None]]] = {}


def hostile(code: str, comment: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def register(make: Callable[[], Any]) -> Callable[[], Any]:
        HOSTILE[make.__name__] = (code, comment, make)
        return make

    return register


def good_pair() -> Pair:
    return checkpoint_bytes(NETWORKS["small"]())


def change_text(change: Callable[[str], str]) -> Pair:
    """Change the sidecar's text."""
    archive, sidecar = good_pair()
    changed = change(sidecar.decode())
    assert changed != sidecar.decode()
    return archive, changed.encode()


def change_fields(change: Callable[[dict[str, Any]], Any]) -> Pair:
    """Change the sidecar's content."""
    archive, sidecar = good_pair()
    content = json.loads(sidecar)
    change(content)
    return archive, json.dumps(content).encode()


def put_archive(archive: bytes, sidecar: bytes | None = None) -> Pair:
    """Put another archive beside a sidecar, its length and digest made to fit."""
    content = json.loads(sidecar or good_pair()[1])
    content["archive"] = {"bytes": len(archive), "sha256": hashlib.sha256(archive).hexdigest()}
    return archive, json.dumps(content).encode()


def good_members() -> Members:
    with zipfile.ZipFile(io.BytesIO(good_pair()[0])) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def zip_of(members: Members, *, gap: bytes = b"", **change: Any) -> bytes:
    """Return our kind of archive of ``members``; ``change`` alters fields of the first member's two records."""
    body, directory = bytearray(), bytearray()
    for index, (name, data) in enumerate(members):
        encoded, offset = name.encode(), len(body)
        record = {
            "method": 0,
            "flags": 0,
            "date": DATE,
            "crc": zlib.crc32(data),
            "size": len(data),
            "extra": b"",
            "offset": offset,
        }
        central = record | (change if index == 0 else {})
        local = central if change.get("both", True) else record
        body += struct.pack(
            "<4s5H3I2H",
            b"PK\x03\x04",
            20,
            local["flags"],
            local["method"],
            0,
            local["date"],
            local["crc"],
            local["size"],
            local["size"],
            len(encoded),
            len(local["extra"]),
        )
        body += encoded + local["extra"] + data + (gap if index == 0 else b"")
        directory += (
            CENTRAL.pack(
                b"PK\x01\x02",
                20,
                20,
                central["flags"],
                central["method"],
                0,
                central["date"],
                central["crc"],
                central["size"],
                central["size"],
                len(encoded),
                0,
                0,
                0,
                0,
                0,
                central["offset"],
            )
            + encoded
        )
    return bytes(
        body + directory + END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(directory), len(body), 0)
    )


def put_weight(data: bytes) -> Pair:
    """Put ``data`` in place of the first weight."""
    return put_archive(zip_of([("layer_0.weight.npy", data), *good_members()[1:]]))


def change_neuron(change: Callable[[Any], Any]) -> Pair:
    """Change the neuron rows of the first layer."""
    members = dict(good_members())
    rows = np.frombuffer(members["layer_0.neuron.npy"][128:]).reshape(7, 1).copy()
    rows = change(rows)
    members["layer_0.neuron.npy"] = npy_header(rows.dtype.str, rows.shape) + rows.tobytes()
    return put_archive(zip_of(list(members.items())))


def weights(array: Any) -> bytes:
    return npy_header(array.dtype.str, array.shape) + array.tobytes()


WEIGHT = np.ones((4, 3))
