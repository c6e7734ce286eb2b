"""What a laid-out network is, and the one that runs node by node.

Samples are independent, so running a batch in parts changes nothing and bounds memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.backends.settling import leaks, until_settled
from spikeport.checks import is_whole
from spikeport.errors import KernelError
from spikeport.kernels import PlacedNetwork, PlacedNode, RunResult, Trace, encode_poisson
from spikeport.kernels.checks import as_element, as_float, check_timesteps
from spikeport.kernels.memory import Need, at_once, results_of, signals_of
from spikeport.kernels.network import Signal, check_inputs, first_signal, node_currents, node_fire, walk
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]

VALUES_AT_ONCE = 1 << 22

MOST_THREADS: Final = 1024


class Network(ABC):
    """A network that was checked and laid out, ready to run any number of times."""

    def __init__(self, placed: PlacedNetwork) -> None:
        self.placed = placed
        self.nodes = placed.nodes

    def run(
        self,
        inputs: npt.ArrayLike,
        *,
        timesteps: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
        max_bytes: int | None = None,
        stop_when_settled: bool = True,
        threads: int | None = None,
    ) -> RunResult:
        """See `spikeport.kernels.network_run`.

        ``max_bytes`` bounds what the run takes beside its inputs, results among it, by about so much: the batch runs in
        parts, with the same bits. ``stop_when_settled`` spares steps of a pulse that change nothing. ``threads`` says
        on how many samples are shared out, with the same bits: Rust's are, by default on one for each core; others run
        on one. Raises `KernelError` ``memory`` where the results alone, or one sample at work, are more than
        ``max_bytes``, ``threads`` for a number that is none.
        """
        check_timesteps(timesteps)
        if threads is not None and not (is_whole(threads) and 1 <= threads <= MOST_THREADS):
            raise KernelError("threads", f"threads must be a whole number from 1 to {MOST_THREADS:,}, not {threads!r}")
        x = self._checked(inputs, timesteps, encoding, seed)
        axis, drawn = 1 if encoding == "spikes" else 0, int(seed) if encoding == "poisson" else 0

        samples = x.shape[axis]
        results = 0 if max_bytes is None else self.need(timesteps, record).results

        def in_parts(x: Array, steps: int) -> RunResult:
            most = max(1, self._samples_at_once(steps, record))
            if max_bytes is not None:
                most = min(most, at_once(Need(results, self.need(steps, record).work), samples, max_bytes))
            if x.shape[axis] <= most:
                return self._run(x, steps, encoding, drawn, record, threads)
            parts = np.array_split(x, -(-x.shape[axis] // most), axis=axis)
            results_of_parts = (self._run(part, steps, encoding, drawn, record, threads) for part in parts)
            return _joined(results_of_parts, x.shape[axis])

        if encoding == "pulse" and stop_when_settled and not leaks(self.nodes):
            return until_settled(in_parts, x, int(timesteps))
        return in_parts(x, int(timesteps))

    def need(self, timesteps: int, record: bool = False) -> Need:
        """Return how much memory a run takes for each sample, about."""
        results = results_of(self.placed, timesteps, record)
        return Need(results, results + self._held(timesteps))

    def _checked(self, inputs: npt.ArrayLike, timesteps: int, encoding: str, seed: int) -> Array:
        """Return ``inputs`` as `_run` takes them, in C order, or raise as `network_run` does."""
        given = as_element("inputs", inputs) if self.placed.dtype == np.int32 else as_float("inputs", inputs)
        return np.asarray(check_inputs(self.placed, given, timesteps, encoding, seed), order="C")

    @abstractmethod
    def _samples_at_once(self, timesteps: int, record: bool) -> int:
        """Return how many samples one `_run` may get; there is always one."""

    @abstractmethod
    def _held(self, timesteps: int) -> int:
        """Return how many bytes a sample at work takes beside its results."""

    @abstractmethod
    def _run(
        self, x: Array, timesteps: int, encoding: str, seed: int, record: bool, threads: int | None
    ) -> RunResult: ...


class WalkedNetwork(Network):
    """Runs node by node, all steps of some samples at once; here by the reference's own kernels."""

    def _samples_at_once(self, timesteps: int, record: bool) -> int:
        return VALUES_AT_ONCE // (max(1, int(timesteps)) * self.placed.largest)

    def _held(self, timesteps: int) -> int:
        return signals_of(self.placed, timesteps)

    def _run(self, x: Array, timesteps: int, encoding: str, seed: int, record: bool, threads: int | None) -> RunResult:
        signal = first_signal(x, timesteps, encoding, seed, self._encode)
        return walk(self.placed, signal, timesteps, record, encoding == "pulse", self._currents, self._fire)

    def _encode(self, rates: Array, *, timesteps: int, seed: int) -> Array:
        return encode_poisson(rates, timesteps=timesteps, seed=seed)

    def _currents(self, node: PlacedNode, signals: list[Signal], timesteps: int, dtype: Any) -> Signal:
        return node_currents(node, signals, timesteps, dtype)

    def _fire(self, neuron: Neuron, currents: Signal, timesteps: int) -> Trace:
        return node_fire(neuron, currents, timesteps)


def _joined(results: Iterable[RunResult], samples: int) -> RunResult:
    """Return the results of parts as one, each written to its place before the next part runs."""
    whole, start = None, 0
    for part in results:
        if whole is None:
            whole = _room(part, samples)
        places = slice(start, start + len(part.drive))
        for here, there in ((whole.counts, part.counts), (whole.membrane, part.membrane)):
            for room, values in zip(here, there, strict=True):
                room[places] = values
        for room, values in zip(whole.spikes or (), part.spikes or (), strict=True):
            room[:, places] = values
        whole.drive[places] = part.drive
        if whole.settled is not None and part.settled is not None:
            whole.settled[places] = part.settled
        start = places.stop
    assert whole is not None  # there is a part at least
    return whole


def _room(part: RunResult, samples: int) -> RunResult:
    def of(arrays: list[Array], axis: int) -> list[Array]:
        return [np.empty((*a.shape[:axis], samples, *a.shape[axis + 1 :]), a.dtype) for a in arrays]

    spikes = None if part.spikes is None else of(part.spikes, 1)
    settled = None if part.settled is None else of([part.settled], 0)[0]
    drive = of([part.drive], 0)[0]
    return RunResult(of(part.counts, 0), of(part.membrane, 0), drive, part.timesteps, spikes, settled)
