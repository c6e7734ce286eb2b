"""Weights on a binary grid, so that no sum of a settling network rounds.

Spikes are whole numbers, so where weights and bias are multiples of 2^-p all currents are, and membranes too. None of
them is rounded as long as none is larger than the number's digits reach: 53 for float64. `on_grid` rounds weights to
such a grid, 28 binary places behind the largest one of a layer; `why_inexact` reads from any network's arrays whether
it is one:

    2·(max_j Σ_k |W_jk|·m + |b_j|) + N + 2 <= 2^(53 - p),      m the largest sum of what is read, N the largest tracer

What reads the input alone, before any neuron, is another matter: it says something at the first step and never again,
so that its sums, whatever they round to, are the quantised network's own.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.kernels import INPUT
from spikeport.neuron import Neuron
from spikeport.operations import Add, AvgPool, Concat, MaxPool, SumPool, Weighted

Array = npt.NDArray[Any]

PLACES: Final = 28
"""Binary places of a layer's weights behind its largest one, where there is room for so many."""

FEWEST: Final = 20
"""Below so many, weights stay as they are: a grid so coarse would be another network."""


class Signal(NamedTuple):
    """What is known of a signal: its values are multiples of 2^-places, none of their sums is above ``largest``.

    ``places`` is None where all of it comes at the first step.
    """

    places: int | None
    largest: float


class _Inexact(Exception):
    pass


def on_grid(graph: SNNGraph) -> SNNGraph:
    """Return the network with weights rounded as far as no sum of its currents rounds."""
    new = SNNGraph([layer.copy() for layer in graph], graph.input_shape)
    with suppress(_Inexact):  # the layers behind stay as they are, and `why_inexact` says so
        _follow(new, rounds=True)
    return new


def why_inexact(graph: SNNGraph) -> str | None:
    """Return what may keep a settled sample from the quantised network's bits, or None where nothing can."""
    if dtype_of(graph) == np.int32:
        return next((f"{layer.name} does not settle" for layer in graph if not _settles(layer.neuron)), None)
    try:
        _follow(graph, rounds=False)
    except _Inexact as error:
        return str(error)
    return None


def _follow(graph: SNNGraph, rounds: bool) -> None:
    digits = int(np.finfo(dtype_of(graph)).nmant) + 1
    signals = {INPUT: Signal(None, math.inf)}
    for k, layer in enumerate(graph):
        reads = [signals[name] for name in graph.reads(k)]
        if rounds and isinstance(layer.operation, Weighted) and reads[0].places is not None:
            _round(layer, reads[0], digits)
        signals[layer.name] = _behind(layer, _currents(layer, reads), digits)


def _currents(layer: LayerNode, reads: list[Signal]) -> Signal:
    if all(signal.places is None for signal in reads):
        return Signal(None, math.inf)
    places = [signal.places for signal in reads if signal.places is not None]
    if len(places) < len(reads):
        raise _Inexact(
            f"{layer.name} adds what comes of the input alone to what neurons send, and these sums may round"
        )
    most, operation = max(places), layer.operation
    largest = max(signal.largest for signal in reads)
    if isinstance(operation, Weighted):
        own = 0 if operation.bias is None else _places(operation.bias)
        return Signal(max(most + _places(operation.weight), own), _largest_sum(operation, largest))
    if isinstance(operation, Add):
        return Signal(most, sum(signal.largest for signal in reads))
    if isinstance(operation, SumPool):
        terms = math.prod(operation.window.kernel)
        if not isinstance(operation, AvgPool):
            return Signal(most, largest * terms)
        if terms & (terms - 1):
            raise _Inexact(f"{layer.name} is an average of {terms}, and a division by it may round")
        return Signal(most + terms.bit_length() - 1, largest * terms)
    assert isinstance(operation, MaxPool | Concat)
    return Signal(most, largest)


def _behind(layer: LayerNode, currents: Signal, digits: int) -> Signal:
    """Return what the neurons of a layer send, or raise where their membranes may round."""
    neuron = layer.neuron
    if not _settles(neuron):
        raise _Inexact(f"{layer.name} has {neuron.kind} neurons, which do not settle on a quantised activation")
    if currents.places is None:
        if not neuron.is_spiking:
            return currents
        if neuron.tracer_min:
            raise _Inexact(f"{layer.name} may send spikes below 0 of what comes of the input alone, which may round")
        return Signal(0, neuron.tracer_max)
    places, largest, steps = currents.places, currents.largest, 0
    if neuron.is_spiking:
        mantissas, exponents = np.frexp(np.asarray(neuron.threshold))
        if (mantissas != 0.5).any():
            raise _Inexact(f"{layer.name} has a threshold that is no power of two, and a division by it may round")
        places = max(places + int(exponents.max()) - 1, _places(np.asarray(neuron.v_init)))
        largest, steps = largest / float(np.min(neuron.threshold)), max(neuron.tracer_max, -neuron.tracer_min)
    if _room(largest, steps) > 2.0 ** (digits - max(places, 0)):
        raise _Inexact(f"{layer.name} sums numbers of too many binary places ({places}), so that they may round")
    return Signal(0, steps) if neuron.is_spiking else Signal(places, largest)


def _settles(neuron: Neuron) -> bool:
    return not neuron.is_spiking or neuron.kind == "ST-BIF"


def _room(largest: float, steps: int) -> float:
    return 2 * largest + steps + 2


def _round(layer: LayerNode, reads: Signal, digits: int) -> None:
    """Round the weights of a layer as finely as there is room for, but not more finely than is of use."""
    operation = layer.operation
    assert isinstance(operation, Weighted) and reads.places is not None
    top = math.frexp(float(np.abs(operation.weight).max()))[1]
    need = 2 * _room(_largest_sum(operation, reads.largest), _tracer(layer.neuron))
    room = digits - math.ceil(math.log2(need)) - reads.places
    kept = min(room, PLACES - top)
    if kept + top < FEWEST:
        return
    places = {"weight": kept, "bias": kept + reads.places}
    layer.operation = operation.with_arrays(
        {name: np.ldexp(np.rint(np.ldexp(a, places[name])), -places[name]) for name, a in operation.arrays().items()}
    )


def _tracer(neuron: Neuron) -> int:
    return max(neuron.tracer_max, -neuron.tracer_min) if neuron.is_spiking else 0


def _largest_sum(operation: Weighted, largest: float) -> float:
    sums = np.abs(operation.weight.astype(np.float64)).reshape(len(operation.weight), -1).sum(axis=1) * largest
    return float((sums if operation.bias is None else sums + np.abs(operation.bias)).max())


def _places(values: Array) -> int:
    """Return how many binary places behind the point the values have."""
    mantissas, exponents = np.frexp(values[values != 0].astype(np.float64))
    if not mantissas.size:
        return 0
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(np.float64))[1] - 1  # a power of two: its exponent
    return max(0, int((53 - lowest - exponents).max()))
