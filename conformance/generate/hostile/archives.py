"""Archives that are not ours, or not whole."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

from conformance.generate.hostile.change import (
    HOSTILE,
    WEIGHT,
    Pair,
    good_members,
    good_pair,
    hostile,
    put_archive,
    weights,
    zip_of,
)


@hostile("archive_digest", "the archive is cut short")
def cut_archive() -> Pair:
    archive, sidecar = good_pair()
    return archive[:-100], sidecar


@hostile("archive_digest", "one bit of a weight is flipped")
def flipped_bit() -> Pair:
    archive, sidecar = good_pair()
    changed = bytearray(archive)
    changed[200] ^= 1
    return bytes(changed), sidecar


@hostile("archive_digest", "the archive is empty")
def empty_archive() -> Pair:
    return b"", good_pair()[1]


@hostile("archive_digest", "bytes behind the archive")
def appended() -> Pair:
    archive, sidecar = good_pair()
    return archive + b"more", sidecar


@hostile("archive_syntax", "an empty archive with the right digest")
def empty_archive_signed() -> Pair:
    return put_archive(b"")


@hostile("archive_syntax", "a .npy where the archive should be")
def bare_npy() -> Pair:
    return put_archive(weights(WEIGHT))


@hostile("archive_syntax", "a comment behind the archive")
def zip_comment() -> Pair:
    good = good_pair()[0]
    return put_archive(good[:-2] + b"\x04\x00spam")


@hostile("archive_syntax", "bytes before the archive")
def zip_prefix() -> Pair:
    return put_archive(b"MZ" + good_pair()[0])


@hostile("archive_syntax", "bytes between two members")
def zip_gap() -> Pair:
    return put_archive(zip_of(good_members(), gap=b"hidden"))


def _patched(at: int, field: bytes) -> Pair:
    """Put ``field`` over the archive's bytes from ``at`` on, counted from its end."""
    good = good_pair()[0]
    return put_archive(good[:at] + field + good[at + len(field) :])


@hostile("archive_syntax", "more entries counted than there are")
def zip_count() -> Pair:
    return _patched(-14, struct.pack("<2H", 99, 99))


@hostile("archive_syntax", "the two counts of entries differ")
def zip_counts_differ() -> Pair:
    return _patched(-14, struct.pack("<H", 1))


@hostile("archive_syntax", "a directory that begins beyond the end")
def zip_directory_far() -> Pair:
    return _patched(-6, struct.pack("<I", 2**32 - 1))


@hostile("archive_syntax", "a directory of 4 GiB")
def zip_directory_large() -> Pair:
    return _patched(-10, struct.pack("<I", 2**32 - 1))


@hostile("archive_syntax", "an archive of many disks")
def zip_disks() -> Pair:
    return _patched(-18, struct.pack("<H", 1))


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
    HOSTILE[_name] = (_code, _comment, lambda fields=_fields_: put_archive(zip_of(good_members(), **fields)))


@hostile("compressed_entry", "an archive as numpy.savez_compressed writes it")
def deflated() -> Pair:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in good_members():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return put_archive(buffer.getvalue())


@hostile("archive_syntax", "an archive as Python's zipfile writes it: other records, same members")
def foreign_records() -> Pair:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in good_members():
            archive.writestr(zipfile.ZipInfo(name), data)
    return put_archive(buffer.getvalue())


@hostile("archive_syntax", "members out of order")
def out_of_order() -> Pair:
    return put_archive(zip_of(good_members()[::-1]))


@hostile("compressed_entry", "members out of order, one of them marked as deflated: that comes first")
def out_of_order_deflated() -> Pair:
    return put_archive(zip_of(good_members()[::-1], method=8))


@hostile("unexpected_entry", "a foreign member that stands twice: names are looked at one by one")
def foreign_twice() -> Pair:
    return put_archive(zip_of([*good_members(), ("evil.npy", b"x"), ("evil.npy", b"x")]))


@hostile("duplicate_entry", "a weight that stands twice before a foreign member: names are looked at one by one")
def twice_before_foreign() -> Pair:
    first = good_members()[0]
    return put_archive(zip_of([first, first, ("evil.npy", b"x")]))


@hostile("duplicate_entry", "a weight that stands twice")
def twice() -> Pair:
    members = good_members()
    return put_archive(zip_of([members[0], *members]))


@hostile("unexpected_entry", "a member of another name")
def evil_entry() -> Pair:
    return put_archive(zip_of([*good_members(), ("evil.npy", b"x")]))


@hostile("unexpected_entry", "a member that climbs out of the folder")
def climbing_entry() -> Pair:
    return put_archive(zip_of([*good_members(), ("../../evil.npy", b"x")]))


@hostile("unexpected_entry", "a member whose name is not ASCII")
def foreign_name() -> Pair:
    return put_archive(zip_of([*good_members(), ("Gewicht_ö.npy", b"x")]))


@hostile("unexpected_entry", "members named as numpy.savez names a list")
def savez_names() -> Pair:
    return put_archive(zip_of([("arr_0.npy", weights(WEIGHT))]))


@hostile("missing_entry", "no weight of the second layer")
def no_second_weight() -> Pair:
    return put_archive(zip_of([m for m in good_members() if m[0] != "layer_1.weight.npy"]))


@hostile("missing_entry", "an archive of no members")
def no_members() -> Pair:
    return put_archive(zip_of([]))
