"""Digits of hexadecimal numbers."""

comptime HEX_DIGITS = "0123456789abcdef"
"""The digits in lower case."""


def hex_value(byte: UInt8) -> Int:
    """Reads one digit, in either case; -1 for anything else."""
    var b = Int(byte)
    if 48 <= b <= 57:
        return b - 48
    if 65 <= b <= 70:
        return b - 55
    if 97 <= b <= 102:
        return b - 87
    return -1
