"""Numbers in which mistakes show: exact ties, one ulp off them, both zeros, subnormal and huge ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Item = TypeVar("Item")
TAME = (*["dyadic"] * 6, "spikes", "spikes", "bipolar", *["ordinary"] * 3, "zeros")
"""Styles of numbers, each as often as it is drawn."""
WILD = ("borders", "borders", "borders", "tiny", "huge", "spread")
BORDERS = (0.0, -0.0, 0.25, 0.5, 1.0, -0.5, -1.0, 0.1, 1 / 3, 2.0, 0.75)
TINY = (5e-324, -5e-324, 2.0**-1022, 2.0**-1074 * 3, 2.0**-149, -(2.0**-149), 2.0**-126, 1e-40, 1e-310, 1e-60, -0.0)
HUGE = (1e308, -1e308, 1.7976931348623157e308, 3.4028234663852886e38, -3e38, 1e30, 2.0**53, 2.0**24, -1e16, 1.0)
TEXTS = ("", "a", "größer", "100%", "a,b=c", 'quote "', "tab\t", "back\\slash", "\u0001", "\U0001f600", "input", "x y")


class Draw:
    """One call while it is drawn: its generator, its element type, and whether its numbers may be wild.

    Only the argument that ``wild`` names by its place among those drawn has wild numbers: two of them could be two
    faults at once.
    """

    def __init__(self, rng: np.random.Generator, path: Path) -> None:
        self.rng = rng
        self.path = path
        """Where the call may put a pair of files."""
        self.single = self.chance(0.4)
        self.wild = self.whole(0, 5) if self.chance(0.5) else -1
        self.drawn = 0

    def chance(self, share: float) -> bool:
        """Return True in this share of draws."""
        return bool(self.rng.random() < share)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number in [low, high]."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[int(self.rng.integers(len(items)))]

    def some(self, items: Sequence[Item], share: float = 0.5) -> list[Item]:
        """Return some of the items, in another order."""
        return [items[k] for k in self.rng.permutation(len(items)) if self.chance(share)]

    def size(self, most: int, empty: float = 0.06) -> int:
        """Return the length of an axis: rarely 0, often 1."""
        return 0 if self.chance(empty) else 1 if self.chance(0.25) else self.whole(1, most)

    def styled(self, styles: Sequence[str] = ()) -> str:
        """Return the style of the next argument's numbers."""
        styles = styles or (WILD if self.drawn == self.wild else TAME)
        self.drawn += 1
        return self.pick(styles)

    def numbers(self, n: int, style: str = "") -> list[float]:
        """Return n numbers of one style."""
        return [float(value) for value in self._array(n, style or self.styled())]

    def _array(self, n: int, style: str) -> Any:
        rng = self.rng
        if style == "dyadic":
            return rng.integers(-16, 17, n) / 8
        if style == "spikes":
            return rng.integers(0, 2, n).astype(np.float64)
        if style == "bipolar":
            return rng.integers(-1, 2, n).astype(np.float64)
        if style == "ordinary":
            return rng.normal(0, 0.7, n)
        if style == "zeros":
            return np.where(rng.random(n) < 0.2, -0.0, 0.0)
        if style == "spread":
            return rng.normal(0, 1, n) * 10.0 ** rng.integers(-12, 13, n)
        pool = {"borders": BORDERS, "tiny": TINY, "huge": HUGE}[style]
        values = rng.choice(pool, n)
        return self.nudged(values) if style == "borders" else values

    def nudged(self, values: Any) -> Any:
        """Return values of which some are moved by one ulp of the element type."""
        typed = np.asarray(values, np.float32 if self.single else np.float64)
        toward = np.where(self.rng.random(typed.shape) < 0.5, np.inf, -np.inf).astype(typed.dtype)
        moved = np.where(self.rng.random(typed.shape) < 0.3, np.nextafter(typed, toward), typed)
        return np.asarray(moved, np.float64)

    def dtype(self) -> dict[str, Any]:
        """Return the argument ``dtype``, sometimes left out where it is the default."""
        return {"dtype": "f32"} if self.single else self.pick([{}, {"dtype": "f64"}])
