"""What nodes read on data, for passes that change nodes one after the other, input side first.

The spikes of the last layer through which every path leads are kept, one bit each, as long as nothing before it
changes. So what stands before that layer does not run again for each node behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.proofs.scope import Scope, as_samples, spread
from spikeport.snn_optimizer.replay.layer_replay import behind
from spikeport.snn_optimizer.replay.simulation import block_size, input_steps, sends_ones, upstream

Array = npt.NDArray[Any]


class _Kept(NamedTuple):
    """The spikes of a layer: for each block of samples, (T, samples, *shape) as bits; and what made them."""

    before: list[LayerNode]
    samples: int
    blocks: list[Array]

    def is_of(self, graph: SNNGraph, samples: int, index: int | None) -> bool:
        """Whether nothing up to the layer has changed, which is not behind ``index``, and the samples are as many."""
        if index is None or len(self.before) > index + 1 or self.samples != samples:
            return False
        return all(mine is its for mine, its in zip(self.before, graph.layers, strict=False))


class Signals:
    """What nodes read on the data of a scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._kept: _Kept | None = None

    def means(
        self, graph: SNNGraph, name: str, *, most: int | None = None, first: str | None = None
    ) -> Iterator[Array]:
        """Yield the mean over the steps of what the node ``name`` reads first, (samples, *shape), in blocks of samples.

        Parameters
        ----------
        most : samples, evenly spread over the data; all by default
        first : the first node that may change before this is called again, by default ``name``
        """
        assert self.scope.data is not None
        x = as_samples(graph, self.scope.data)
        x = x if most is None else spread(x, most)
        (source, *_) = graph.sources(name)
        if source is None:
            for block in _cut(x, block_size(graph, self.scope.timesteps)):
                yield input_steps(graph, block, self.scope).mean(axis=0)
            return
        place = {layer.name: k for k, layer in enumerate(graph)}
        last = min(place[source.name], place[first or name] - 1)
        passed = next((k for k in range(last, -1, -1) if _all_pass(graph, k)), None)
        if self._kept is not None and not self._kept.is_of(graph, len(x), passed):
            self._kept = None
        if passed is not None and (self._kept is None or len(self._kept.before) <= passed):
            self._keep(graph, passed, x)
        for counts in self._runs(graph, source.name, x):
            yield counts.astype(np.float64) / self.scope.timesteps

    def _keep(self, graph: SNNGraph, index: int, x: Array) -> None:
        name = graph.layers[index].name
        blocks = [np.packbits(spikes != 0, axis=0) for spikes in self._runs(graph, name, x, record=True)]
        self._kept = _Kept(graph.layers[: index + 1], len(x), blocks)

    def _runs(self, graph: SNNGraph, name: str, x: Array, *, record: bool = False) -> Iterator[Array]:
        """Yield the counts of a node, (samples, *shape), or its spikes (T, samples, *shape), in blocks of samples."""
        scope, T = self.scope, self.scope.timesteps
        if self._kept is None:
            before = upstream(graph, name)
            for block in _cut(x, block_size(before, T if record else 1)):
                run = before.run(block, T=T, encoding=scope.encoding, seed=scope.seed, record=record)
                yield run.spikes[-1] if run.spikes else run.counts[-1]
            return
        index = len(self._kept.before) - 1
        rest = None if graph.layers[index].name == name else behind(graph, index)
        part = None if rest is None else upstream(rest, name)
        for bits in self._kept.blocks:
            size = len(bits[0]) if part is None else block_size(part, T)
            for some in _cut(bits.swapaxes(0, 1), size):
                spikes = np.unpackbits(some.swapaxes(0, 1), axis=0, count=T)
                if part is None:
                    yield spikes if record else spikes.sum(axis=0, dtype=np.int64)
                    continue
                run = part.run(spikes, T=T, encoding="spikes", record=record)
                yield run.spikes[-1] if run.spikes else run.counts[-1]


def _all_pass(graph: SNNGraph, index: int) -> bool:
    """Whether every path leads through a layer, whose spikes are 0 or 1."""
    return sends_ones(graph.layers[index]) and behind(graph, index) is not None


def _cut(x: Array, size: int) -> Iterator[Array]:
    return (x[start : start + size] for start in range(0, len(x), size))
