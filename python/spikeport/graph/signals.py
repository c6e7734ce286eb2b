"""What the nodes of a graph read while it ran: the signals of a recorded run, node by node."""

from __future__ import annotations

from collections.abc import Iterator

from spikeport.graph.layer_node import LayerNode
from spikeport.graph.snn_graph import SNNGraph
from spikeport.kernels import INPUT, RunResult
from spikeport.kernels.network import Signal


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
