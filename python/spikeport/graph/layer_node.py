"""One node of a spiking network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers, is_whole
from spikeport.errors import GraphError
from spikeport.neuron import PASS_ON, Neuron, PerNeuron
from spikeport.operations import Linear, Operation, Shape

Array = npt.NDArray[Any]


class LayerNode:
    """One layer: an operation on the signals it reads, and the neurons behind it.

    This constructor makes a layer with a `spikeport.operations.Linear`; `LayerNode.of` takes any operation, and says
    which nodes it reads.

    Parameters
    ----------
    name : unique in its graph
    n_inputs, n_neurons : widths
    weights : shape (n_neurons, n_inputs), copied; float32 stays float32, every other dtype becomes float64
    neuron_type : "IF", "LIF", "ST-BIF" or "identity" (no neuron: the current is passed on)
    firing_rates : measured spikes of a step, a mean, shape (n_neurons,), or None
    bias : shape (n_neurons,), copied in the dtype of the weights, or None
    threshold, v_init, v_reset, beta, tracer_min, tracer_max : see `spikeport.neuron.Neuron`

    Attributes
    ----------
    operation : see `spikeport.operations`
    neuron : its parameters are one number, or one for each entry of the first axis of what the node passes on
    inputs : names of the nodes it reads, in order, "input" for the network's input; () for the node before it
    shape : of what it passes on for one sample, or None before a graph has worked it out

    Raises
    ------
    GraphError
        ``shape``, ``non_finite``, ``dtype``, ``name``, and the codes of `Neuron`.
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
    ) -> None:
        _check_name(name)
        n_in, n_out = _width(f"{name}.n_inputs", n_inputs), _width(f"{name}.n_neurons", n_neurons)
        W = _copied(f"{name}.weights", weights, (n_out, n_in))
        b = None if bias is None else _copied(f"{name}.bias", bias, (n_out,), W.dtype)
        neuron = Neuron(
            neuron_type,
            threshold=threshold,
            v_init=v_init,
            v_reset=v_reset,
            beta=beta,
            tracer_min=tracer_min,
            tracer_max=tracer_max,
        )
        self._fill(name, Linear(W, b), neuron, firing_rates)

    @classmethod
    def of(
        cls,
        name: str,
        operation: Operation,
        neuron: Neuron = PASS_ON,
        inputs: Sequence[str] = (),
        firing_rates: npt.ArrayLike | None = None,
    ) -> LayerNode:
        """Build a layer from an operation, whose arrays are held as they are, not copied, and a `Neuron`.

        ``inputs`` names what it reads: nodes before it in its graph, or "input"; nothing for the node before it.

        Raises `GraphError` ``shape``, ``dtype`` and ``inputs`` where the parts do not fit; whether values are finite is
        asked by `SNNGraph.run`.
        """
        _check_name(name)
        if not isinstance(operation, Operation):
            raise GraphError("operation", f"{name}: {operation!r} is no spikeport.operations.Operation")
        operation.check(name)
        if isinstance(inputs, str) or not all(isinstance(source, str) and source for source in inputs):
            raise GraphError("inputs", f"{name}: inputs {inputs!r} is no list of names of nodes")
        layer = cls.__new__(cls)
        layer._fill(name, operation, neuron, firing_rates, tuple(inputs))
        return layer

    @classmethod
    def with_neuron(
        cls,
        name: str,
        weights: npt.ArrayLike,
        bias: npt.ArrayLike | None,
        neuron: Neuron,
        firing_rates: npt.ArrayLike | None = None,
    ) -> LayerNode:
        """Build a layer from arrays, which are copied, and a `Neuron`; widths are taken from the weights."""
        shape = np.shape(weights)
        if len(shape) != 2:
            raise GraphError("shape", f"{name}.weights has shape {shape}: give (n_neurons, n_inputs)")
        layer = cls(name, shape[1], shape[0], weights, neuron.kind, firing_rates, bias=bias)
        neuron.check_width(shape[0])
        layer.neuron = neuron
        return layer

    def _fill(
        self,
        name: str,
        operation: Operation,
        neuron: Neuron,
        firing_rates: npt.ArrayLike | None,
        inputs: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.operation = operation
        self.inputs = inputs
        self.shape: Shape | None = None
        self._n_inputs: int | None = None
        self.neuron = neuron
        if isinstance(operation, Linear):
            self.stand(((operation.n_inputs,),), (operation.n_outputs,))
        self.firing_rates = firing_rates

    def stand(self, reads: Sequence[Shape], shape: Shape) -> None:
        """Take down the shapes that the node has in its graph: of what it reads, and of what it passes on."""
        self.shape = shape
        self._n_inputs = sum(math.prod(source) for source in reads)
        self.neuron.check_width(shape[0])

    @property
    def n_inputs(self) -> int:
        """How many values it reads at each step; raises `GraphError` before that is known."""
        if self._n_inputs is None:
            raise GraphError("shape", f"how much {self.name} reads is known once it stands in a graph")
        return self._n_inputs

    @property
    def n_neurons(self) -> int:
        """How many values it passes on at each step; raises `GraphError` before that is known."""
        if self.shape is None:
            raise GraphError("shape", f"how much {self.name} passes on is known once it stands in a graph")
        return math.prod(self.shape)

    @property
    def is_linear(self) -> bool:
        """Whether its operation is `spikeport.operations.Linear`."""
        return isinstance(self.operation, Linear)

    @property
    def weights(self) -> Array:
        """Of shape (n_neurons, n_inputs) where it is linear. Writing into the array works; another array is checked
        when the graph runs. Raises `GraphError` for an operation without weights.
        """
        arrays = self.operation.arrays()
        if "weight" not in arrays:
            raise GraphError("shape", f"{self.name}: the operation {self.operation.kind} has no weights")
        return arrays["weight"]

    @weights.setter
    def weights(self, weights: Array) -> None:
        self.operation = self.operation.with_arrays({**self.operation.arrays(), "weight": weights})

    @property
    def bias(self) -> Array | None:
        """Shape (n_neurons,), or None; set like `weights`."""
        return self.operation.arrays().get("bias")

    @bias.setter
    def bias(self, bias: Array | None) -> None:
        others = {name: array for name, array in self.operation.arrays().items() if name != "bias"}
        self.operation = self.operation.with_arrays(others if bias is None else {**others, "bias": bias})

    @property
    def firing_rates(self) -> Array | None:
        """Measured spikes of a step, a mean, of the node's shape, or None."""
        return self._firing_rates

    @firing_rates.setter
    def firing_rates(self, rates: npt.ArrayLike | None) -> None:
        name = f"{self.name}.firing_rates"
        self._firing_rates = None if rates is None else _copied(name, rates, self.shape or np.shape(rates))

    @property
    def neuron_type(self) -> str:
        """The kind of neuron."""
        return self.neuron.kind

    @property
    def threshold(self) -> PerNeuron:
        """θ: one number, or one for each neuron."""
        return self.neuron.threshold

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return self.operation.n_params

    def validate(self) -> None:
        """Raise `GraphError` where weights, bias or neuron were replaced by others that do not fit."""
        self.operation.check(self.name)
        if isinstance(self.operation, Linear):
            widths = (self.operation.n_outputs, self.operation.n_inputs)
            if self.shape is not None and widths != (self.n_neurons, self.n_inputs):
                expected = (self.n_neurons, self.n_inputs)
                raise GraphError("shape", f"{self.name}.weights has shape {widths}, not {expected}")
        if self.shape is not None:
            self.neuron.check_width(self.shape[0])

    def copy(self) -> LayerNode:
        """Return a layer that shares no memory with this one."""
        new = self.of(self.name, self.operation.copy(), self.neuron, self.inputs)
        new.shape, new._n_inputs, new.firing_rates = self.shape, self._n_inputs, self.firing_rates
        return new

    def __eq__(self, other: object) -> bool:
        """Compare name, operation, neuron and inputs; measured firing rates are not part of what a layer is."""
        if not isinstance(other, LayerNode):
            return NotImplemented
        return self.inputs == other.inputs and self.is_alike(other)

    __hash__ = None  # type: ignore[assignment]

    def is_alike(self, other: LayerNode) -> bool:
        """Whether name, operation and neuron are the same, whatever they read."""
        return self.name == other.name and self.operation == other.operation and self.neuron == other.neuron

    def __repr__(self) -> str:
        bias = "" if self.bias is None else " + bias"
        reads = "" if self._n_inputs is None else f" {self._n_inputs} -> "
        reads += "" if self.shape is None else "×".join(map(str, self.shape))
        return f"<LayerNode {self.name}: {self.operation.kind}{reads}{bias}, {self.neuron_type}>"


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise GraphError("name", f"a layer's name must be a text that is not empty, not {name!r}")


def _width(name: str, value: Any) -> int:
    if not is_whole(value) or value < 1:
        raise GraphError("shape", f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def _copied(name: str, values: npt.ArrayLike, shape: tuple[int, ...], dtype: Any = None) -> Array:
    array = as_numbers(name, values, GraphError)
    if dtype is None:
        dtype = np.float32 if array.dtype == np.float32 else np.float64
    if array.shape != shape:
        raise GraphError("shape", f"{name} has shape {array.shape}, not {shape}")
    array = np.array(array, dtype, order="C")
    if not np.isfinite(array).all():
        raise GraphError("non_finite", f"{name} holds NaN or infinity")
    return array
