"""One layer of a spiking network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import as_numbers, is_whole
from spikeport.errors import GraphError
from spikeport.neuron import PASS_ON, Neuron, PerNeuron
from spikeport.operations import Linear, Operation

Array = npt.NDArray[Any]


class LayerNode:
    """One layer: an operation with its weights, and the neurons behind it.

    Parameters
    ----------
    name : unique in its graph
    n_inputs, n_neurons : widths
    weights : shape (n_neurons, n_inputs), copied; float32 stays float32, every other dtype becomes float64
    neuron_type : "IF", "LIF", "ST-BIF" or "identity" (no neuron: the current is passed on)
    firing_rates : measured share of steps with a spike, shape (n_neurons,), or None
    bias : shape (n_neurons,), copied in the dtype of the weights, or None
    threshold, v_init, v_reset, beta, tracer_min, tracer_max : see `spikeport.neuron.Neuron`

    The layer's ``operation`` is then a `spikeport.operations.Linear`; `LayerNode.of` takes any operation.

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
        firing_rates: npt.ArrayLike | None = None,
    ) -> LayerNode:
        """Build a layer from an operation, whose arrays are held as they are, not copied, and a `Neuron`.

        Raises `GraphError` ``shape`` and ``dtype`` where the parts do not fit; whether values are finite is asked by
        `SNNGraph.run`.
        """
        _check_name(name)
        if not isinstance(operation, Operation):
            raise GraphError("operation", f"{name}: {operation!r} is no spikeport.operations.Operation")
        operation.check(name)
        layer = cls.__new__(cls)
        layer._fill(name, operation, neuron, firing_rates)
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

    def _fill(self, name: str, operation: Operation, neuron: Neuron, firing_rates: npt.ArrayLike | None) -> None:
        self.name = name
        self.operation = operation
        self.n_inputs, self.n_neurons = operation.n_inputs, operation.n_outputs
        self.neuron = neuron
        neuron.check_width(self.n_neurons)
        self.firing_rates = firing_rates

    @property
    def weights(self) -> Array:
        """Shape (n_neurons, n_inputs). Writing into the array works; another array is checked when the graph runs."""
        return self.operation.arrays()["weight"]

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
        """θ: one number, or one for each neuron."""
        return self.neuron.threshold

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return self.operation.n_params

    def validate(self) -> None:
        """Raise `GraphError` where weights, bias or neuron were replaced by others that do not fit."""
        self.operation.check(self.name)
        widths = (self.operation.n_outputs, self.operation.n_inputs)
        if widths != (self.n_neurons, self.n_inputs):
            raise GraphError("shape", f"{self.name}.weights has shape {widths}, not {(self.n_neurons, self.n_inputs)}")
        self.neuron.check_width(self.n_neurons)

    def copy(self) -> LayerNode:
        """Return a layer that shares no memory with this one."""
        return self.of(self.name, self.operation.copy(), self.neuron, self.firing_rates)

    def __eq__(self, other: object) -> bool:
        """Compare name, operation and neuron; measured firing rates are not part of what a layer is."""
        if not isinstance(other, LayerNode):
            return NotImplemented
        return self.name == other.name and self.operation == other.operation and self.neuron == other.neuron

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        bias = "" if self.bias is None else " + bias"
        widths = f"{self.n_inputs} -> {self.n_neurons}"
        return f"<LayerNode {self.name}: {self.operation.kind} {widths}{bias}, {self.neuron_type}>"


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
