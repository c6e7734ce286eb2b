"""What an energy hangs on: each assumption by name, to be replaced by whoever knows better."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from spikeport.checks import is_real
from spikeport.errors import ConversionError
from spikeport.picojoule import DRAM, FLOAT_32, INT_8, INT_32, SOURCE, SRAM


@dataclass(frozen=True)
class Assumptions:
    """What things cost, in picojoules, and how the machine works; 45 nm CMOS (Horowitz, ISSCC 2014) by default.

    Attributes
    ----------
    float_add, float_multiply_add : of 32-bit floats
    integer_add : of 32-bit integers: a weight of 8 bits onto a sum
    integer_multiply : of 8-bit integers; with b bits on one side it costs b/8 of it
    memory : a read or a write of 32 bits, such as a membrane; fewer bits cost their share
    weights : the same of a weight; ``DRAM`` (640) where the weights do not fit on the chip
    weight_bits : of an integer weight
    update_additions : additions of a neuron at each step: its current onto the membrane, and θ off it
    input_once : whether products with a constant input are computed once for an inference and kept, or at each step
    """

    float_add: float = FLOAT_32.add
    float_multiply_add: float = FLOAT_32.multiply_add
    integer_add: float = INT_32.add
    integer_multiply: float = round(INT_8.multiply_add - INT_8.add, 6)
    memory: float = SRAM
    weights: float = SRAM
    weight_bits: float = 8
    update_additions: float = 2.0
    input_once: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "input_once" and not (is_real(value) and math.isfinite(value) and value >= 0):
                raise ConversionError("energy", f"{field.name} must be a finite number of at least 0, not {value!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the assumptions by name."""
        return asdict(self)

    def in_words(self) -> Iterator[str]:
        """Yield the assumptions as sentences."""
        yield f"Prices, in picojoules, of {SOURCE} unless they were replaced."
        yield (
            f"32-bit floats: {self.float_add:g} an addition, {self.float_multiply_add:g} a multiply-add. Integers: "
            f"{self.integer_add:g} an addition of 32 bits, {self.integer_multiply:g} a multiplication of 8 bits, b/8 "
            f"of it with b bits on one side; weights of {self.weight_bits:g} bits."
        )
        yield (
            f"Memory: {self.memory:g} a read or write of 32 bits, {self.weights:g} one of a weight (DRAM would be "
            f"{DRAM:g}); fewer bits cost their share. Each product or accumulation fetches its weight, in "
            "both networks: no weight is used twice from a register."
        )
        once = "once for an inference, and kept" if self.input_once else "at each step"
        yield (
            f"Spiking: {self.update_additions:g} additions for each neuron and step, its membrane read and written "
            f"once; products with a constant input are computed {once}. The other networks: each "
            "value read and written once."
        )
        yield "Not counted: biases, moving spikes, control, idle power, what a chip skips of a dense network's zeros."


NOTE = "Modelled, not measured"
