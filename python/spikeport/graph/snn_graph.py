"""The graph: layers in order, and how they run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends import Network, get_backend
from spikeport.checks import takes
from spikeport.errors import GraphError
from spikeport.graph.laid_out import LaidOut
from spikeport.graph.layer_node import LayerNode
from spikeport.graph.table import table_of
from spikeport.kernels import RunResult


class SNNGraph:
    """A spiking network: layers in order, each fed by the one before.

    Raises `GraphError` (``shape``, ``name``, ``dtype``) where layers do not chain, share a name or differ in dtype.
    """

    def __init__(self, layers: Iterable[LayerNode]) -> None:
        if not isinstance(layers, Iterable):
            raise GraphError("shape", f"a graph is made of a list of layers, not of {layers!r}")
        self.layers = list(layers)
        self._laid_out: LaidOut | None = None
        self.validate()

    def validate(self) -> None:
        """Raise `GraphError` unless there are layers that chain, of one dtype, with unique names."""
        if not self.layers:
            raise GraphError("shape", "a graph needs at least one layer")
        for layer in self.layers:
            if not isinstance(layer, LayerNode):
                raise GraphError("shape", f"a graph is made of LayerNodes, and {layer!r} is a {type(layer).__name__}")
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise GraphError("name", f"layers share the name {', '.join(twice)}: give each its own")
        for layer in self.layers:
            layer.validate()
        if len({layer.operation.dtype for layer in self.layers}) > 1:
            raise GraphError("dtype", "layers differ in dtype: make all weights float32, or all float64")
        for before, after in itertools.pairwise(self.layers):
            if before.n_neurons != after.n_inputs:
                raise GraphError(
                    "shape",
                    f"{before.name} has {before.n_neurons} neurons, {after.name} takes {after.n_inputs}: not equal",
                )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.layers[0].n_inputs

    @property
    def n_outputs(self) -> int:
        """Number of neurons in the last layer."""
        return self.layers[-1].n_neurons

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return sum(layer.n_params for layer in self.layers)

    @takes("T", instead_of="timesteps")
    def run(
        self,
        x: npt.ArrayLike,
        *,
        T: int,
        encoding: str = "current",
        seed: int = 0,
        record: bool = False,
        backend: str = "auto",
    ) -> RunResult:
        """Run the network for ``T`` steps.

        The backend lays the network out once, for as long as the graph does not change: layers, their parts and the
        values of their arrays are compared at each run.

        Parameters
        ----------
        x : (batch, n_inputs); with ``encoding="spikes"`` (T, batch, n_inputs)
        encoding : "current" feeds the value at every step, "poisson" draws spikes with the value as rate in [0, 1],
            "spikes" takes ``x`` as it is, step by step
        seed : of the Poisson draws; a sample's draws do not depend on its place in the batch
        record : keep the spikes of every layer
        backend : see `spikeport.backends.get_backend`

        Raises `GraphError` for a graph that was changed to one that cannot be, `spikeport.errors.KernelError` with a
        code for input that does not fit.
        """
        network = self.network(backend)
        return network.run(x, timesteps=T, encoding=encoding, seed=seed, record=record)

    def network(self, backend: str = "auto") -> Network:
        """Return the network as ``backend`` lays it out; the same one for as long as the graph does not change."""
        engine, kept = get_backend(backend), self._laid_out
        if kept is None or not kept.is_still(engine, self.layers):
            self.validate()
            kept = self._laid_out = LaidOut.by(engine, self.layers)
        return kept.network

    def copy(self) -> SNNGraph:
        """Return a graph that shares no memory with this one."""
        return SNNGraph([layer.copy() for layer in self.layers])

    def summary(self) -> str:
        """Return a table of the layers, one line for each."""
        return table_of(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerNode]:
        return iter(self.layers)

    def __getitem__(self, key: int | str) -> LayerNode:
        """Return a layer by index or name; raises IndexError or KeyError where there is none."""
        if isinstance(key, int | np.integer):
            return self.layers[key]
        for layer in self.layers:
            if layer.name == key:
                return layer
        raise KeyError(f"no layer is called {key!r}: there are {', '.join(layer.name for layer in self.layers)}")

    def __eq__(self, other: object) -> bool:
        return self.layers == other.layers if isinstance(other, SNNGraph) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_laid_out": None}  # a copy or another process lays it out for itself

    def __repr__(self) -> str:
        widths = " -> ".join(str(n) for n in [self.n_inputs, *(layer.n_neurons for layer in self.layers)])
        return f"<SNNGraph {widths}, {self.n_params:,} parameters>"
