"""Lines of C: indented, wrapped, and with nothing in a comment that could end it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

WIDTH = 110
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


class Lines:
    """Lines of code while they are written."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self._depth = 0

    def __call__(self, *lines: str) -> None:
        """Write lines at this depth."""
        self.written += ["    " * self._depth + line if line else "" for line in lines]

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write ``head {``, then what is written meanwhile one step deeper, then ``}``."""
        self(f"{head} {{")
        self._depth += 1
        yield
        self._depth -= 1
        self("}")

    def loop(self, name: str, count: int, start: int = 0) -> Any:
        """Return the block of a loop over ``start`` … ``count - 1``."""
        return self.block(f"for (int32_t {name} = {start}; {name} < {count}; {name}++)")


def safe(name: str) -> str:
    """Return a name for a comment: bytes that are not plain as %XX, so that none ends the comment."""
    return "".join(chr(byte) if chr(byte) in PLAIN else f"%{byte:02X}" for byte in name.encode())


def numbers(values: npt.NDArray[Any]) -> list[str]:
    """Return the initialiser of an array, a pair of braces for each axis, as lines."""
    if values.ndim > 1:
        inner = [numbers(part) for part in values]
        for lines in inner[:-1]:
            lines[-1] += ","
        return ["{", *(line for lines in inner for line in lines), "}"]
    listed = ", ".join(map(str, values.tolist()))
    if len(listed) <= WIDTH:
        return [f"{{{listed}}}"]
    return ["{", *textwrap.wrap(listed, WIDTH), "}"]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, cells of a column below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def flat(indices: Sequence[str], sizes: Sequence[int]) -> str:
    """Return the flat index of the row-major order, as an expression: ``(c * 28 + y) * 28 + x``."""
    text = indices[0]
    for index, size in zip(indices[1:], sizes[1:], strict=True):
        text = f"{f'({text})' if ' ' in text else text} * {size} + {index}"
    return text


def whole(values: Any) -> npt.NDArray[np.int32]:
    """Return whole numbers, as a neuron holds them, as int32."""
    return np.asarray(values, np.float64).astype(np.int32)
