"""spikeport's own neurons, and any module that says itself how to read it.

It has the attribute ``spike_layout``, and where it can ``on_membrane``, ``threshold`` and ``surrogate_derivative``, as
`spikeport.profiling.watching.lif.LIF` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spikeport.profiling.watching.libraries.neurons import Capture, Neurons, Recording, first_of, number_of


def _tap(module: Any, capture: Capture) -> Callable[[], None]:
    if not hasattr(module, "on_membrane"):
        return lambda: None
    before = module.on_membrane
    module.on_membrane = capture
    return lambda: setattr(module, "on_membrane", before)


SPIKEPORT = Neurons(
    matches=lambda module: isinstance(getattr(module, "spike_layout", None), str),
    read=lambda module, inputs, output: Recording(first_of(output), str(module.spike_layout)),
    tap=_tap,
    threshold=lambda module: number_of(getattr(module, "threshold", None)),
    derivative=lambda module: getattr(module, "surrogate_derivative", None),
)
