"""What the nodes of a graph read while it ran: what it was fed, and the signals of a recorded run, node by node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph.layer_node import LayerNode
from spikeport.graph.snn_graph import SNNGraph
from spikeport.kernels import INPUT, RunResult, encode_poisson
from spikeport.kernels.network import Signal, first_signal


def dtype_of(graph: SNNGraph) -> np.dtype[Any]:
    """Return the type that the graph computes in: float32, float64 or, of integers, int32."""
    return next((node.operation.element for node in graph if node.operation.element is not None), np.dtype(np.float64))


def fed(
    graph: SNNGraph,
    x: npt.ArrayLike,
    T: int,
    encoding: str = "current",
    seed: int = 0,
    encode: Callable[..., npt.NDArray[Any]] = encode_poisson,
) -> Signal:
    """Return what a run of ``graph`` on ``x`` reads; under "poisson" the spikes that it draws.

    Draws hang on the values to the bit, so ``x`` is rounded to the graph's type first, as a run does. The arguments are
    those of `SNNGraph.run`; ``encode`` is a backend's `spikeport.backends.Backend.encode_poisson`.
    """
    return first_signal(np.asarray(x).astype(dtype_of(graph), copy=False), T, encoding, seed, encode)


def recorded_signals(graph: SNNGraph, given: Signal, run: RunResult) -> Iterator[tuple[LayerNode, list[Signal]]]:
    """Yield each layer, input side first, and the signals that it read in a recorded run.

    Parameters
    ----------
    given : what the network was fed: (T, batch, *input_shape), or (batch, *input_shape) and ``steady``
    run : of ``graph`` with ``record=True``

    A signal that no step of which differs is given once, and ``steady``: the input, where it is constant, and what
    layers without neurons make of it.
    """
    assert run.spikes is not None
    signals = {INPUT: given}
    for index, (layer, spikes) in enumerate(zip(graph, run.spikes, strict=True)):
        read = [signals[name] for name in graph.reads(index)]
        passes_on = not layer.neuron.is_spiking and not layer.operation.remembers
        steady = passes_on and bool(len(spikes)) and all(signal.steady for signal in read)
        yield layer, read
        signals[layer.name] = Signal(spikes[0], True) if steady else Signal(spikes, False)
