"""Percent coding of texts, by which the runner protocol writes them."""
from spikeport.checkpoint.hex import hex_value
from spikeport.checks import refusal


def is_plain(byte: UInt8) -> Bool:
    """Tells whether a byte is written as it is: `A-Z a-z 0-9 . _ - / :`."""
    return (
        (65 <= Int(byte) <= 90)
        or (97 <= Int(byte) <= 122)
        or (45 <= Int(byte) <= 58)
        or byte == 95
    )


def quote(text: StringSpan) -> String:
    """Writes a text as one word: every byte that is not plain as `%XX`."""
    var out = List[UInt8](capacity=text.byte_length())
    comptime upper = "0123456789ABCDEF"
    var digits = upper.as_bytes()
    for byte in text.as_bytes():
        if is_plain(byte):
            out.append(byte)
        else:
            out.append(UInt8(ord("%")))
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
    return String(unsafe_from_utf8=out)


def unquote(word: StringSpan) raises -> String:
    """Reads a text back; raises `percent` for a broken `%XX` or no UTF-8."""
    var bytes = word.as_bytes()
    var out = List[UInt8](capacity=len(bytes))
    var at = 0
    while at < len(bytes):
        if bytes[at] != UInt8(ord("%")):
            out.append(bytes[at])
            at += 1
            continue
        var high = hex_value(bytes[at + 1]) if at + 1 < len(bytes) else -1
        var low = hex_value(bytes[at + 2]) if at + 2 < len(bytes) else -1
        if high < 0 or low < 0:
            raise refusal("percent", "a % stands without two hex digits")
        out.append(UInt8(16 * high + low))
        at += 3
    try:
        return String(from_utf8=out)
    except:
        raise refusal("percent", "a text is not UTF-8")
