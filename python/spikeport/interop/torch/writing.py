"""A graph as a torch module."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from spikeport.backends.torch_device.device import TYPES
from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.interop.torch.layer import TRAINABLE, SpikingLayer
from spikeport.interop.torch.network import SpikingNetwork
from spikeport.interop.torch.surrogate import as_surrogate


def to_torch(
    graph: SNNGraph,
    *,
    T: int = 16,
    encoding: str = "current",
    surrogate: Any = "arctan",
    trainable: Collection[str] = ("weight", "bias"),
    detach_reset: bool = True,
) -> SpikingNetwork:
    """Return the network as a torch module: the same spikes, gradients, and a state dict by the names of the layers.

    `spikeport.interop.torch.from_torch` makes a graph of it again.

    Parameters
    ----------
    graph : of floats, whatever its operations and neurons; arrays are copied
    T, encoding : how a call of the module runs, see `SNNGraph.run`; a run of its own may differ
    surrogate : what a spike's derivative is taken to be: "arctan", "fast_sigmoid", or an object with ``derivative``,
        see `spikeport.interop.torch.surrogate`
    trainable : which of "weight", "bias", "threshold", "v_init", "v_reset" and "beta" are parameters; the others are
        buffers, and stay as they are
    detach_reset : whether no gradient passes through what a spike takes off the membrane (Zenke & Vogels 2021, "The
        remarkable robustness of surrogate gradient learning")

    Raises
    ------
    GraphError
        ``dtype`` for a network of integers, ``surrogate``, ``trainable``, and those of `SNNGraph.validate`.
    spikeport.errors.KernelError
        ``timesteps`` unless T is at least 1, ``encoding``.
    spikeport.errors.MissingExtra
        without torch.
    """
    if not isinstance(graph, SNNGraph):
        raise GraphError("graph", f"to_torch takes an SNNGraph, not {type(graph).__name__}: give its .graph")
    graph.validate()
    dtype = dtype_of(graph)
    if dtype == np.int32:
        raise GraphError(
            "dtype",
            "a network of integers does not train: no step is small enough. Train the float network that it was made "
            "of, and quantise that again",
        )
    wrong = [trainable] if isinstance(trainable, str) else [name for name in trainable if name not in TRAINABLE]
    if wrong:
        raise GraphError("trainable", f"trainable {wrong[0]!r}: give a list of {', '.join(TRAINABLE)}")
    how: Any = (TYPES[dtype], as_surrogate(surrogate), tuple(trainable), bool(detach_reset))
    layers = [SpikingLayer(layer, graph.reads(k), *how) for k, layer in enumerate(graph)]
    return SpikingNetwork(layers, graph.input_shape, T, encoding)
