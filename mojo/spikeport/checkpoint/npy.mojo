"""Arrays as `.npy` files of version 1.0, in the one encoding of the contract.

The machine is little-endian, as all that Mojo compiles for are.
"""
from std.memory import bitcast
from std.sys.info import size_of

from ..checks import all_finite, as_elements, check_whole, product, refusal

comptime MAGIC = "NUMPY\x01\x00"
"""What follows the byte 0x93 at the begin of a version 1.0 file."""


struct StoredArray(Copyable):
    """An array of floats or integers as its bytes, row-major and little-endian.
    """

    var dtype: DType
    """Type of the values: `float32`, `float64`, `int8`, `int16` or `int32`."""
    var shape: List[Int]
    """The sizes, all above 0."""
    var data: List[UInt8]
    """The bytes of the values."""

    def __init__(
        out self, dtype: DType, var shape: List[Int], var data: List[UInt8]
    ):
        """Puts checked parts together.

        Args:
            dtype: Type of the values.
            shape: The sizes.
            data: The bytes of the values, as many as the shape needs.
        """
        self.dtype = dtype
        self.shape = shape^
        self.data = data^

    @staticmethod
    def of[
        dtype: DType, //
    ](values: List[Scalar[dtype]], var shape: List[Int]) -> StoredArray:
        """Stores values.

        Parameters:
            dtype: Type of the values: `float32`, `float64`, `int8`, `int16` or
                `int32`.

        Args:
            values: The values, row-major.
            shape: The sizes.

        Returns:
            The array.
        """
        comptime size = size_of[Scalar[dtype]]()
        var data = List[UInt8](capacity=size * len(values))
        for value in values:
            var bytes = bitcast[DType.uint8, size](value)
            comptime for i in range(size):
                data.append(bytes[i])
        return StoredArray(dtype, shape^, data^)

    @staticmethod
    def rounded(
        values: List[Float64], dtype: DType, var shape: List[Int]
    ) raises -> StoredArray:
        """Stores values as another type.

        Args:
            values: The values, row-major.
            dtype: Type to round them to; of integers they are whole numbers.
            shape: The sizes.

        Returns:
            The array.

        Raises:
            Error: Of integers `non_finite`, `not_whole`, `overflow`.
        """
        if dtype == DType.float64:
            return Self.of(values, shape^)
        if dtype == DType.float32:
            return Self.of(as_elements[DType.float32]("", values), shape^)
        var bits = 8 * bytes_of(dtype) - 1
        for value in values:
            check_whole("an array", value, -(1 << bits), (1 << bits) - 1)
        if dtype == DType.int8:
            return Self.of(
                [value.cast[DType.int8]() for value in values], shape^
            )
        if dtype == DType.int16:
            return Self.of(
                [value.cast[DType.int16]() for value in values], shape^
            )
        return Self.of([value.cast[DType.int32]() for value in values], shape^)

    def count(self) -> Int:
        """Returns the number of values.

        Returns:
            The number.
        """
        return len(self.data) // bytes_of(self.dtype)

    def values[dtype: DType](self) -> List[Scalar[dtype]]:
        """Returns the values.

        Parameters:
            dtype: Type to round them to.

        Returns:
            The values, row-major.
        """
        if self.dtype == DType.float64:
            return self._read[DType.float64, dtype]()
        if self.dtype == DType.float32:
            return self._read[DType.float32, dtype]()
        if self.dtype == DType.int8:
            return self._read[DType.int8, dtype]()
        if self.dtype == DType.int16:
            return self._read[DType.int16, dtype]()
        return self._read[DType.int32, dtype]()

    def _read[stored: DType, dtype: DType](self) -> List[Scalar[dtype]]:
        # Sound: `data` has the bytes of `count` values.
        var p = self.data.unsafe_ptr().unsafe_bitcast[Scalar[stored]]()
        return [p[unsafe_offset=i].cast[dtype]() for i in range(self.count())]

    def is_finite(self) -> Bool:
        """Tells whether no value is NaN or infinite.

        Returns:
            True where all are finite.
        """
        # Sound: as in `values`.
        var bytes = self.data.unsafe_ptr()
        if self.dtype == DType.float64:
            return all_finite(bytes.unsafe_bitcast[Float64](), self.count())
        if self.dtype == DType.float32:
            return all_finite(bytes.unsafe_bitcast[Float32](), self.count())
        return True


def descr_of(dtype: DType) -> String:
    """Returns the word for a type: `<f8`, `<f4`, `<i4`, `<i2` or `<i1`."""
    var kind = "<f" if dtype.is_floating_point() else "<i"
    return String(kind, bytes_of(dtype))


def bytes_of(dtype: DType) -> Int:
    """Returns how many bytes a value of a type takes."""
    if dtype == DType.float64:
        return 8
    if dtype == DType.int16:
        return 2
    return 1 if dtype == DType.int8 else 4


def npy_header(dtype: DType, shape: List[Int]) -> List[UInt8]:
    """Returns the header of a file, padded to a multiple of 64 bytes."""
    var text = String(
        "{'descr': '",
        descr_of(dtype),
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
    types: List[DType],
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
    var words = [descr_of(dtype) for dtype in types]
    if header.descr not in words:
        raise refusal(
            "dtype", String(place, " is not of type ", " or ".join(words))
        )
    if header.fortran_order or header.shape not in shapes:
        raise refusal(
            "shape", String(place, " has not the shape that the sidecar says")
        )
    var dtype = types[0]
    for k in range(len(types)):
        if words[k] == header.descr:
            dtype = types[k]
    if Span(npy_header(dtype, header.shape)) != data[0:start]:
        raise syntax^
    var needed = product(bytes_of(dtype), product(header.shape))
    if len(data) - start != needed:
        raise refusal(
            "shape", String(place, " has not the bytes that its shape needs")
        )
    var array = StoredArray(
        dtype, header.shape.copy(), List[UInt8](data[start : len(data)])
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
