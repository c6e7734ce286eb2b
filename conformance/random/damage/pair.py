"""A good pair made bad: its fields, text, members, records, bytes, files; the digest right or wrong."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

from conformance.random.damage.archive import change_bytes, change_members
from conformance.random.values import Draw

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 1.0, 1e3, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**70, "", "text", "input", [],
    {}, [1], [[1, 1]], [1, 1], [0, 1], ["a"], [None], "IF", "conv", "add", "linear", "max_pool",
)  # fmt: skip
KEYS = ("name", "kernel", "stride", "padding", "dilation", "groups", "surprise", "n_layers", "sha256", "version")
TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"0", b"-", b"1", b".", b"e", b"E9", b"+", b" ", b"\n", b"\t", b"\x00",
    b"\r",
    b"\\", b"\\u0041", b"\\ud800", b"\\udc00", b"\\n", b"NaN", b"Infinity", b"null", b"true", b"-0", b"1e999", b"\xff",
    b"\xef\xbb\xbf", b"\xc3", b"\xc3\xb6", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"//", b"{}", b"[" * 70, b"1" * 401,
    b"0x1",
    b"\x7f", b"\x1f", b"\xe2\x80\xa8", b"\xc0\x80", b"\xf4\x90\x80\x80",
)  # fmt: skip
WAYS = ("members", "members", "members", "bytes", "fields", "fields", "text")
LEGACY = {"archive", "format", "version"}


def damage(draw: Draw) -> None:
    """Damage the pair at the draw's path in one to three ways."""
    npz, sidecar = draw.path.with_name(draw.path.name + ".npz"), draw.path.with_name(draw.path.name + ".json")
    archive, text = damaged(draw, npz.read_bytes(), sidecar.read_bytes())
    npz.write_bytes(archive)
    sidecar.write_bytes(text)
    if draw.chance(0.02):
        _files(draw, npz, sidecar)


def damaged(draw: Draw, archive: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Return an archive and a sidecar damaged in one to three ways."""
    ways = [draw.pick(WAYS) for _ in range(draw.pick([1, 1, 2, 3]))]
    before = archive
    archive = change_members(draw, archive) if "members" in ways else archive
    archive = change_bytes(draw, archive) if "bytes" in ways else archive
    fields = json.loads(text)
    if archive != before and not draw.chance(0.1):
        fields["archive"] = {"bytes": len(archive), "sha256": hashlib.sha256(archive).hexdigest()}
        text = _text(fields)
    for _ in range(ways.count("fields")):
        changed = json.loads(text)
        _edit(draw, changed)
        if not isinstance(changed, dict) or set(fields) - set(changed) != LEGACY:  # that would be another format
            text = _text(changed)
    if "text" in ways:
        text = _edited_text(draw, text)
    return archive, text


def _text(fields: Any) -> bytes:
    return json.dumps(fields, indent=1, ensure_ascii=False).encode()


def _files(draw: Draw, npz: Any, sidecar: Any) -> None:
    path = draw.pick([npz, sidecar])
    moved = path.with_name(path.name + ".kept")
    path.rename(moved)
    if draw.chance(0.5):
        os.symlink(moved.name, path)


def _edit(draw: Draw, value: Any) -> None:
    """Change one thing at a random place of a JSON value, in place."""
    while True:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        inner = [place for place in places if isinstance(value[place], dict | list) and value[place]]
        if not inner or draw.chance(0.3):
            break
        value = value[draw.pick(inner)]
    change = draw.pick(OBJECT_EDITS if isinstance(value, dict) else LIST_EDITS)
    change(draw, value, places)


def _set(draw: Draw, value: Any, places: list[Any]) -> None:
    value[draw.pick(places)] = draw.pick(VALUES)


def _near(draw: Draw, value: Any, places: list[Any]) -> None:
    place = draw.pick(places)
    old = value[place]
    if isinstance(old, int):
        value[place] = old + draw.pick([-1, 1, 2]) if draw.chance(0.8) else float(old)
    elif isinstance(old, str):
        value[place] = draw.pick([old + "x", old[1:], old.upper(), old[::-1]])
    elif isinstance(old, list):
        value[place] = draw.pick([old[::-1], old + old, old[:-1], [old]])
    else:
        value[place] = draw.pick(VALUES)


def _add(draw: Draw, value: Any, places: list[Any]) -> None:
    value[draw.pick(KEYS)] = draw.pick(VALUES)


def _delete(draw: Draw, value: Any, places: list[Any]) -> None:
    del value[draw.pick(places)]


def _repeat(draw: Draw, value: Any, places: list[Any]) -> None:
    value.insert(draw.pick(places), value[draw.pick(places)])


def _swap(draw: Draw, value: Any, places: list[Any]) -> None:
    a, b = draw.pick(places), draw.pick(places)
    value[a], value[b] = value[b], value[a]


Edit = Callable[[Draw, Any, list[Any]], None]
OBJECT_EDITS: tuple[Edit, ...] = (_set, _near, _near, _near, _add, _delete, _swap)
LIST_EDITS: tuple[Edit, ...] = (_set, _near, _near, _near, _delete, _repeat, _swap)


def _edited_text(draw: Draw, text: bytes) -> bytes:
    """Put something in, take something out, double a line or cut the end off."""
    at, way = draw.whole(0, len(text)), draw.whole(0, 6)
    if way <= 2:
        return text[:at] + draw.pick(TOKENS) + text[at:]
    if way == 3:
        return text[:at] + text[at + draw.pick([1, 1, 2, 9]) :]
    if way == 4:
        return text[:at] + draw.pick(TOKENS) + text[at + 1 :]
    if way == 5:
        lines = text.split(b"\n")
        place = draw.whole(0, len(lines) - 1)
        return b"\n".join([*lines[: place + 1], *lines[place:]])
    return draw.pick([text[:at], text + draw.pick(TOKENS), draw.pick(TOKENS) + text])
