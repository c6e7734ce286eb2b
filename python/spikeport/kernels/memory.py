"""How much memory a run takes, so that a batch can be cut into parts that fit: estimates, made before any work."""

from __future__ import annotations

from typing import Any, NamedTuple

from spikeport.checks import is_whole
from spikeport.errors import KernelError
from spikeport.kernels.nodes import INPUT, PlacedNetwork

COUNT = 8
"""Bytes of a count."""

TEMPORARIES = 3
"""Arrays of a node's currents that an operation or a neuron has beside each other: sums, products, what is returned."""


class Need(NamedTuple):
    """Bytes for each sample of a run.

    Attributes
    ----------
    results : what the run gives: counts and membranes of all nodes, the drive, spikes where they are recorded
    work : what it needs on the way, results of a part before they stand with the others among them
    """

    results: int
    work: int


def results_of(placed: PlacedNetwork, timesteps: int, record: bool) -> int:
    """Return the bytes of what a run gives for one sample."""
    item = placed.dtype.itemsize
    spiking, graded = placed.sizes
    total = (placed.nodes[-1].size + spiking + 2 * graded) * item + COUNT * spiking
    return total + timesteps * (spiking + graded * item) if record else total


def signals_of(placed: PlacedNetwork, timesteps: int) -> int:
    """Return the bytes that a walk over all steps of one sample holds at most: signals until their last reader has read
    them, and what the node at hand computes.
    """
    item = placed.dtype.itemsize
    last = {name: node.name for node in placed.nodes for name in node.inputs}
    alive = {INPUT: timesteps * item * placed.input_size}
    most = 0
    for node in placed.nodes:
        values = timesteps * node.size
        most = max(most, sum(alive.values()) + values * (TEMPORARIES * item + 1))
        alive[node.name] = values * (1 if node.neuron.is_spiking else item)
        alive = {name: size for name, size in alive.items() if last.get(name) != node.name}
    return most


def check_bytes(max_bytes: Any) -> int:
    """Return a number of bytes as an int, or raise `KernelError` ``memory`` unless it is whole and at least 1."""
    if not is_whole(max_bytes) or max_bytes < 1:
        raise KernelError("memory", f"max_bytes must be a whole number of bytes, at least 1, not {max_bytes!r}")
    return int(max_bytes)


def at_once(need: Need, samples: int, max_bytes: Any) -> int:
    """Return how many of ``samples`` can be at work at once so that a run takes no more than ``max_bytes``.

    Raises `KernelError` ``memory`` where that is no number of bytes, or less than the results and one sample at work.
    """
    left = check_bytes(max_bytes) - samples * need.results
    if samples and left < need.work:
        raise KernelError(
            "memory",
            f"max_bytes={max_bytes:,} is too little: what the run gives for {samples:,} samples takes "
            f"{samples * need.results:,} bytes ({need.results:,} a sample), and a sample at work {need.work:,}. Run "
            "fewer samples at once, or fewer timesteps; without record=True spikes are not kept",
        )
    return max(1, left // max(1, need.work))
