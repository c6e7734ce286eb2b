"""Version 1 of the format: a chain of linear layers, and the members that its archive has.

Members, for i = 0, 1, …: ``layer_<i>.weight``, then where they exist ``layer_<i>.bias`` and ``layer_<i>.neuron``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.transfer.archive import Member
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.neurons import NEURON_ROWS

Array = npt.NDArray[Any]

FLOATS: Final = ("<f4", "<f8")


@dataclass(frozen=True)
class LayerArrays:
    """The arrays of one layer: weight (out, in), bias (out,) or None, neuron (7, 1) or (7, out) float64 or None."""

    weight: Array
    bias: Array | None = None
    neuron: Array | None = None


def expected_members(sizes: Sequence[tuple[int, int]]) -> list[Member]:
    """Return the members of an archive whose layers have these (in, out) sizes: three for each layer.

    A neuron's rows are always float64; that is checked with its layer, in `layers_of`, since other checks come before.
    """
    rows = len(NEURON_ROWS)
    members = []
    for index, (n_in, n_out) in enumerate(sizes):
        shapes: dict[str, tuple[tuple[int, ...], ...]] = {
            "weight": ((n_out, n_in),),
            "bias": ((n_out,),),
            "neuron": ((rows, 1), (rows, n_out)),
        }
        members += [
            Member(name=f"layer_{index}.{part}", shapes=allowed, types=FLOATS, required=part == "weight")
            for part, allowed in shapes.items()
        ]
    return members


def layers_of(arrays: Iterator[Array | None], file: str) -> list[LayerArrays]:
    """Return the layers whose expected members these are; raise `CheckpointError` where types do not go together."""
    layers: list[LayerArrays] = []
    for weight, bias, neuron in zip(arrays, arrays, arrays, strict=True):
        assert weight is not None  # a required member
        if bias is not None and bias.dtype != weight.dtype:
            raise CheckpointError("dtype", f"{file}: layer_{len(layers)}: bias and weight differ in dtype")
        if neuron is not None and neuron.dtype != np.float64:
            raise CheckpointError("dtype", f"{file}: layer_{len(layers)}: neuron must be float64")
        layers.append(LayerArrays(weight=weight, bias=bias, neuron=neuron))
    return layers


def named_arrays(layers: Sequence[LayerArrays]) -> dict[str, Array]:
    """Return the arrays that there are, by the names of their members, in the order of the archive."""
    return {
        f"layer_{index}.{part}": array
        for index, layer in enumerate(layers)
        for part in ("weight", "bias", "neuron")
        if (array := getattr(layer, part)) is not None
    }
