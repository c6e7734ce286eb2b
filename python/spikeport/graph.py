"""The one noun: `SNNGraph`, an ordered list of `LayerNode`s.

A converted network, a checkpoint and an optimiser's input are all this; nothing here knows who made it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.backends import get_backend
from spikeport.errors import GraphError
from spikeport.kernels.checks import is_whole
from spikeport.neuron import Neuron, PerNeuron

Array = npt.NDArray[Any]
OPERATIONS = ("linear",)


class LayerNode:
    """One layer: an operation with weights and bias, and the neurons behind it.

    Parameters
    ----------
    name : unique in its graph
    n_inputs, n_neurons : widths
    weights : shape (n_neurons, n_inputs), copied; float32 stays float32, every other dtype becomes float64
    neuron_type : "IF", "LIF", "ST-BIF" or "identity" (no neuron: the current is passed on)
    firing_rates : measured share of steps with a spike, shape (n_neurons,), or None
    bias : shape (n_neurons,), copied in the dtype of the weights, or None
    threshold, v_init, v_reset, beta, tracer_min, tracer_max : see `spikeport.neuron.Neuron`
    operation : "linear"

    Raises
    ------
    GraphError
        ``shape``, ``non_finite``, ``dtype``, ``operation``, ``name``, and the codes of `Neuron`.
    """

    def __init__(
        self,
        name: str,
        n_inputs: int,
        n_neurons: int,
        weights: npt.ArrayLike,
        neuron_type: str = "LIF",
        firing_rates: npt.ArrayLike | None = None,
        *,
        bias: npt.ArrayLike | None = None,
        threshold: PerNeuron = 1.0,
        v_init: PerNeuron = 0.0,
        v_reset: PerNeuron | None = None,
        beta: PerNeuron = 1.0,
        tracer_min: int = 0,
        tracer_max: int = 31,
        operation: str = "linear",
    ) -> None:
        if not isinstance(name, str) or not name:
            raise GraphError("name", f"a layer's name must be a text that is not empty, not {name!r}")
        if operation not in OPERATIONS:
            raise GraphError("operation", f"{name}: operation {operation!r} is not one of {', '.join(OPERATIONS)}")
        self.name = name
        self.operation = operation
        self.n_inputs = _width(f"{name}.n_inputs", n_inputs)
        self.n_neurons = _width(f"{name}.n_neurons", n_neurons)
        self.weights = _copied(f"{name}.weights", weights, (self.n_neurons, self.n_inputs))
        self.bias = None if bias is None else _copied(f"{name}.bias", bias, (self.n_neurons,), self.weights.dtype)
        self.neuron = Neuron(neuron_type, threshold, v_init, v_reset, beta, tracer_min, tracer_max)
        self.neuron.check_width(self.n_neurons)
        self.firing_rates = firing_rates

    @classmethod
    def with_neuron(
        cls,
        name: str,
        weights: npt.ArrayLike,
        bias: npt.ArrayLike | None,
        neuron: Neuron,
        firing_rates: npt.ArrayLike | None = None,
        operation: str = "linear",
    ) -> LayerNode:
        """Build a layer from arrays and a `Neuron`, widths taken from the weights."""
        shape = np.shape(weights)
        if len(shape) != 2:
            raise GraphError("shape", f"{name}.weights has shape {shape}: give (n_neurons, n_inputs)")
        layer = cls(name, shape[1], shape[0], weights, neuron.kind, firing_rates, bias=bias, operation=operation)
        neuron.check_width(shape[0])
        layer.neuron = neuron
        return layer

    @property
    def firing_rates(self) -> Array | None:
        """Measured share of steps with a spike, shape (n_neurons,), or None."""
        return self._firing_rates

    @firing_rates.setter
    def firing_rates(self, rates: npt.ArrayLike | None) -> None:
        name = f"{self.name}.firing_rates"
        self._firing_rates = None if rates is None else _copied(name, rates, (self.n_neurons,))

    @property
    def neuron_type(self) -> str:
        """The kind of neuron."""
        return self.neuron.kind

    @property
    def threshold(self) -> PerNeuron:
        """θ: a number, or one a neuron."""
        return self.neuron.threshold

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return self.weights.size + (0 if self.bias is None else self.bias.size)

    def validate(self) -> None:
        """Raise `GraphError` where weights, bias or neuron were replaced by others that do not fit."""
        parts: list[tuple[str, Array, tuple[int, ...]]] = [("weights", self.weights, (self.n_neurons, self.n_inputs))]
        parts += [] if self.bias is None else [("bias", self.bias, (self.n_neurons,))]
        for name, array, shape in parts:
            if np.shape(array) != shape:
                raise GraphError("shape", f"{self.name}.{name} has shape {np.shape(array)}, not {shape}")
            dtype = getattr(array, "dtype", type(array).__name__)
            if dtype not in (np.float32, np.float64) or dtype != self.weights.dtype:
                raise GraphError("dtype", f"{self.name}.{name} is {dtype}: make all of a layer float32, or all float64")
        self.neuron.check_width(self.n_neurons)

    def copy(self) -> LayerNode:
        """Return a layer that shares no memory with this one."""
        return self.with_neuron(self.name, self.weights, self.bias, self.neuron, self.firing_rates, self.operation)

    def __eq__(self, other: object) -> bool:
        """Compare name, weights, bias and neuron; measured firing rates are not part of what a layer is."""
        if not isinstance(other, LayerNode):
            return NotImplemented
        return (
            (self.name, self.operation, self.weights.dtype) == (other.name, other.operation, other.weights.dtype)
            and np.array_equal(self.weights, other.weights)
            and (self.bias is None) == (other.bias is None)
            and (self.bias is None or other.bias is None or np.array_equal(self.bias, other.bias))
            and self.neuron == other.neuron
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        bias = "" if self.bias is None else " + bias"
        return (
            f"<LayerNode {self.name}: {self.operation} {self.n_inputs} -> {self.n_neurons}{bias}, {self.neuron_type}>"
        )


@dataclass(frozen=True)
class RunResult:
    """What a run of a graph gave; lists have one array a layer.

    Attributes
    ----------
    counts : (batch, n): net spikes over the run
    membrane : (batch, n): membrane after the last step
    drive : (batch, n_out): what the output layer received in all, ``θ·count + v_end - v_start`` under soft reset
    timesteps : number of steps
    spikes : (timesteps, batch, n), or None unless recorded
    """

    counts: list[Array]
    membrane: list[Array]
    drive: Array
    timesteps: int
    spikes: list[Array] | None = None


class SNNGraph:
    """A spiking network: layers in order, each fed by the one before.

    Raises `GraphError` (``shape``, ``name``, ``dtype``) where layers do not chain, share a name or differ in dtype.
    """

    def __init__(self, layers: Iterable[LayerNode]) -> None:
        if not isinstance(layers, Iterable):
            raise GraphError("shape", f"a graph is made of a list of layers, not of {layers!r}")
        self.layers = list(layers)
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
        if len({layer.weights.dtype for layer in self.layers}) > 1:
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

        Parameters
        ----------
        x : (batch, n_inputs); with ``encoding="spikes"`` (T, batch, n_inputs)
        encoding : "current" feeds the value at every step, "poisson" draws spikes with the value as rate in [0, 1],
            "spikes" takes ``x`` as it is, step by step
        seed : of the Poisson draws; a sample's draws do not depend on its place in the batch
        record : keep every layer's spikes
        backend : see `spikeport.backends.get_backend`

        Raises `spikeport.errors.KernelError` with a code for input that does not fit.
        """
        self.validate()
        trace = get_backend(backend).network_run(
            self.layers, x, timesteps=T, encoding=encoding, seed=seed, record=record
        )
        return RunResult(trace.counts, trace.membrane, trace.drive, int(T), trace.spikes)

    def copy(self) -> SNNGraph:
        """Return a graph that shares no memory with this one."""
        return SNNGraph([layer.copy() for layer in self.layers])

    def summary(self) -> str:
        """Return a table of the layers, a line each."""
        rows = [("layer", "operation", "in", "out", "params", "neuron")]
        rows += [
            (node.name, node.operation, str(node.n_inputs), str(node.n_neurons), f"{node.n_params:,}", _describe(node))
            for node in self.layers
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, f"{len(self)} layers, {self.n_params:,} parameters"])

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

    def __repr__(self) -> str:
        widths = " -> ".join(str(n) for n in [self.n_inputs, *(layer.n_neurons for layer in self.layers)])
        return f"<SNNGraph {widths}, {self.n_params:,} parameters>"


def _describe(layer: LayerNode) -> str:
    neuron = layer.neuron
    if not neuron.is_spiking:
        return neuron.kind
    parts = [neuron.kind, f"θ={_span(neuron.threshold)}", f"v₀={_span(neuron.v_init)}θ"]
    if neuron.kind == "LIF":
        parts.append(f"β={_span(neuron.beta)}")
    if neuron.kind == "ST-BIF":
        parts.append(f"S∈[{neuron.tracer_min}, {neuron.tracer_max}]")
    elif neuron.v_reset is not None:
        parts.append(f"hard reset to {_span(neuron.v_reset)}")
    return " ".join(parts)


def _span(value: PerNeuron) -> str:
    low, high = float(np.min(value)), float(np.max(value))
    return f"{low:g}" if low == high else f"{low:g}…{high:g}"


def _width(name: str, value: Any) -> int:
    if not is_whole(value) or value < 1:
        raise GraphError("shape", f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def _copied(name: str, values: npt.ArrayLike, shape: tuple[int, ...], dtype: Any = None) -> Array:
    try:
        array = np.array(values)
    except ValueError:
        raise GraphError("shape", f"{name} is ragged: give an array of shape {shape}") from None
    if array.dtype.kind not in "fiub":
        raise GraphError("dtype", f"{name} has dtype {array.dtype}: give real numbers")
    if dtype is None:
        dtype = np.float32 if array.dtype == np.float32 else np.float64
    if array.shape != shape:
        raise GraphError("shape", f"{name} has shape {array.shape}, not {shape}")
    array = np.ascontiguousarray(array, dtype)
    if not np.isfinite(array).all():
        raise GraphError("non_finite", f"{name} holds NaN or infinity")
    return array
