"""Pairs of files that must be refused: each one changes a good pair in one way, and says by which code it is refused.

A change of the archive is followed by a new digest in the sidecar, so that the checks behind the digest are reached.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from conformance.generate.networks import NETWORKS
from spikeport.transfer.archive import CENTRAL, DATE, END, npy_header
from spikeport.transfer.store import checkpoint_bytes

Pair = tuple[bytes, bytes]
Members = list[tuple[str, bytes]]
HOSTILE: dict[str, tuple[str, str, Callable[[], Pair | None]]] = {}
LARGE = {"sidecar_too_large": ("too_large", "a sidecar of one byte more than 16 MiB, all of it spaces", 16 * 2**20 + 1)}


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


def _hostile(code: str, comment: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def register(make: Callable[[], Any]) -> Callable[[], Any]:
        HOSTILE[make.__name__] = (code, comment, make)
        return make

    return register


def _good() -> Pair:
    return checkpoint_bytes(NETWORKS["small"]())


def _text(change: Callable[[str], str]) -> Pair:
    """Change the sidecar's text."""
    archive, sidecar = _good()
    changed = change(sidecar.decode())
    assert changed != sidecar.decode()
    return archive, changed.encode()


def _fields(change: Callable[[dict[str, Any]], Any]) -> Pair:
    """Change the sidecar's content."""
    archive, sidecar = _good()
    content = json.loads(sidecar)
    change(content)
    return archive, json.dumps(content).encode()


def _archive(archive: bytes, sidecar: bytes | None = None) -> Pair:
    """Put another archive beside a sidecar, its length and digest made to fit."""
    content = json.loads(sidecar or _good()[1])
    content["archive"] = {"bytes": len(archive), "sha256": hashlib.sha256(archive).hexdigest()}
    return archive, json.dumps(content).encode()


def _members() -> Members:
    with zipfile.ZipFile(io.BytesIO(_good()[0])) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _zip(members: Members, *, gap: bytes = b"", **change: Any) -> bytes:
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


def _npy(data: bytes) -> Pair:
    """Put ``data`` in place of the first weight."""
    return _archive(_zip([("layer_0.weight.npy", data), *_members()[1:]]))


def _neuron(change: Callable[[Any], Any]) -> Pair:
    """Change the neuron rows of the first layer."""
    members = dict(_members())
    rows = np.frombuffer(members["layer_0.neuron.npy"][128:]).reshape(7, 1).copy()
    rows = change(rows)
    members["layer_0.neuron.npy"] = npy_header(rows.dtype.str, rows.shape) + rows.tobytes()
    return _archive(_zip(list(members.items())))


def _weights(array: Any) -> bytes:
    return npy_header(array.dtype.str, array.shape) + array.tobytes()


WEIGHT = np.ones((4, 3))

# --- files -----------------------------------------------------------------------------------------------------------


@_hostile("missing_file", "no file at all")
def nothing_there() -> None:
    return None


@_hostile("missing_file", "a sidecar without its archive")
def no_archive() -> Any:
    return None, _good()[1]


@_hostile("missing_file", "an archive without its sidecar")
def no_sidecar() -> Any:
    return _good()[0], None


@_hostile("symlink", "the sidecar is a symbolic link")
def sidecar_link() -> Any:
    return _good()[0], "../networks/small.json"


@_hostile("symlink", "the archive is a symbolic link")
def archive_link() -> Any:
    return "../networks/small.npz", _good()[1]


# --- sidecar syntax --------------------------------------------------------------------------------------------------

SYNTAX: dict[str, tuple[str, Callable[[str], str]]] = {
    "cut_sidecar": ("the sidecar is cut short", lambda s: s[:-5]),
    "empty_sidecar": ("the sidecar is empty", lambda s: ""),
    "byte_order_mark": ("a byte-order mark", lambda s: "\ufeff" + s),
    "nan_metadata": ("NaN is not JSON", lambda s: s.replace("0.972", "NaN")),
    "infinity_metadata": ("Infinity is not JSON", lambda s: s.replace("0.972", "-Infinity")),
    "overflowing_number": ("a number beyond float64", lambda s: s.replace("0.972", "1e999")),
    "long_number": ("a number of 401 digits", lambda s: s.replace("0.972", "0." + "1" * 399)),
    "leading_zero": ("a number with a leading zero", lambda s: s.replace("0.972", "00.972")),
    "bare_fraction": ("a number that begins with a point", lambda s: s.replace("0.972", ".972")),
    "plus_sign": ("a number with a plus sign", lambda s: s.replace("0.972", "+0.972")),
    "hex_number": ("a hexadecimal number", lambda s: s.replace("0.972", "0x1p3")),
    "duplicate_key": ("a key that stands twice", lambda s: s.replace('"version": 1', '"version": 1, "version": 1')),
    "duplicate_key_escaped": (
        "twice the same key, once escaped",
        lambda s: s.replace('"version": 1', '"version": 1, "ver\\u0073ion": 1'),
    ),
    "duplicate_key_inside": ("a key that stands twice in metadata", lambda s: s.replace('"task"', '"task": 1, "task"')),
    "trailing_comma": ("a comma behind the last key", lambda s: s.replace('"version": 1', '"version": 1,')),
    "comment": ("a comment", lambda s: s.replace("{\n", "{ // ours\n", 1)),
    "trailing_text": ("text behind the value", lambda s: s + "{}"),
    "single_quotes": ("single quotes", lambda s: s.replace('"', "'")),
    "control_character": ("a raw line feed inside a text", lambda s: s.replace("layer0", "lay\ner0")),
    "lone_surrogate": ("an escaped half of a character", lambda s: s.replace('"task": "small"', '"task": "\\ud800"')),
    "bad_escape": ("an escape that does not exist", lambda s: s.replace('"task": "small"', '"task": "\\x41"')),
    "too_deep": ("sixty-five levels", lambda s: s.replace("0.972", "[" * 63 + "]" * 63)),
    "far_too_deep": ("two hundred thousand levels", lambda s: "[" * 200_000),
    "words": ("not JSON at all", lambda s: "spikes"),
}
for _name, (_comment, _change) in SYNTAX.items():
    HOSTILE[_name] = ("sidecar_syntax", _comment, lambda change=_change: _text(change))


@_hostile("sidecar_syntax", "bytes that are not UTF-8")
def not_utf8() -> Pair:
    archive, sidecar = _good()
    return archive, sidecar.replace(b"small", b"sm\xff\xfell")


@_hostile("sidecar_syntax", "a NUL byte behind the text")
def trailing_nul() -> Pair:
    archive, sidecar = _good()
    return archive, sidecar + b"\x00"


# --- sidecar content -------------------------------------------------------------------------------------------------


def _set(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(values)


CONTENT: dict[str, tuple[str, str, Callable[[dict[str, Any]], Any]]] = {
    "unknown_key": ("sidecar_schema", "a key that we do not know", _set(surprise=1)),
    "missing_key": ("sidecar_schema", "a key that is not there", lambda c: c.pop("metadata")),
    "no_format": ("sidecar_schema", "no word of the format", lambda c: c.pop("format")),
    "no_version": ("sidecar_schema", "no word of the version", lambda c: c.pop("version")),
    "no_kind_text": ("sidecar_schema", "a label without letters", _set(neuron_types=["", "IF"])),
    "other_format": ("version", "another format", _set(format="somebody-else")),
    "version_2": ("version", "a later version", _set(version=2)),
    "version_later_keys": ("version", "a later version with other keys", _set(version=7, layers=[])),
    "version_float": ("version", "1.0 is not the integer 1", _set(version=1.0)),
    "version_true": ("version", "true is not the integer 1", _set(version=True)),
    "no_layers": ("sidecar_schema", "no layer", _set(layer_names=[], layer_sizes=[], neuron_types=[], n_layers=0)),
    "names_not_texts": ("sidecar_schema", "names that are numbers", _set(layer_names=[1, 2])),
    "empty_name": ("sidecar_schema", "a name without letters", _set(layer_names=["", "layer1"])),
    "same_names": ("sidecar_schema", "two layers of one name", _set(layer_names=["a", "a"])),
    "names_a_text": ("sidecar_schema", "names in one text", _set(layer_names="ab")),
    "three_kinds": ("sidecar_schema", "three labels for two layers", _set(neuron_types=["IF", "IF", "IF"])),
    "kind_null": ("sidecar_schema", "a label that is null", _set(neuron_types=["IF", None])),
    "one_size": ("sidecar_schema", "one size for two layers", _set(layer_sizes=[[3, 4]])),
    "size_zero": ("sidecar_schema", "a layer of no width", _set(layer_sizes=[[3, 0], [0, 2]])),
    "size_negative": ("sidecar_schema", "a layer of negative width", _set(layer_sizes=[[3, -4], [-4, 2]])),
    "size_float": ("sidecar_schema", "a width with a fraction sign", _set(layer_sizes=[[3.0, 4], [4, 2]])),
    "size_triple": ("sidecar_schema", "three numbers for a size", _set(layer_sizes=[[3, 4, 1], [4, 2]])),
    "size_beyond": ("sidecar_schema", "a width of 2^31", _set(layer_sizes=[[3, 2**31], [2**31, 2]])),
    "size_enormous": ("sidecar_schema", "a width beyond 64 bits", _set(layer_sizes=[[3, 2**70], [2**70, 2]])),
    "frozen_unknown": ("sidecar_schema", "a frozen layer that is none", _set(frozen_layers=["nowhere"])),
    "frozen_unsorted": ("sidecar_schema", "frozen layers out of order", _set(frozen_layers=["layer1", "layer0"])),
    "frozen_twice": ("sidecar_schema", "a layer frozen twice", _set(frozen_layers=["layer0", "layer0"])),
    "wrong_n_layers": ("sidecar_schema", "three layers counted", _set(n_layers=3)),
    "params_zero": ("sidecar_schema", "no parameters", _set(total_params=0)),
    "params_text": ("sidecar_schema", "a count in letters", _set(total_params="many")),
    "metadata_list": ("sidecar_schema", "metadata that is a list", _set(metadata=[])),
    "archive_null": ("sidecar_schema", "no word of the archive", _set(archive=None)),
    "archive_key": ("sidecar_schema", "a further key of the archive", lambda c: c["archive"].update(md5="")),
    "archive_negative": ("sidecar_schema", "a negative length", lambda c: c["archive"].update(bytes=-1)),
    "digest_short": ("sidecar_schema", "a digest of 63 digits", lambda c: c["archive"].update(sha256="0" * 63)),
    "digest_upper": ("sidecar_schema", "a digest in capitals", lambda c: c["archive"].update(sha256="A" * 64)),
    "unchained": ("layer_chain", "four neurons feed five inputs", _set(layer_sizes=[[3, 4], [5, 2]])),
    "declares_a_bomb": (
        "too_large",
        "two small layers and an archive of 2 GiB",
        lambda c: c["archive"].update(bytes=2**31),
    ),
    "declares_beyond_zip": ("too_large", "an archive beyond 4 GiB", lambda c: c["archive"].update(bytes=2**40)),
    "one_byte_less": (
        "archive_digest",
        "a length that is not the file's",
        lambda c: c["archive"].update(bytes=c["archive"]["bytes"] - 1),
    ),
    "other_digest": (
        "archive_digest",
        "a digest that is not the file's",
        lambda c: c["archive"].update(sha256="0" * 64),
    ),
    "wrong_params": ("shape", "one parameter too many counted", lambda c: c.update(total_params=c["total_params"] + 1)),
    "swapped_sizes": ("shape", "another width than the archive's", _set(layer_sizes=[[3, 2], [2, 4]])),
    "wider": ("shape", "one input more than the archive has", _set(layer_sizes=[[4, 4], [4, 2]])),
    "one_layer_less": (
        "too_large",
        "a layer of the archive is not declared: more bytes than one layer needs",
        lambda c: c.update(layer_names=["layer0"], layer_sizes=[[3, 4]], neuron_types=["IF"], n_layers=1),
    ),
    "one_layer_more": (
        "missing_entry",
        "a layer declared is not in the archive",
        lambda c: c.update(
            layer_names=["layer0", "layer1", "more"],
            layer_sizes=[[3, 4], [4, 2], [2, 2]],
            neuron_types=["IF"] * 3,
            n_layers=3,
        ),
    ),
    "no_kind": ("neuron", "neuron parameters of no known kind", _set(neuron_types=["McCulloch-Pitts", "IF"])),
}
for _name, (_code, _comment, _edit) in CONTENT.items():
    HOSTILE[_name] = (_code, _comment, lambda edit=_edit: _fields(edit))


@_hostile("sidecar_schema", "a list instead of an object")
def sidecar_list() -> Pair:
    return _good()[0], b"[]"


@_hostile("sidecar_schema", "null instead of an object")
def sidecar_null() -> Pair:
    return _good()[0], b"null"


# --- archive ---------------------------------------------------------------------------------------------------------


@_hostile("archive_digest", "the archive is cut short")
def cut_archive() -> Pair:
    archive, sidecar = _good()
    return archive[:-100], sidecar


@_hostile("archive_digest", "one bit of a weight is flipped")
def flipped_bit() -> Pair:
    archive, sidecar = _good()
    changed = bytearray(archive)
    changed[200] ^= 1
    return bytes(changed), sidecar


@_hostile("archive_digest", "the archive is empty")
def empty_archive() -> Pair:
    return b"", _good()[1]


@_hostile("archive_digest", "bytes behind the archive")
def appended() -> Pair:
    archive, sidecar = _good()
    return archive + b"more", sidecar


@_hostile("archive_syntax", "an empty archive with the right digest")
def empty_archive_signed() -> Pair:
    return _archive(b"")


@_hostile("archive_syntax", "a .npy where the archive should be")
def bare_npy() -> Pair:
    return _archive(_weights(WEIGHT))


@_hostile("archive_syntax", "a comment behind the archive")
def zip_comment() -> Pair:
    good = _good()[0]
    return _archive(good[:-2] + b"\x04\x00spam")


@_hostile("archive_syntax", "bytes before the archive")
def zip_prefix() -> Pair:
    return _archive(b"MZ" + _good()[0])


@_hostile("archive_syntax", "bytes between two members")
def zip_gap() -> Pair:
    return _archive(_zip(_members(), gap=b"hidden"))


@_hostile("archive_syntax", "more entries counted than there are")
def zip_count() -> Pair:
    good = bytearray(_good()[0])
    good[-14:-10] = struct.pack("<2H", 99, 99)
    return _archive(bytes(good))


@_hostile("archive_syntax", "the two counts of entries differ")
def zip_counts_differ() -> Pair:
    good = bytearray(_good()[0])
    good[-14:-12] = struct.pack("<H", 1)
    return _archive(bytes(good))


@_hostile("archive_syntax", "a directory that begins beyond the end")
def zip_directory_far() -> Pair:
    good = bytearray(_good()[0])
    good[-6:-2] = struct.pack("<I", 2**32 - 1)
    return _archive(bytes(good))


@_hostile("archive_syntax", "a directory of 4 GiB")
def zip_directory_large() -> Pair:
    good = bytearray(_good()[0])
    good[-10:-6] = struct.pack("<I", 2**32 - 1)
    return _archive(bytes(good))


@_hostile("archive_syntax", "an archive of many disks")
def zip_disks() -> Pair:
    good = bytearray(_good()[0])
    good[-18:-16] = struct.pack("<H", 1)
    return _archive(bytes(good))


RECORDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "encrypted": ("archive_syntax", "a member marked as encrypted", {"flags": 1}),
    "streamed": ("archive_syntax", "a member whose sizes stand behind it", {"flags": 8}),
    "other_date": ("archive_syntax", "a member of another day", {"date": 0x5A21}),
    "wrong_crc": ("archive_syntax", "a member whose checksum is wrong", {"crc": 1}),
    "local_extra": ("archive_syntax", "a local header with an extra field", {"extra": b"\x01\x00\x00\x00"}),
    "size_lies": ("archive_syntax", "a member that claims 4 GiB", {"size": 2**32 - 1}),
    "offset_lies": ("archive_syntax", "a member that claims to begin elsewhere", {"offset": 7, "both": False}),
    "directory_crc": ("archive_syntax", "directory and header differ", {"crc": 1, "both": False}),
    "deflated_claim": ("compressed_entry", "a member marked as deflated", {"method": 8}),
    "unknown_method": ("compressed_entry", "a member of an unknown method", {"method": 99}),
}
for _name, (_code, _comment, _fields_) in RECORDS.items():
    HOSTILE[_name] = (_code, _comment, lambda fields=_fields_: _archive(_zip(_members(), **fields)))


@_hostile("compressed_entry", "an archive as numpy.savez_compressed writes it")
def deflated() -> Pair:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _members():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return _archive(buffer.getvalue())


@_hostile("archive_syntax", "an archive as Python's zipfile writes it: other records, same members")
def foreign_records() -> Pair:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in _members():
            archive.writestr(zipfile.ZipInfo(name), data)
    return _archive(buffer.getvalue())


@_hostile("archive_syntax", "members out of order")
def out_of_order() -> Pair:
    return _archive(_zip(_members()[::-1]))


@_hostile("duplicate_entry", "a weight that stands twice")
def twice() -> Pair:
    members = _members()
    return _archive(_zip([members[0], *members]))


@_hostile("unexpected_entry", "a member of another name")
def evil_entry() -> Pair:
    return _archive(_zip([*_members(), ("evil.npy", b"x")]))


@_hostile("unexpected_entry", "a member that climbs out of the folder")
def climbing_entry() -> Pair:
    return _archive(_zip([*_members(), ("../../evil.npy", b"x")]))


@_hostile("unexpected_entry", "a member whose name is not ASCII")
def foreign_name() -> Pair:
    return _archive(_zip([*_members(), ("Gewicht_ö.npy", b"x")]))


@_hostile("unexpected_entry", "members named as numpy.savez names a list")
def savez_names() -> Pair:
    return _archive(_zip([("arr_0.npy", _weights(WEIGHT))]))


@_hostile("missing_entry", "no weight of the second layer")
def no_second_weight() -> Pair:
    return _archive(_zip([m for m in _members() if m[0] != "layer_1.weight.npy"]))


@_hostile("missing_entry", "an archive of no members")
def no_members() -> Pair:
    return _archive(_zip([]))


# --- members ---------------------------------------------------------------------------------------------------------


def _header(text: str, values: bytes = WEIGHT.tobytes()) -> bytes:
    length = -(-(10 + len(text) + 1) // 64) * 64 - 10
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", length) + text.ljust(length - 1).encode() + b"\n" + values


def _described(descr: str = "<f8", order: str = "False", shape: str = "(4, 3)") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"


NPY: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "empty_member": ("archive_syntax", "a member of no bytes", lambda: b""),
    "not_npy": ("archive_syntax", "a member that is no .npy", lambda: b"spikes" * 20),
    "npy_version_2": ("archive_syntax", "a .npy of version 2", lambda: b"\x93NUMPY\x02\x00" + _weights(WEIGHT)[8:]),
    "npy_header_long": (
        "archive_syntax",
        "a header longer than the member",
        lambda: b"\x93NUMPY\x01\x00\xff\xff" + _weights(WEIGHT)[10:],
    ),
    "npy_header_code": ("archive_syntax", "a header that is code", lambda: _header("__import__('os').system('true')")),
    "npy_header_keys": (
        "archive_syntax",
        "a header with its keys in another order",
        lambda: _header("{'fortran_order': False, 'descr': '<f8', 'shape': (4, 3), }"),
    ),
    "npy_header_unpadded": (
        "archive_syntax",
        "a header padded by less",
        lambda: (
            b"\x93NUMPY\x01\x00" + struct.pack("<H", 60) + _described().ljust(59).encode() + b"\n" + WEIGHT.tobytes()
        ),
    ),
    "npy_structured": (
        "archive_syntax",
        "a structured dtype",
        lambda: _header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4, 3), }"),
    ),
    "pickled": ("pickle", "an array of Python objects", lambda: _header(_described("|O"), b"\x80\x04N.")),
    "integers": ("dtype", "an array of integers", lambda: _header(_described("<i8"))),
    "halves": ("dtype", "an array of float16", lambda: _weights(WEIGHT.astype("<f2"))),
    "big_endian": ("dtype", "an array of the other byte order", lambda: _header(_described(">f8"))),
    "complex_numbers": (
        "dtype",
        "an array of complex numbers",
        lambda: _header(_described("<c16"), WEIGHT.astype("<c16").tobytes()),
    ),
    "fortran": ("shape", "an array in Fortran order", lambda: _header(_described(order="True"))),
    "transposed_shape": ("shape", "(in, out) instead of (out, in)", lambda: _header(_described(shape="(3, 4)"))),
    "flat_shape": ("shape", "one axis instead of two", lambda: _header(_described(shape="(12,)"))),
    "no_axes": ("shape", "no axis", lambda: _header(_described(shape="()"))),
    "bare_comma": ("archive_syntax", "a shape that is a comma", lambda: _header(_described(shape="(,)"))),
    "three_axes": ("shape", "three axes", lambda: _header(_described(shape="(4, 3, 1)"))),
    "huge_shape": (
        "shape",
        "a shape whose product overflows",
        lambda: _header(_described(shape="(4294967296, 4294967296)")),
    ),
    "values_missing": ("shape", "one value too few", lambda: _weights(WEIGHT)[:-8]),
    "values_extra": ("shape", "one byte too many", lambda: _weights(WEIGHT) + b"\x00"),
    "tight_shape": ("archive_syntax", "a shape written without its space", lambda: _header(_described(shape="(4,3)"))),
    "nan_weight": (
        "non_finite",
        "a weight that is NaN",
        lambda: _weights(np.where(np.arange(12).reshape(4, 3) == 7, np.nan, WEIGHT)),
    ),
    "inf_weight": (
        "non_finite",
        "a weight that is infinite",
        lambda: _weights(np.where(np.arange(12).reshape(4, 3) == 11, -np.inf, WEIGHT)),
    ),
    "bias_of_other_type": ("dtype", "a weight of f32 beside a bias of f64", lambda: _weights(WEIGHT.astype("<f4"))),
}
for _name, (_code, _comment, _data) in NPY.items():
    HOSTILE[_name] = (_code, _comment, lambda data=_data: _npy(data()))


def _row(index: int, value: float) -> Callable[[Any], Any]:
    def change(rows: Any) -> Any:
        rows[index] = value
        return rows

    return change


NEURON: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "neuron_threshold_zero": ("neuron", "a threshold of zero", _row(0, 0.0)),
    "neuron_hard_reset_half": ("neuron", "half a hard reset", _row(2, 0.5)),
    "neuron_hard_reset_two": ("neuron", "two hard resets", _row(2, 2.0)),
    "neuron_reset_unused": ("neuron", "a reset value under soft reset", _row(3, 0.25)),
    "neuron_hard_reset_minus_zero": ("neuron", "soft reset written as -0: one content, one encoding", _row(2, -0.0)),
    "neuron_reset_minus_zero": ("neuron", "no reset value written as -0", _row(3, -0.0)),
    "neuron_tracer_minus_zero": ("neuron", "a tracer bound of -0", _row(5, -0.0)),
    "neuron_leak": ("neuron", "IF with a leak", _row(4, 0.5)),
    "neuron_leak_above_one": ("neuron", "a leak above one", _row(4, 1.5)),
    "neuron_tracer_fraction": ("neuron", "a tracer bound with a fraction", _row(6, 3.5)),
    "neuron_tracer_above_zero": ("neuron", "tracer bounds without zero", _row(5, 1.0)),
    "neuron_tracer_huge": ("neuron", "a tracer bound beyond 31 bits", _row(6, 2.0**40)),
    "neuron_nan": ("non_finite", "a threshold that is NaN", _row(0, np.nan)),
    "neuron_six_rows": ("shape", "six rows instead of seven", lambda rows: rows[:6]),
    "neuron_three_columns": ("shape", "three columns for four neurons", lambda rows: np.repeat(rows, 3, axis=1)),
    "neuron_f32": ("dtype", "neuron parameters as f32", lambda rows: rows.astype("<f4")),
}
for _name, (_code, _comment, _alter) in NEURON.items():
    HOSTILE[_name] = (_code, _comment, lambda alter=_alter: _neuron(alter))


@_hostile("neuron", "a tracer bound that differs between neurons")
def neuron_tracer_differs() -> Pair:
    rows = np.repeat(np.array([[1.0], [0.5], [0.0], [0.0], [1.0], [0.0], [31.0]]), 4, axis=1)
    rows[6, 2] = 30.0
    return _neuron(lambda _: rows)


@_hostile("neuron", "a reset at the threshold")
def neuron_reset_at_threshold() -> Pair:
    def change(rows: Any) -> Any:
        rows[2], rows[3] = 1.0, 1.0
        return rows

    return _neuron(change)
