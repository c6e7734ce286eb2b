"""Arrays as `.npy` files of version 1.0, in the one encoding of the contract.

The machine is little-endian, as all that Mojo compiles for are.
"""
from std.memory import bitcast

from ..checks import all_finite, product, refusal

comptime MAGIC = "NUMPY\x01\x00"
"""What follows the byte 0x93 at the begin of a version 1.0 file."""


struct StoredArray(Copyable):
    """An array of `f4` or `f8` as its bytes, row-major and little-endian."""

    var double: Bool
    """Whether the values are float64, else float32."""
    var shape: List[Int]
    """The sizes, all above 0."""
    var data: List[UInt8]
    """The bytes of the values."""

    def __init__(
        out self, double: Bool, var shape: List[Int], var data: List[UInt8]
    ):
        """Puts checked parts together.

        Args:
            double: Whether the values are float64.
            shape: The sizes.
            data: The bytes of the values, as many as the shape needs.
        """
        self.double = double
        self.shape = shape^
        self.data = data^

    @staticmethod
    def of[
        dtype: DType, //
    ](values: List[Scalar[dtype]], var shape: List[Int]) -> StoredArray:
        """Stores values.

        Parameters:
            dtype: `float32` or `float64`.

        Args:
            values: The values, row-major.
            shape: The sizes.

        Returns:
            The array.
        """
        comptime size = 8 if dtype == DType.float64 else 4
        var data = List[UInt8](capacity=size * len(values))
        for value in values:
            var bytes = bitcast[DType.uint8, size](value)
            comptime for i in range(size):
                data.append(bytes[i])
        return StoredArray(dtype == DType.float64, shape^, data^)

    def count(self) -> Int:
        """Returns the number of values.

        Returns:
            The number.
        """
        return len(self.data) // (8 if self.double else 4)

    def values[dtype: DType](self) -> List[Scalar[dtype]]:
        """Returns the values.

        Parameters:
            dtype: Type to round them to.

        Returns:
            The values, row-major.
        """
        # Sound: `data` has 8 or 4 bytes for each of `count` values.
        var count = self.count()
        var bytes = self.data.unsafe_ptr()
        if self.double:
            var p = bytes.unsafe_bitcast[Float64]()
            return [Scalar[dtype](p[unsafe_offset=i]) for i in range(count)]
        var p = bytes.unsafe_bitcast[Float32]()
        return [Scalar[dtype](p[unsafe_offset=i]) for i in range(count)]

    def is_finite(self) -> Bool:
        """Tells whether no value is NaN or infinite.

        Returns:
            True where all are finite.
        """
        # Sound: as in `values`.
        var bytes = self.data.unsafe_ptr()
        if self.double:
            return all_finite(bytes.unsafe_bitcast[Float64](), self.count())
        return all_finite(bytes.unsafe_bitcast[Float32](), self.count())


def npy_header(double: Bool, shape: List[Int]) -> List[UInt8]:
    """Returns the header of a file, padded to a multiple of 64 bytes."""
    var text = String(
        "{'descr': '",
        "<f8" if double else "<f4",
        "', 'fortran_order': False, 'shape': (",
    )
    for k in range(len(shape)):
        if k > 0:
            text += ", "
        text += String(shape[k])
    text += ",), }" if len(shape) == 1 else "), }"
    var length = (10 + text.byte_length() + 1 + 63) // 64 * 64 - 10
    var header: List[UInt8] = [0x93]
    header.extend(MAGIC.as_bytes())
    header.append(UInt8(length & 0xFF))
    header.append(UInt8(length >> 8))
    header.extend(text.as_bytes())
    while len(header) < 10 + length - 1:
        header.append(UInt8(ord(" ")))
    header.append(UInt8(ord("\n")))
    return header^


def read_npy(
    data: Span[UInt8, _],
    shapes: List[List[Int]],
    types: List[String],
    place: String,
) raises -> StoredArray:
    """Reads a file that must have one of some shapes and types; refuses by
    `archive_syntax`, `pickle`, `dtype`, `shape`, `non_finite`, in this order.
    """
    var syntax = refusal(
        "archive_syntax", String(place, " is not a .npy that we write")
    )
    if len(data) < 10 or data[0] != 0x93 or not _at(data, 1, MAGIC):
        raise syntax^
    var start = 10 + Int(data[8]) + 256 * Int(data[9])
    if start > len(data):
        raise syntax^
    var header = NpyHeader()
    if not header.parse(data[10:start]):
        raise syntax^
    if "O" in header.descr:
        raise refusal(
            "pickle",
            String(place, " holds Python objects, which are never loaded"),
        )
    if header.descr not in types:
        raise refusal(
            "dtype", String(place, " is not of type ", " or ".join(types))
        )
    if header.fortran_order or header.shape not in shapes:
        raise refusal(
            "shape", String(place, " has not the shape that the sidecar says")
        )
    var double = header.descr == "<f8"
    if Span(npy_header(double, header.shape)) != data[0:start]:
        raise syntax^
    var needed = product(8 if double else 4, product(header.shape))
    if len(data) - start != needed:
        raise refusal(
            "shape", String(place, " has not the bytes that its shape needs")
        )
    var array = StoredArray(
        double, header.shape.copy(), List[UInt8](data[start : len(data)])
    )
    if not array.is_finite():
        raise refusal("non_finite", String(place, " holds NaN or infinity"))
    return array^


struct NpyHeader(Copyable):
    """What the header of a `.npy` says."""

    var descr: String
    """The type of the values."""
    var fortran_order: Bool
    """Whether the first index varies fastest."""
    var shape: List[Int]
    """The sizes."""

    def __init__(out self):
        """Makes a header that says nothing."""
        self.descr = ""
        self.fortran_order = False
        self.shape = []

    def parse(mut self, text: Span[UInt8, _]) -> Bool:
        """Reads the one form that is allowed; no `eval`."""
        var at = 0
        if not _take(text, at, "{'descr': '"):
            return False
        var start = at
        while at < len(text) and text[at] != UInt8(ord("'")):
            at += 1
        # Compared and searched only, so any bytes will do.
        self.descr = String(unsafe_from_utf8=text[start:at])
        if not _take(text, at, "', 'fortran_order': "):
            return False
        self.fortran_order = _take(text, at, "True")
        if not self.fortran_order and not _take(text, at, "False"):
            return False
        if not _take(text, at, ", 'shape': ("):
            return False
        if not self._sizes(text, at) or not _take(text, at, "), }"):
            return False
        while at < len(text) and text[at] == UInt8(ord(" ")):
            at += 1
        return at == len(text) - 1 and text[at] == UInt8(ord("\n"))

    def _sizes(mut self, text: Span[UInt8, _], mut at: Int) -> Bool:
        """Reads whole numbers, `,` or `, ` between, perhaps `,` at the end."""
        while at < len(text) and 48 <= Int(text[at]) <= 57:
            var digits = 0
            var size = 0
            while at < len(text) and 48 <= Int(text[at]) <= 57:
                size = 10 * size + Int(text[at]) - 48
                digits += 1
                if digits > 10:
                    return False
                at += 1
            self.shape.append(size)
            if not _take(text, at, ","):
                return True
            if _take(text, at, " ") and not (
                at < len(text) and 48 <= Int(text[at]) <= 57
            ):
                return False
        return True


def _at(text: Span[UInt8, _], at: Int, expected: StringSpan) -> Bool:
    var bytes = expected.as_bytes()
    return at + len(bytes) <= len(text) and text[at : at + len(bytes)] == bytes


def _take(text: Span[UInt8, _], mut at: Int, expected: StringSpan) -> Bool:
    """Moves `at` behind an expected text; False where it is not there."""
    if not _at(text, at, expected):
        return False
    at += expected.byte_length()
    return True
