"""What an operation costs in 45 nm CMOS, in picojoules: Horowitz, "Computing's energy problem", ISSCC 2014.

An assumption, not a measurement: a chip of another make, or one that keeps its weights elsewhere, has other prices.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Price(NamedTuple):
    """Picojoules of an addition, and of a multiplication with the addition behind it."""

    add: float
    multiply_add: float


FLOAT_32: Final = Price(0.9, 4.6)
FLOAT_16: Final = Price(0.4, 1.5)
INT_32: Final = Price(0.1, 3.2)
INT_8: Final = Price(0.03, 0.23)

SRAM: Final = 5.0
"""Of 32 bits from a small memory on the chip."""

DRAM: Final = 640.0
"""Of 32 bits from a memory beside the chip."""

SOURCE: Final = "45 nm CMOS (Horowitz, ISSCC 2014)"
