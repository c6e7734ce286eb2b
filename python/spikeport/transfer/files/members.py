"""The arrays of a checkpoint: for each layer a weight, a bias and the rows of its neuron, as far as it has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.operations import element_of
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files.archive import Member

Array = npt.NDArray[Any]

FLOATS: Final = ("<f4", "<f8")
WEIGHTS: Final = (*FLOATS, "<i1", "<i2")
"""Of version 2, where weights may be integers."""
BIASES: Final = (*FLOATS, "<i4")
NEURON_ROWS: Final = ("threshold", "v_init", "hard_reset", "v_reset", "beta", "tracer_min", "tracer_max")
"""The rows of version 1; version 2 has one more, ``max_spikes``."""


@dataclass(frozen=True)
class LayerArrays:
    """The arrays of one layer: weight and bias (one value for each row of the weight) or None, neuron rows or None."""

    weight: Array | None
    bias: Array | None = None
    neuron: Array | None = None

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return sum(int(array.size) for array in (self.weight, self.bias) if array is not None)


def layers_of(
    expected: Sequence[Member], arrays: Iterator[Array | None], file: str, *, one_type: bool
) -> list[LayerArrays]:
    """Return the layers whose expected members these are, the neuron last; raise `CheckpointError` ``dtype``.

    ``one_type`` asks that all weights are of the type of the first.
    """
    layers: list[LayerArrays] = []
    parts: dict[str, Array | None] = {}
    for member, array in zip(expected, arrays, strict=True):
        part = member.name.split(".")[1]
        parts[part] = array
        if part != "neuron":
            continue
        layer = LayerArrays(parts.get("weight"), parts.get("bias"), parts["neuron"])
        _check_types(layer, [other.weight for other in layers] if one_type else [], f"{file}: layer_{len(layers)}")
        layers.append(layer)
        parts = {}
    return layers


def _check_types(layer: LayerArrays, before: list[Array | None], place: str) -> None:
    weight, bias, neuron = layer.weight, layer.bias, layer.neuron
    if weight is not None and bias is not None and bias.dtype != element_of(weight.dtype):
        raise CheckpointError("dtype", f"{place}: a weight of {weight.dtype} and a bias of {bias.dtype}")
    if neuron is not None and neuron.dtype != np.float64:
        raise CheckpointError("dtype", f"{place}: neuron must be float64")
    if weight is not None and any(other is not None and other.dtype != weight.dtype for other in before):
        raise CheckpointError("dtype", f"{place}: its weight is {weight.dtype}, that of a layer before it is not")


def named_arrays(layers: Sequence[LayerArrays]) -> dict[str, Array]:
    """Return the arrays that there are, by the names of their members, in the order of the archive."""
    return {
        f"layer_{index}.{part}": array
        for index, layer in enumerate(layers)
        for part in ("weight", "bias", "neuron")
        if (array := getattr(layer, part)) is not None
    }
