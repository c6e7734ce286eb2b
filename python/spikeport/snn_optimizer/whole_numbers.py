"""Whole numbers as a strength of the budget search: the function that makes them is handed in, and not known here.

It is `spikeport.integers.quantize`, or one like it: of a float graph, bits and data it makes what has a ``graph`` of
whole numbers, says by ``whole(x)`` what that is fed for real inputs, and has a certificate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.errors import GraphError, KernelError
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.proofs.scope import Scope, as_samples

Array = npt.NDArray[Any]

BITS: Final = (None, 16, 8)
"""The notches of weights in whole numbers."""


class WholeNetwork(Protocol):
    """A network of whole numbers, as `spikeport.integers.IntegerNetwork` is one."""

    @property
    def graph(self) -> SNNGraph:
        """Its layers, which are fed whole numbers."""

    @property
    def certificate(self) -> Certificate:
        """What whole numbers did to the answer."""

    def whole(self, x: npt.ArrayLike) -> Array:
        """Return real inputs as what ``graph`` is fed."""


Quantise = Callable[[SNNGraph, int, Array], WholeNetwork]
"""A float graph, the bits of its weights, and data -> the graph in whole numbers."""


def check_quantise(quantise: Any, scope: Scope, drop: float | None) -> None:
    """Raise `GraphError` unless whole numbers can be searched for: ``budget`` or ``encoding``."""
    if quantise is None:
        return
    if not callable(quantise) or drop is None:
        raise GraphError(
            "budget",
            "quantise is a function (graph, bits, data) -> a network of whole numbers, such as spikeport.integers."
            "quantize, for the search that max_accuracy_drop asks for: give both",
        )
    if scope.encoding != "current":
        raise GraphError(
            "encoding", "integers draw no Poisson spikes: leave encoding='current' where quantise is given"
        )


def in_whole_numbers(quantise: Quantise, graph: SNNGraph, bits: int, data: Array) -> WholeNetwork | None:
    """Return ``graph`` in whole numbers; None where so many bits are too few, or a run could overflow."""
    try:
        return quantise(graph, bits, as_samples(graph, data))
    except (GraphError, KernelError):
        return None
