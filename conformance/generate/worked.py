"""The worked examples of ``SPEC.md``: a small pair of files and the first draws of a Poisson stream, step by step."""

from __future__ import annotations

import struct

from conformance.cases import FILES

ALL_BITS = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def texts() -> list[str]:
    """Return every example, as it stands in ``SPEC.md``."""
    return [sidecar(), archive(), poisson()]


def sidecar() -> str:
    """Return the sidecar of ``networks/one_weight``."""
    return _indented((FILES / "networks" / "one_weight.json").read_text("utf-8"))


def archive() -> str:
    """Return the archive of ``networks/one_weight``: sixteen bytes a line, each part on lines of its own."""
    content = (FILES / "networks" / "one_weight.npz").read_bytes()
    directory, length = content.index(b"PK\x01\x02"), len(b"layer_0.weight.npy")
    npy = 30 + length
    parts = {
        "local header": 30,
        "name": npy,
        ".npy: signature, version, L": npy + 10,
        ".npy: header": directory - 8,
        ".npy: the value 0.5": directory,
        "directory: entry": directory + 46,
        "directory: name": directory + 46 + length,
        "end record": len(content),
    }
    (value,) = struct.unpack("<d", content[directory - 8 : directory])
    lines, start = [], 0
    for part, end in parts.items():
        lines.append(part.replace("0.5", repr(value)))
        for at in range(start, end, 16):
            row = content[at : min(at + 16, end)]
            shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            lines.append(f"  {at:3}  {row.hex(' '):47}  {shown}")
        start = end
    return _indented("\n".join(lines))


def poisson() -> str:
    """Return the key and the first draws of the rates 0.5, 0.25 at seed 1."""
    rates = (0.5, 0.25)
    lines, key = [], 0
    for k, rate in enumerate(rates):
        (bits,) = struct.unpack("<Q", struct.pack("<d", rate))
        mixed = _mix((bits ^ _mix(k + GOLDEN)) + GOLDEN)
        key ^= mixed
        lines.append(f"k = {k}   bits({rate}) = {bits:#018x}   mix(k + G) = {_mix(k + GOLDEN):#018x}")
        lines.append(f"        its share of the key = {mixed:#018x}")
    a = _mix(1 + GOLDEN)
    c = _mix((a ^ key) + GOLDEN)
    lines += [f"key = {key:#018x} = {key}", f"a = {a:#018x}   c = {c:#018x}"]
    for t in range(2):
        d = _mix((c ^ t) + GOLDEN)
        lines.append(f"t = {t}   d = {d:#018x}")
        for k, rate in enumerate(rates):
            h = _mix((d ^ k) + GOLDEN)
            u = (h >> 11) * 2.0**-53
            lines.append(f"  k = {k}   h = {h:#018x}   u = {u!r:<20}   spike = {int(u < rate)}")
    return _indented("\n".join(lines))


def _mix(z: int) -> int:
    z &= ALL_BITS
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & ALL_BITS
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & ALL_BITS
    return z ^ (z >> 31)


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.strip().splitlines())
