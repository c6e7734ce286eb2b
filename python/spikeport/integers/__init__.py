"""Float graph -> integer graph: weights of 8 or 16 bits, and whole numbers for everything else.

What an integer network computes is the same to the bit in any order of summation, so on any machine (SPEC.md, section
1). Here a float graph becomes one; conversion does so by ``convert(…, arithmetic="int8")``.

- `quantize`: an `SNNGraph` and data -> `IntegerNetwork`: the graph, what its numbers stand for, a certificate
- `Units`, `InputStep`: what its numbers stand for, and real inputs as whole numbers

Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference";
Frantar et al. 2023, "GPTQ".
"""

from spikeport.integers.inputs.step import InputStep
from spikeport.integers.network import IntegerNetwork, Units
from spikeport.integers.quantizing import quantize

__all__ = ["InputStep", "IntegerNetwork", "Units", "quantize"]
