"""Words of a case in, words of a reply out."""
from std.memory import bitcast

from spikeport.checks import as_elements, refusal

from .percent import quote, unquote


struct Arguments(Copyable):
    """The arguments of one case, as their words."""

    var words: Dict[String, String]
    """The word of every key."""

    def __init__(out self, line: StringSpan) raises:
        """Reads the `key=value` words behind a case's number and kernel."""
        self.words = Dict[String, String]()
        var bytes = line.as_bytes()
        var start = 0
        var place = 0
        for end in range(len(bytes) + 1):
            if end < len(bytes) and bytes[end] != UInt8(ord(" ")):
                continue
            if place >= 2 and end > start:
                var word = StringSpan(unsafe_from_utf8=bytes[start:end])
                var sign = word.find("=")
                if sign < 0:
                    raise refusal("usage", "a word has no =")
                self.words[String(word[byte=0:sign])] = String(
                    word[byte = sign + 1 : end - start]
                )
            start = end + 1
            place += 1

    def has(self, key: String) -> Bool:
        """Tells whether a key is given."""
        return key in self.words

    def word(self, key: String) raises -> String:
        """Returns the word of a key; raises `usage` where it is not given."""
        var found = self.words.get(key)
        if not found:
            raise refusal("usage", String("the argument ", key, " is missing"))
        return found.value()

    def text(self, key: String, default: StringSpan = "") raises -> String:
        """Returns a text, decoded."""
        return unquote(self.word(key)) if self.has(key) else String(default)

    def texts(self, key: String) raises -> List[String]:
        """Returns a list of texts, none where the key is not given."""
        if not self.has(key):
            return []
        var word = self.word(key)
        var cuts = _cuts(word)
        return [
            unquote(word[byte = cuts[i] : cuts[i + 1] - 1])
            for i in range(len(cuts) - 1)
        ]

    def numbers[
        dtype: DType = DType.float64
    ](self, key: String) raises -> List[Scalar[dtype]]:
        """Returns numbers, read as float64 and rounded to the element type;
        where that is one of integers, refuses what is none."""
        var word = self.word(key)
        var cuts = _cuts(word)
        var read = [
            _decimal(word[byte = cuts[i] : cuts[i + 1] - 1])
            for i in range(len(cuts) - 1)
        ]
        return as_elements[dtype](key, read)

    def parameter[
        dtype: DType = DType.float64
    ](self, key: String, default: Float64) raises -> List[Float64]:
        """Returns one number or several, rounded to the element type; a kernel
        of integers checks its parameters itself."""
        if not self.has(key):
            return [default]
        comptime rounded = DType.float32 if dtype == DType.float32 else (
            DType.float64
        )
        return [Float64(value) for value in self.numbers[rounded](key)]

    def optional[
        dtype: DType = DType.float64
    ](self, key: String) raises -> Optional[List[Float64]]:
        """Returns a parameter that may be absent, rounded likewise."""
        if not self.has(key):
            return None
        return self.parameter[dtype](key, 0.0)

    def integers(self, key: String) raises -> List[Int]:
        """Returns whole numbers."""
        var word = self.word(key)
        var cuts = _cuts(word)
        return [
            _whole(word[byte = cuts[i] : cuts[i + 1] - 1])
            for i in range(len(cuts) - 1)
        ]

    def integer(self, key: String, default: Optional[Int] = None) raises -> Int:
        """Returns a whole number."""
        if default and not self.has(key):
            return default.value()
        return _whole(self.word(key))

    def unsigned(self, key: String) raises -> List[UInt64]:
        """Returns whole numbers of 64 bits, none where the key is not given."""
        var result = List[UInt64]()
        if not self.has(key):
            return result^
        var word = self.word(key)
        var cuts = _cuts(word)
        for i in range(len(cuts) - 1):
            var value = UInt64(0)
            for byte in word.as_bytes()[cuts[i] : cuts[i + 1] - 1]:
                if not 48 <= Int(byte) <= 57:
                    raise refusal("usage", String(key, " is no whole number"))
                value = value * 10 + UInt64(byte - 48)
            result.append(value)
        return result^

    def shape(self, key: String, sizes: Int) raises -> List[Int]:
        """Returns sizes, as many as there must be and none negative; raises
        `shape`."""
        var result = self.integers(key)
        if len(result) != sizes:
            raise refusal("shape", String(key, " needs ", sizes, " sizes"))
        for size in result:
            if size < 0:
                raise refusal("shape", String(key, " has a negative size"))
        return result^

    def dtype(self) raises -> DType:
        """Returns the element type of a case; raises `dtype`."""
        var name = self.text("dtype", "f64")
        if name == "f64":
            return DType.float64
        if name == "f32":
            return DType.float32
        if name == "i32":
            return DType.int32
        if name == "i16":
            return DType.int16
        if name == "i8":
            return DType.int8
        raise refusal("dtype", String("there is no element type ", name))


def _decimal(word: StringSpan) raises -> Float64:
    try:
        return atof(word)
    except:
        raise refusal("usage", String("'", word, "' is no number"))


def _whole(word: StringSpan) raises -> Int:
    try:
        return atol(word)
    except:
        raise refusal("usage", String("'", word, "' is no whole number"))


def _cuts(word: StringSpan) -> List[Int]:
    """Returns where every item of a list starts, and one behind the end."""
    var bytes = word.as_bytes()
    var cuts = List[Int]()
    if len(bytes) == 0:
        return cuts^
    cuts.append(0)
    for i in range(len(bytes)):
        if bytes[i] == UInt8(ord(",")):
            cuts.append(i + 1)
    cuts.append(len(bytes) + 1)
    return cuts^


struct Reply(Copyable):
    """The words of a reply, without the case's number."""

    var bytes: List[UInt8]
    """The words, separated by spaces."""

    def __init__(out self):
        """Begins an empty reply."""
        self.bytes = []

    def key(mut self, key: StringSpan):
        """Begins the word of a key."""
        if len(self.bytes) > 0:
            self.bytes.append(UInt8(ord(" ")))
        self.bytes.extend(key.as_bytes())
        self.bytes.append(UInt8(ord("=")))

    def text(mut self, key: StringSpan, value: StringSpan):
        """Adds a text."""
        self.key(key)
        self.bytes.extend(quote(value).as_bytes())

    def texts(mut self, key: StringSpan, values: List[String]):
        """Adds a list of texts."""
        self.key(key)
        for i in range(len(values)):
            self._comma(i)
            self.bytes.extend(quote(values[i]).as_bytes())

    def integers[
        dtype: DType, //
    ](mut self, key: StringSpan, values: List[Scalar[dtype]]):
        """Adds integers as decimals."""
        self.key(key)
        for i in range(len(values)):
            self._comma(i)
            var value = values[i]
            comptime if dtype == DType.int8:
                # Spikes by the million: no text is made of each.
                if value < 0:
                    self.bytes.append(UInt8(ord("-")))
                var size = abs(Int(value))
                for unit in [100, 10, 1]:
                    if size >= unit or unit == 1:
                        self.bytes.append(UInt8(48 + size // unit % 10))
            else:
                self.bytes.extend(String(value).as_bytes())

    def numbers[
        dtype: DType, //
    ](mut self, key: StringSpan, values: List[Scalar[dtype]]):
        """Adds floats as bit patterns, integers as decimals."""
        comptime if dtype.is_integral():
            self.integers(key, values)
        else:
            self._floats(key, values)

    def _floats[
        dtype: DType, //
    ](mut self, key: StringSpan, values: List[Scalar[dtype]]):
        comptime bits_type = DType.uint32 if dtype == DType.float32 else (
            DType.uint64
        )
        comptime digits = 8 if dtype == DType.float32 else 16
        comptime hex_digits = "0123456789abcdef"
        var hexes = hex_digits.as_bytes()
        self.key(key)
        for i in range(len(values)):
            self._comma(i)
            var bits = bitcast[bits_type](values[i])
            comptime for place in range(digits):
                comptime shift = Scalar[bits_type](4 * (digits - 1 - place))
                var digit = Int((bits >> shift) & 15)
                self.bytes.append(hexes[digit])

    def _comma(mut self, i: Int):
        if i > 0:
            self.bytes.append(UInt8(ord(",")))
