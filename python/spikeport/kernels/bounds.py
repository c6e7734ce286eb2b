"""Bounds of operations and networks of integers (SPEC.md 2.2, 2.3): what could pass 32 bits is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy.typing as npt

from spikeport.errors import GraphError, KernelError
from spikeport.kernels.integers import check_reach, largest_of, reach_of
from spikeport.kernels.nodes import INPUT, PlacedNetwork, PlacedNode
from spikeport.neuron import Neuron
from spikeport.operations import MaxPool, Operation

Array = npt.NDArray[Any]


def check_currents(operation: Operation, signals: list[Array]) -> float:
    """Return the bound of the currents of an operation for ``signals`` (T, batch, …), or raise `KernelError`."""
    most = _bound(operation, [largest_of(signal) for signal in signals])
    check_reach(most * (len(signals[0]) if isinstance(operation, MaxPool) else 1), f"a current of {operation.kind}")
    return most


def node_reach(neuron: Neuron, timesteps: int, largest: float) -> float:
    """Return what the membrane of a node's neurons could reach; of ``identity``, what its currents add up to."""
    if not neuron.is_spiking:
        return timesteps * largest
    return reach_of(timesteps, largest, neuron.threshold, neuron.v_init, neuron.v_reset, neuron.max_spikes)


def check_network(network: PlacedNetwork, timesteps: int, largest: float) -> None:
    """Raise `KernelError` ``overflow`` unless ``timesteps`` steps on inputs of at most ``largest`` stay in 32 bits."""
    for node, most in bounds_of(network, largest):
        check_reach(node_reach(node.neuron, timesteps, most), f"{node.name}, in {timesteps:,} timesteps,")


def bounds_of(network: PlacedNetwork, largest: float) -> Iterator[tuple[PlacedNode, float]]:
    """Yield each node and the bound of its currents, where inputs are at most ``largest`` in absolute value."""
    passed_on = {INPUT: largest}
    for node, masses in zip(network.nodes, network.masses, strict=True):
        read = [passed_on[name] for name in node.inputs]
        most = _bound(node.operation, read) if masses is None else masses.bound(*read)
        passed_on[node.name] = float(max(map(abs, node.neuron.spike_range))) if node.neuron.is_spiking else most
        yield node, most


def _bound(operation: Operation, largest: list[float]) -> float:
    try:
        return operation.bound(*largest)
    except GraphError as error:
        raise KernelError(error.code, str(error)) from None
