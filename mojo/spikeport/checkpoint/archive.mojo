"""The archive: `<name>.npz`, a stored ZIP with one encoding of a content.

Written by hand, byte for byte, since the same content must give the same bytes
in four languages; read by hand, since every length is checked before anything
is made of it. No pickle, no inflate. What a member is for is not known here:
whoever read the sidecar hands over a list of the members to expect.
"""
from ..checks import product, refusal
from .crc32 import crc32
from .npy import StoredArray, bytes_of, npy_header, read_npy

comptime LARGEST_ARCHIVE = (1 << 32) - 1
"""Bytes that an archive may have."""
comptime LOCAL_SIZE = 30
"""Bytes of a local header without the name."""
comptime CENTRAL_SIZE = 46
"""Bytes of a directory entry without the name."""
comptime END_SIZE = 22
"""Bytes of the end record."""
comptime RECORDS_SIZE = LOCAL_SIZE + CENTRAL_SIZE + 128 + 64
"""Bytes of a member's two records, with room for its `.npy` header and name."""


@fieldwise_init
struct Member(Copyable):
    """A member that an archive may have."""

    var name: String
    """Its name in the archive."""
    var shapes: List[List[Int]]
    """The shapes that its array may have."""
    var types: List[DType]
    """The types that its array may have."""
    var required: Bool
    """Whether an archive without it is refused."""

    def most_bytes(self) -> Int:
        """Returns the most bytes that its values can need."""
        var values = 0
        for shape in self.shapes:
            values = max(values, product(shape))
        var bytes = 0
        for dtype in self.types:
            bytes = max(bytes, bytes_of(dtype))
        return product(bytes, values)


def largest_archive(expected: List[Member]) -> Int:
    """Returns the most bytes that an archive of these members can need, or
    more than any archive may have."""
    var total = END_SIZE
    for member in expected:
        total += RECORDS_SIZE + min(member.most_bytes(), LARGEST_ARCHIVE + 1)
    return total


struct ArchiveWriter(Movable):
    """An archive in the making: `add` its members in order, then `finish`."""

    var body: List[UInt8]
    """The members."""
    var directory: List[UInt8]
    """Their entries in the directory."""
    var count: Int
    """How many they are."""

    def __init__(out self):
        """Begins an archive."""
        self.body = []
        self.directory = []
        self.count = 0

    def add(mut self, name: String, array: StoredArray) raises:
        """Adds a member; the caller has checked name and values."""
        var data = npy_header(array.dtype, array.shape)
        var size = len(data) + len(array.data)
        if len(self.body) + size > LARGEST_ARCHIVE - (1 << 20):
            raise refusal(
                "too_large", "the archive would exceed 4 GiB: split the network"
            )
        data.extend(Span(array.data))
        var checksum = crc32(data)
        self.directory.extend(_central(name, checksum, size, len(self.body)))
        self.body.extend(_local(name, checksum, size))
        self.body.extend(Span(data))
        self.count += 1

    def finish(deinit self) -> List[UInt8]:
        """Returns the bytes of the archive."""
        var start = len(self.body)
        self.body.extend(Span(self.directory))
        self.body.extend("PK\x05\x06".as_bytes())
        append_integers[2](self.body, 0, 0, self.count, self.count)
        append_integers[4](self.body, len(self.directory), start)
        append_integers[2](self.body, 0)
        return self.body^


def _local(name: String, checksum: UInt32, size: Int) -> List[UInt8]:
    var out = List[UInt8]("PK\x03\x04".as_bytes())
    append_integers[2](out, 20, 0, 0, 0, 0x0021)
    append_integers[4](out, Int(checksum), size, size)
    append_integers[2](out, name.byte_length(), 0)
    out.extend(name.as_bytes())
    return out^


def _central(
    name: String, checksum: UInt32, size: Int, offset: Int
) -> List[UInt8]:
    var out = List[UInt8]("PK\x01\x02".as_bytes())
    append_integers[2](out, 20, 20, 0, 0, 0, 0x0021)
    append_integers[4](out, Int(checksum), size, size)
    append_integers[2](out, name.byte_length(), 0, 0, 0, 0)
    append_integers[4](out, 0, offset)
    out.extend(name.as_bytes())
    return out^


def append_integers[size: Int](mut out: List[UInt8], *values: Int):
    """Appends unsigned integers, little-endian."""
    for value in values:
        for i in range(size):
            out.append(UInt8((value >> (8 * i)) & 0xFF))


def read_integer[size: Int](data: Span[UInt8, _], at: Int) -> Int:
    """Reads an unsigned integer, little-endian."""
    var value = 0
    for i in range(size):
        value |= Int(data[at + i]) << (8 * i)
    return value


@fieldwise_init
struct Place(ImplicitlyCopyable):
    """Where the bytes of a member stand; all 0 where there is none."""

    var data: Int
    """Where its bytes begin."""
    var end: Int
    """Where its bytes end."""


struct Archive(Movable):
    """An archive whose records are checked; an array is checked when it is
    read, so that those that belong together can be compared before the next.
    """

    var content: List[UInt8]
    """The bytes of the archive."""
    var expected: List[Member]
    """The members that it may have."""
    var places: List[Place]
    """Where each of them stands."""

    def __init__(
        out self, var content: List[UInt8], var expected: List[Member]
    ) raises:
        """Checks all that is not inside a member; refuses by
        `archive_syntax`, `duplicate_entry`, `unexpected_entry`,
        `missing_entry`, `compressed_entry`."""
        self.places = _directory(content, expected)
        self.content = content^
        self.expected = expected^

    def array(self, index: Int) raises -> Optional[StoredArray]:
        """Reads an expected member, None where it is not there; refuses as
        `read_npy` does."""
        var place = self.places[index]
        if place.end == 0:
            return None
        ref member = self.expected[index]
        return read_npy(
            Span(self.content)[place.data : place.end],
            member.shapes,
            member.types,
            member.name,
        )


def _directory(
    content: Span[UInt8, _], expected: List[Member]
) raises -> List[Place]:
    """Checks the ZIP's records and returns a place for every expected member.
    """
    var damaged = refusal(
        "archive_syntax", "not an archive of ours: save the checkpoint again"
    )
    var at_end = len(content) - END_SIZE
    if at_end < 0 or not _signed(content, at_end, 5, 6):
        raise damaged^
    var count = read_integer[2](content, at_end + 10)
    var start = read_integer[4](content, at_end + 16)
    if (
        read_integer[4](content, at_end + 4) != 0
        or read_integer[2](content, at_end + 8) != count
        or start + read_integer[4](content, at_end + 12) != at_end
        or read_integer[2](content, at_end + 20) != 0
    ):
        raise damaged^

    var entries = List[Int]()
    var at = start
    for _ in range(count):
        if at + CENTRAL_SIZE > at_end or not _signed(content, at, 1, 2):
            raise damaged^
        entries.append(at)
        at += CENTRAL_SIZE + read_integer[2](content, at + 28)
        if at > at_end:
            raise damaged^
    if at != at_end:
        raise damaged^

    var order = _check_names(content, entries, expected)
    for entry in entries:
        if read_integer[2](content, entry + 10) != 0:
            raise refusal("compressed_entry", "members must be stored")
    for k in range(1, len(order)):
        if order[k] < order[k - 1]:
            raise damaged^

    var places = List[Place](length=len(expected), fill=Place(0, 0))
    var position = 0
    for k in range(len(entries)):
        var entry = entries[k]
        var checksum = UInt32(read_integer[4](content, entry + 16))
        var size = read_integer[4](content, entry + 24)
        ref name = expected[order[k]].name
        var data = position + LOCAL_SIZE + name.byte_length()
        var after = entry + CENTRAL_SIZE + name.byte_length()
        if (
            Span(_central(name, checksum, size, position))
            != content[entry:after]
            or data + size > start
            or Span(_local(name, checksum, size)) != content[position:data]
            or crc32(content[data : data + size]) != checksum
        ):
            raise damaged^
        places[order[k]] = Place(data, data + size)
        position = data + size
    if position != start:
        raise damaged^
    return places^


def _check_names(
    content: Span[UInt8, _], entries: List[Int], expected: List[Member]
) raises -> List[Int]:
    """Returns which member every entry is, in the order of the directory."""
    var known = Dict[String, Int]()
    for index in range(len(expected)):
        known[expected[index].name] = index
    var seen = List[Bool](length=len(expected), fill=False)
    var order = List[Int]()
    for entry in entries:
        var start = entry + CENTRAL_SIZE
        var end = start + read_integer[2](content, entry + 28)
        # Looked up only, so any bytes will do.
        var name = String(unsafe_from_utf8=content[start:end])
        var index = known.get(name).or_else(-1)
        if index < 0:
            raise refusal(
                "unexpected_entry",
                "a member belongs to nothing that the sidecar names",
            )
        if seen[index]:
            raise refusal("duplicate_entry", String(name, " stands twice"))
        seen[index] = True
        order.append(index)
    for index in range(len(expected)):
        if expected[index].required and not seen[index]:
            raise refusal(
                "missing_entry",
                String(expected[index].name, " is not there"),
            )
    return order^


def _signed(content: Span[UInt8, _], at: Int, a: UInt8, b: UInt8) -> Bool:
    return (
        content[at] == UInt8(ord("P"))
        and content[at + 1] == UInt8(ord("K"))
        and content[at + 2] == a
        and content[at + 3] == b
    )
