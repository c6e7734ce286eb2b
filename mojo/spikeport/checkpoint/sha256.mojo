"""SHA-256 (FIPS 180-4), which the standard library does not have."""
from .hex import HEX_DIGITS

comptime ROUND_CONSTANTS: List[UInt32] = [
    0x428A2F98,
    0x71374491,
    0xB5C0FBCF,
    0xE9B5DBA5,
    0x3956C25B,
    0x59F111F1,
    0x923F82A4,
    0xAB1C5ED5,
    0xD807AA98,
    0x12835B01,
    0x243185BE,
    0x550C7DC3,
    0x72BE5D74,
    0x80DEB1FE,
    0x9BDC06A7,
    0xC19BF174,
    0xE49B69C1,
    0xEFBE4786,
    0x0FC19DC6,
    0x240CA1CC,
    0x2DE92C6F,
    0x4A7484AA,
    0x5CB0A9DC,
    0x76F988DA,
    0x983E5152,
    0xA831C66D,
    0xB00327C8,
    0xBF597FC7,
    0xC6E00BF3,
    0xD5A79147,
    0x06CA6351,
    0x14292967,
    0x27B70A85,
    0x2E1B2138,
    0x4D2C6DFC,
    0x53380D13,
    0x650A7354,
    0x766A0ABB,
    0x81C2C92E,
    0x92722C85,
    0xA2BFE8A1,
    0xA81A664B,
    0xC24B8B70,
    0xC76C51A3,
    0xD192E819,
    0xD6990624,
    0xF40E3585,
    0x106AA070,
    0x19A4C116,
    0x1E376C08,
    0x2748774C,
    0x34B0BCB5,
    0x391C0CB3,
    0x4ED8AA4A,
    0x5B9CCA4F,
    0x682E6FF3,
    0x748F82EE,
    0x78A5636F,
    0x84C87814,
    0x8CC70208,
    0x90BEFFFA,
    0xA4506CEB,
    0xBEF9A3F7,
    0xC67178F2,
]
"""Fractional parts of the cube roots of the first 64 primes."""


struct SHA256(Copyable):
    """A digest in the making: `update` with bytes, then `hexdigest` once."""

    var state: SIMD[DType.uint32, 8]
    """The eight words a … h."""
    var pending: List[UInt8]
    """Bytes of a block that is not full."""
    var length: UInt64
    """Bytes seen in all."""
    var constants: List[UInt32]
    """The round constants."""

    def __init__(out self):
        """Starts with the fractional parts of the square roots of primes."""
        self.state = SIMD[DType.uint32, 8](
            0x6A09E667,
            0xBB67AE85,
            0x3C6EF372,
            0xA54FF53A,
            0x510E527F,
            0x9B05688C,
            0x1F83D9AB,
            0x5BE0CD19,
        )
        self.pending = []
        self.length = 0
        self.constants = materialize[ROUND_CONSTANTS]()

    def update(mut self, data: Span[UInt8, _]):
        """Takes bytes in."""
        self.length += UInt64(len(data))
        var at = 0
        if len(self.pending) > 0:
            at = min(len(data), 64 - len(self.pending))
            self.pending.extend(data[0:at])
            if len(self.pending) < 64:
                return
            var block = self.pending.copy()
            self._compress(block)
            self.pending.clear()
        while at + 64 <= len(data):
            self._compress(data[at : at + 64])
            at += 64
        self.pending.extend(data[at : len(data)])

    def hexdigest(mut self) -> String:
        """Finishes the digest."""
        var bits = self.length * 8
        var tail: List[UInt8] = [0x80]
        while (len(self.pending) + len(tail)) % 64 != 56:
            tail.append(0)
        for shift in range(56, -8, -8):
            tail.append(UInt8((bits >> UInt64(shift)) & 0xFF))
        self.update(tail)
        var text = String()
        for word in range(8):
            for shift in range(28, -4, -4):
                var digit = Int((self.state[word] >> UInt32(shift)) & 0xF)
                text += HEX_DIGITS[byte=digit]
        return text^

    def _compress(mut self, block: Span[UInt8, _]):
        # Sound: a block has 64 bytes, the schedule and the constants 64 words.
        var w = Array[UInt32, 64](fill=0)
        var p = block.unsafe_ptr()
        for i in range(16):
            w[i] = (
                UInt32(p[unsafe_offset=4 * i]) << 24
                | UInt32(p[unsafe_offset=4 * i + 1]) << 16
                | UInt32(p[unsafe_offset=4 * i + 2]) << 8
                | UInt32(p[unsafe_offset=4 * i + 3])
            )
        for i in range(16, 64):
            var x = w[i - 15]
            var y = w[i - 2]
            var s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >> 3)
            var s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >> 10)
            w[i] = w[i - 16] + s0 + w[i - 7] + s1
        var a = self.state[0]
        var b = self.state[1]
        var c = self.state[2]
        var d = self.state[3]
        var e = self.state[4]
        var f = self.state[5]
        var g = self.state[6]
        var h = self.state[7]
        var k = self.constants.unsafe_ptr()
        for i in range(64):
            var s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
            var choice = (e & f) ^ (~e & g)
            var t1 = h + s1 + choice + k[unsafe_offset=i] + w[i]
            var s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
            var majority = (a & b) ^ (a & c) ^ (b & c)
            h = g
            g = f
            f = e
            e = d + t1
            d = c
            c = b
            b = a
            a = t1 + s0 + majority
        self.state += SIMD[DType.uint32, 8](a, b, c, d, e, f, g, h)


def rotate(x: UInt32, by: UInt32) -> UInt32:
    """Rotates a word to the right."""
    return (x >> by) | (x << (32 - by))


def sha256(data: Span[UInt8, _]) -> String:
    """Digests bytes."""
    var digest = SHA256()
    digest.update(data)
    return digest.hexdigest()
