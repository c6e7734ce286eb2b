"""The demonstration: handwritten digits, a trained network, its spiking twin, and a page that shows both.

It uses the other rooms as a user would, by their public names; `spikeport.cli.demo` prints what it returns.
"""

from spikeport.demo.demonstration import Demonstration, demonstrate

__all__ = ["Demonstration", "demonstrate"]
