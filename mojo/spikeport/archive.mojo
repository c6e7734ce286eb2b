"""The archive: `<name>.npz`, a stored ZIP with one encoding of a content.

Written by hand, byte for byte, since the same content must give the same bytes
in four languages; read by hand, since every length is checked against the
sidecar before anything is made of it. No pickle, no inflate.
"""
from .checks import product, refusal
from .crc32 import crc32
from .npy import StoredArray, npy_header, read_npy
from .sidecar import LayerSize

comptime LARGEST_ARCHIVE = (1 << 32) - 1
"""Bytes that an archive may have."""
comptime NEURON_ROWS = 7
"""Rows of a neuron member: threshold, v_init, hard_reset, v_reset, beta,
tracer_min, tracer_max."""
comptime PARTS: List[String] = ["weight", "bias", "neuron"]
"""The members of a layer, in their order."""
comptime LOCAL_SIZE = 30
"""Bytes of a local header without the name."""
comptime CENTRAL_SIZE = 46
"""Bytes of a directory entry without the name."""
comptime END_SIZE = 22
"""Bytes of the end record."""


struct LayerArrays(Copyable):
    """The arrays of one layer."""

    var weight: StoredArray
    """Weights (out, in)."""
    var bias: Optional[StoredArray]
    """Bias (out,), or None."""
    var neuron: Optional[StoredArray]
    """Neuron parameters (7, 1) or (7, out), float64, or None."""

    def __init__(
        out self,
        var weight: StoredArray,
        var bias: Optional[StoredArray] = None,
        var neuron: Optional[StoredArray] = None,
    ):
        """Puts the arrays together.

        Args:
            weight: Weights (out, in).
            bias: Bias (out,), or None.
            neuron: Neuron parameters (7, 1) or (7, out), or None.
        """
        self.weight = weight^
        self.bias = bias^
        self.neuron = neuron^


def member_name(index: Int) -> String:
    """Names a member.

    Args:
        index: Three times the layer, plus 0 for the weight, 1 for the bias,
            2 for the neuron.

    Returns:
        Its name in the archive.
    """
    var part = materialize[PARTS]()[index % 3]
    return String("layer_", index // 3, ".", part, ".npy")


def largest_archive(sizes: List[LayerSize]) -> Int:
    """Returns the most bytes that layers can need.

    Args:
        sizes: Widths of the layers.

    Returns:
        22 + Σ (804 + 8·(out·in + 8·out)), or more than any archive may have.
    """
    var total = END_SIZE
    for size in sizes:
        var values = product(size.n_out, size.n_in)
        if values > LARGEST_ARCHIVE:
            return LARGEST_ARCHIVE + 1
        total += 804 + 8 * (values + 8 * size.n_out)
    return total


def write_archive(layers: List[LayerArrays]) raises -> List[UInt8]:
    """Returns the one encoding of checked arrays.

    Args:
        layers: The arrays.

    Returns:
        The bytes of the archive.

    Raises:
        Error: `too_large`.
    """
    var body = List[UInt8]()
    var directory = List[UInt8]()
    var count = 0
    for index in range(3 * len(layers)):
        ref layer = layers[index // 3]
        var data: List[UInt8]
        if index % 3 == 0:
            data = _member(layer.weight)
        elif index % 3 == 1:
            if not layer.bias:
                continue
            data = _member(layer.bias.value())
        else:
            if not layer.neuron:
                continue
            data = _member(layer.neuron.value())
        if len(body) + len(data) > LARGEST_ARCHIVE - (1 << 20):
            raise refusal(
                "too_large", "the archive would exceed 4 GiB: split the network"
            )
        var name = member_name(index)
        var checksum = crc32(data)
        directory.extend(_central(name, checksum, len(data), len(body)))
        body.extend(_local(name, checksum, len(data)))
        body.extend(Span(data))
        count += 1
    var start = len(body)
    body.extend(Span(directory))
    body.extend("PK\x05\x06".as_bytes())
    append_integers[2](body, 0, 0, count, count)
    append_integers[4](body, len(directory), start)
    append_integers[2](body, 0)
    return body^


def _member(array: StoredArray) -> List[UInt8]:
    var data = npy_header(array.double, array.shape)
    data.extend(Span(array.data))
    return data^


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
    """Appends unsigned integers, little-endian.

    Parameters:
        size: Bytes of each.

    Args:
        out: Bytes, which grow.
        values: The integers.
    """
    for value in values:
        for i in range(size):
            out.append(UInt8((value >> (8 * i)) & 0xFF))


def read_integer[size: Int](data: Span[UInt8, _], at: Int) -> Int:
    """Reads an unsigned integer, little-endian.

    Parameters:
        size: Its bytes.

    Args:
        data: Bytes, at least `at + size`.
        at: Where it begins.

    Returns:
        The integer.
    """
    var value = 0
    for i in range(size):
        value |= Int(data[at + i]) << (8 * i)
    return value


def read_archive(
    content: Span[UInt8, _], sizes: List[LayerSize]
) raises -> List[LayerArrays]:
    """Reads an archive whose layers have the sizes that its sidecar says.

    Args:
        content: The bytes of the archive.
        sizes: Widths of the layers.

    Returns:
        The arrays of every layer.

    Raises:
        Error: `archive_syntax`, `duplicate_entry`, `unexpected_entry`,
            `missing_entry`, `compressed_entry`, `pickle`, `dtype`, `shape`,
            `non_finite`.
    """
    var places = _directory(content, len(sizes))
    var layers = List[LayerArrays]()
    for k in range(len(sizes)):
        var n_in = sizes[k].n_in
        var n_out = sizes[k].n_out
        var weight = read_npy(
            content[places[3 * k].data : places[3 * k].end],
            [[n_out, n_in]],
            member_name(3 * k),
        )
        var layer = LayerArrays(weight^)
        var bias = places[3 * k + 1]
        if bias.end > 0:
            layer.bias = read_npy(
                content[bias.data : bias.end],
                [[n_out]],
                member_name(3 * k + 1),
            )
        var neuron = places[3 * k + 2]
        if neuron.end > 0:
            layer.neuron = read_npy(
                content[neuron.data : neuron.end],
                [[NEURON_ROWS, 1], [NEURON_ROWS, n_out]],
                member_name(3 * k + 2),
            )
        if layer.bias and layer.bias.value().double != layer.weight.double:
            raise refusal(
                "dtype",
                String("layer_", k, ": bias and weight differ in dtype"),
            )
        if layer.neuron and not layer.neuron.value().double:
            raise refusal(
                "dtype", String("layer_", k, ": neuron must be float64")
            )
        layers.append(layer^)
    return layers^


@fieldwise_init
struct Place(ImplicitlyCopyable):
    """Where the bytes of a member stand; all 0 where there is none."""

    var data: Int
    """Where its bytes begin."""
    var end: Int
    """Where its bytes end."""


def _directory(content: Span[UInt8, _], n_layers: Int) raises -> List[Place]:
    """Checks the ZIP's records and returns a place for every possible member.
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

    var order = _check_names(content, entries, n_layers)
    for entry in entries:
        if read_integer[2](content, entry + 10) != 0:
            raise refusal("compressed_entry", "members must be stored")
    for k in range(1, len(order)):
        if order[k] < order[k - 1]:
            raise damaged^

    var places = List[Place](length=3 * n_layers, fill=Place(0, 0))
    var position = 0
    for k in range(len(entries)):
        var entry = entries[k]
        var checksum = UInt32(read_integer[4](content, entry + 16))
        var size = read_integer[4](content, entry + 24)
        var name = member_name(order[k])
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
    content: Span[UInt8, _], entries: List[Int], n_layers: Int
) raises -> List[Int]:
    """Returns which member every entry is, in the order of the directory."""
    var known = Dict[String, Int]()
    for index in range(3 * n_layers):
        known[member_name(index)] = index
    var seen = List[Bool](length=3 * n_layers, fill=False)
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
                "a member belongs to no layer of the sidecar",
            )
        if seen[index]:
            raise refusal("duplicate_entry", String(name, " stands twice"))
        seen[index] = True
        order.append(index)
    for k in range(n_layers):
        if not seen[3 * k]:
            raise refusal(
                "missing_entry", String(member_name(3 * k), " is not there")
            )
    return order^


def _signed(content: Span[UInt8, _], at: Int, a: UInt8, b: UInt8) -> Bool:
    return (
        content[at] == UInt8(ord("P"))
        and content[at + 1] == UInt8(ord("K"))
        and content[at + 2] == a
        and content[at + 3] == b
    )
