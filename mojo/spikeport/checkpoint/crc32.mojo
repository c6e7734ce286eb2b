"""CRC-32 as ZIP uses it: polynomial 0xEDB88320, reflected."""


def crc32(data: Span[UInt8, _]) -> UInt32:
    """Sums bytes, eight at a time."""
    # Row r of the table holds the checksum of a byte with r zeros behind it.
    var table = List[UInt32](length=8 * 256, fill=0)
    for byte in range(256):
        var c = UInt32(byte)
        for _ in range(8):
            c = (c >> 1) ^ (UInt32(0xEDB88320) if c & 1 == 1 else UInt32(0))
        table[byte] = c
    for i in range(256, 8 * 256):
        var before = table[i - 256]
        table[i] = table[Int(before & 0xFF)] ^ (before >> 8)

    # Sound: a row has 256 entries, one for every byte, and at < len(data).
    var rows = table.unsafe_ptr()
    var p = data.unsafe_ptr()
    var crc = ~UInt32(0)
    var at = 0
    while at + 8 <= len(data):
        var next = UInt32(0)
        comptime for i in range(8):
            var byte = UInt32(p[unsafe_offset=at + i])
            comptime if i < 4:
                byte ^= (crc >> UInt32(8 * i)) & 0xFF
            next ^= rows[unsafe_offset=(7 - i) * 256 + Int(byte)]
        crc = next
        at += 8
    while at < len(data):
        var byte = (crc ^ UInt32(p[unsafe_offset=at])) & 0xFF
        crc = rows[unsafe_offset=Int(byte)] ^ (crc >> 8)
        at += 1
    return ~crc
