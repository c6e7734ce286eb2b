"""JSON as RFC 8259 has it and no more, which the standard library has not.

No duplicate keys, no NaN, no lone surrogates, bounded depth and numbers. The
text is scanned once into a flat list of nodes; nothing is copied out of it
until it is asked for.
"""
from std.collections import Set
from std.math import isfinite

from .hex import HEX_DIGITS, hex_value

comptime DEEPEST = 64
"""Levels of `[` and `{` that a text may nest."""
comptime LONGEST_NUMBER = 400
"""Characters that a number may have."""
comptime SATURATED = 1 << 62
"""What `Json.whole` returns, with its sign, for whole numbers beyond it."""

comptime OBJECT = UInt8(0)
"""A node whose children are key, value, key, value, …."""
comptime LIST = UInt8(1)
"""A node whose children are its items."""
comptime TEXT = UInt8(2)
"""A text."""
comptime WHOLE = UInt8(3)
"""A number without fraction and exponent."""
comptime FRACTION = UInt8(4)
"""Any other number."""
comptime LITERAL = UInt8(5)
"""One of `true`, `false` and `null`."""


@fieldwise_init
struct Node(Copyable):
    """One value of a JSON text."""

    var kind: UInt8
    """What it is: `OBJECT`, `LIST`, `TEXT`, `WHOLE`, `FRACTION`, `LITERAL`."""
    var start: Int32
    """Its first byte."""
    var end: Int32
    """The byte behind it."""
    var next: Int32
    """The node behind it and its children."""


struct Json(Copyable):
    """A checked JSON text; node 0 is its value, a node's children follow it."""

    var text: List[UInt8]
    """The bytes of the text."""
    var nodes: List[Node]
    """All values and keys, in the order of the text."""

    def __init__(out self, var text: List[UInt8], *, depth: Int = 0) raises:
        """Scans a text."""
        try:
            _ = StringSpan(from_utf8=text)
        except:
            raise Error("not UTF-8")
        self.text = text^
        self.nodes = []
        var at = self._value(self._skip_space(0), depth)
        if self._skip_space(at) != len(self.text):
            raise Error("something stands behind the value")

    def kind(self, node: Int) -> UInt8:
        """Returns what a node is."""
        return self.nodes[node].kind

    def source(self, node: Int) -> StringSpan[origin_of(self.text)]:
        """Returns a node's own text, as it stands."""
        var start = Int(self.nodes[node].start)
        var end = Int(self.nodes[node].end)
        return StringSpan(unsafe_from_utf8=Span(self.text)[start:end])

    def children(self, node: Int) -> List[Int]:
        """Lists the items of a list, or keys and values of an object in turn.
        """
        var result = List[Int]()
        var child = node + 1
        while child < Int(self.nodes[node].next):
            result.append(child)
            child = Int(self.nodes[child].next)
        return result^

    def member(self, node: Int, key: StringSpan) raises -> Optional[Int]:
        """Finds the value of a key of an object."""
        var items = self.children(node)
        for i in range(0, len(items), 2):
            if self.string(items[i]) == key:
                return items[i + 1]
        return None

    def string(self, node: Int) raises -> String:
        """Returns a text without quotes and escapes."""
        var start = Int(self.nodes[node].start) + 1
        var end = Int(self.nodes[node].end) - 1
        return unescape(Span(self.text)[start:end])

    def whole(self, node: Int) -> Int:
        """Returns a whole number; `SATURATED`, with its sign, beyond that."""
        var digits = self.source(node).as_bytes()
        var negative = digits[0] == UInt8(ord("-"))
        var value = 0
        for i in range(Int(negative), len(digits)):
            value = value * 10 + Int(digits[i]) - 48
            if value >= SATURATED // 16:
                value = SATURATED
                break
        return -value if negative else value

    def _byte(self, at: Int) -> Int:
        return Int(self.text[at]) if at < len(self.text) else -1

    def _skip_space(self, from_: Int) -> Int:
        var at = from_
        while True:
            var c = self._byte(at)
            if c != 32 and c != 9 and c != 10 and c != 13:
                return at
            at += 1

    def _value(mut self, start: Int, depth: Int) raises -> Int:
        """Scans one value and returns the byte behind it."""
        var node = len(self.nodes)
        self.nodes.append(Node(LITERAL, Int32(start), 0, 0))
        var end: Int
        var c = self._byte(start)
        if c == ord("{") or c == ord("["):
            if depth == DEEPEST:
                raise Error(String("nested deeper than ", DEEPEST))
            self.nodes[node].kind = OBJECT if c == ord("{") else LIST
            end = self._items(start + 1, depth + 1, c == ord("{"))
        elif c == ord('"'):
            self.nodes[node].kind = TEXT
            end = self._string(start)
        elif c == ord("-") or (48 <= c <= 57):
            end = start
            self.nodes[node].kind = self._number(end)
        else:
            end = self._literal(start)
        self.nodes[node].end = Int32(end)
        self.nodes[node].next = Int32(len(self.nodes))
        return end

    def _items(mut self, start: Int, depth: Int, keyed: Bool) raises -> Int:
        var close = ord("}") if keyed else ord("]")
        var keys = Set[String]()
        var at = self._skip_space(start)
        if self._byte(at) == close:
            return at + 1
        while True:
            if keyed:
                if self._byte(at) != ord('"'):
                    raise Error(String("a key is missing at byte ", at))
                var key = len(self.nodes)
                at = self._skip_space(self._value(at, depth))
                var name = self.string(key)
                if name in keys:
                    raise Error(
                        String(
                            "the key '", name, "' stands twice in one object"
                        )
                    )
                keys.add(name)
                if self._byte(at) != ord(":"):
                    raise Error(String("a colon is missing at byte ", at))
                at = self._skip_space(at + 1)
            at = self._skip_space(self._value(at, depth))
            if self._byte(at) == close:
                return at + 1
            if self._byte(at) != ord(","):
                raise Error(String("a comma is missing at byte ", at))
            at = self._skip_space(at + 1)

    def _string(self, start: Int) raises -> Int:
        var at = start + 1
        while True:
            var c = self._byte(at)
            if c < 32:
                raise Error(String("a text is cut short at byte ", at))
            at += 1
            if c == ord('"'):
                break
            if c == ord("\\"):
                if self._byte(at) == -1:
                    raise Error("a text is cut short")
                at += 1
        _ = unescape(Span(self.text)[start + 1 : at - 1])
        return at

    def _digits(self, mut at: Int) raises:
        if not 48 <= self._byte(at) <= 57:
            raise Error(String("a digit is missing at byte ", at))
        while 48 <= self._byte(at) <= 57:
            at += 1

    def _number(self, mut at: Int) raises -> UInt8:
        """Scans a number, moves `at` behind it and returns its kind."""
        var start = at
        var kind = WHOLE
        if self._byte(at) == ord("-"):
            at += 1
        if self._byte(at) == ord("0"):
            at += 1
        else:
            self._digits(at)
        if self._byte(at) == ord("."):
            at += 1
            self._digits(at)
            kind = FRACTION
        if self._byte(at) == ord("e") or self._byte(at) == ord("E"):
            at += 1
            if self._byte(at) == ord("+") or self._byte(at) == ord("-"):
                at += 1
            self._digits(at)
            kind = FRACTION
        if at - start > LONGEST_NUMBER or not isfinite(
            atof(StringSpan(unsafe_from_utf8=Span(self.text)[start:at]))
        ):
            raise Error(String("the number at byte ", start, " is too large"))
        return kind

    def _literal(self, start: Int) raises -> Int:
        for word in ["true", "false", "null"]:
            var end = start + word.byte_length()
            if end <= len(self.text) and word == StringSpan(
                unsafe_from_utf8=Span(self.text)[start:end]
            ):
                return end
        raise Error(String("no value stands at byte ", start))


def unescape(text: Span[UInt8, _]) raises -> String:
    """Takes the escapes out of a text."""
    var out = List[UInt8](capacity=len(text))
    var at = 0
    while at < len(text):
        if text[at] != UInt8(ord("\\")):
            out.append(text[at])
            at += 1
            continue
        if at + 1 >= len(text):
            raise Error("a text ends in an escape")
        var c = Int(text[at + 1])
        at += 2
        if c == ord('"') or c == ord("\\") or c == ord("/"):
            out.append(UInt8(c))
        elif c == ord("n"):
            out.append(10)
        elif c == ord("r"):
            out.append(13)
        elif c == ord("t"):
            out.append(9)
        elif c == ord("b"):
            out.append(8)
        elif c == ord("f"):
            out.append(12)
        elif c == ord("u"):
            var point = _four_digits(text, at)
            at += 4
            if 0xD800 <= point < 0xDC00:
                if (
                    at + 1 < len(text)
                    and text[at] == UInt8(ord("\\"))
                    and text[at + 1] == UInt8(ord("u"))
                ):
                    var low = _four_digits(text, at + 2)
                    if 0xDC00 <= low < 0xE000:
                        point = (
                            0x10000 + (point - 0xD800) * 0x400 + low - 0xDC00
                        )
                        at += 6
            if 0xD800 <= point < 0xE000:
                raise Error("an escaped surrogate stands alone")
            append_utf8(out, point)
        else:
            raise Error("a text has an escape that JSON does not have")
    return String(unsafe_from_utf8=out)


def append_utf8(mut out: List[UInt8], point: Int):
    """Appends a character, given by its code point, as UTF-8."""
    if point < 0x80:
        out.append(UInt8(point))
    elif point < 0x800:
        out.append(UInt8(0xC0 | point >> 6))
        out.append(UInt8(0x80 | point & 0x3F))
    elif point < 0x10000:
        out.append(UInt8(0xE0 | point >> 12))
        out.append(UInt8(0x80 | point >> 6 & 0x3F))
        out.append(UInt8(0x80 | point & 0x3F))
    else:
        out.append(UInt8(0xF0 | point >> 18))
        out.append(UInt8(0x80 | point >> 12 & 0x3F))
        out.append(UInt8(0x80 | point >> 6 & 0x3F))
        out.append(UInt8(0x80 | point & 0x3F))


def escape(text: StringSpan) -> String:
    """Writes a text as JSON in the one way of the contract."""
    var out: List[UInt8] = [UInt8(ord('"'))]
    for byte in text.as_bytes():
        var c = Int(byte)
        if c == ord('"') or c == ord("\\"):
            out.append(UInt8(ord("\\")))
            out.append(byte)
        elif c >= 32:
            out.append(byte)
        elif c == 10:
            out.extend("\\n".as_bytes())
        elif c == 13:
            out.extend("\\r".as_bytes())
        elif c == 9:
            out.extend("\\t".as_bytes())
        elif c == 8:
            out.extend("\\b".as_bytes())
        elif c == 12:
            out.extend("\\f".as_bytes())
        else:
            out.extend("\\u00".as_bytes())
            out.append(UInt8(48 + (c >> 4)))
            out.append(HEX_DIGITS.as_bytes()[c & 15])
    out.append(UInt8(ord('"')))
    return String(unsafe_from_utf8=out)


def _four_digits(text: Span[UInt8, _], at: Int) raises -> Int:
    var value = 0
    for i in range(at, at + 4):
        var digit = hex_value(text[i]) if i < len(text) else -1
        if digit < 0:
            raise Error("an escape needs four hex digits")
        value = 16 * value + digit
    return value
