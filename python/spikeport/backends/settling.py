"""A pulse until all has settled: the result of a long run for the price of a short one.

Once a sample has settled, further steps change nothing (SPEC.md 2.3), so it is enough to run until then: 16 steps, then
twice as many for the samples that still move, and so on. Membranes of neurons that leak go on changing; a network with
such neurons is run to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.kernels import PlacedNode, RunResult

Array = npt.NDArray[Any]

FEWEST: Final = 16
"""Steps of the first try."""


def leaks(nodes: Sequence[PlacedNode]) -> bool:
    """Whether a membrane may change without any current."""
    return any(node.neuron.kind == "LIF" and not np.all(np.asarray(node.neuron.beta) == 1) for node in nodes)


def until_settled(run: Callable[[Array, int], RunResult], x: Array, timesteps: int) -> RunResult:
    """Return what ``run(x, timesteps)`` gives, from runs that end once all samples of ``x`` (batch, …) have settled."""
    steps = min(FEWEST, timesteps)
    whole = _as_long(run(x, steps), timesteps)
    while steps < timesteps:
        assert whole.settled is not None
        moving = np.flatnonzero(whole.settled < 0)
        if not len(moving):
            break
        steps = min(2 * steps, timesteps)
        _put(whole, moving, run(x[moving], steps))
    return whole


def _as_long(result: RunResult, timesteps: int) -> RunResult:
    """Return the result with recorded signals of as many steps, zeros at the end."""
    if result.spikes is None:
        return replace(result, timesteps=timesteps)
    longer = [np.zeros((timesteps, *signal.shape[1:]), signal.dtype) for signal in result.spikes]
    for target, signal in zip(longer, result.spikes, strict=True):
        target[: len(signal)] = signal
    return replace(result, timesteps=timesteps, spikes=longer)


def _put(whole: RunResult, places: Array, part: RunResult) -> None:
    assert whole.settled is not None and part.settled is not None
    whole.settled[places], whole.drive[places] = part.settled, part.drive
    for targets, values in ((whole.counts, part.counts), (whole.membrane, part.membrane)):
        for target, value in zip(targets, values, strict=True):
            target[places] = value
    for target, signal in zip(whole.spikes or (), part.spikes or (), strict=True):
        target[: len(signal), places] = signal
