"""Neurons in a checkpoint: rows of numbers in the archive, or a label and no numbers at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.neuron import KINDS, Neuron
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files.members import NEURON_ROWS

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class LabelOnly(Neuron):
    """The neuron of a layer of which only a label is known: the kind that the label names, with default parameters.

    Such a layer has no neuron in the archive. A label that names no kind can be stored and cannot run: `known` is
    False then, and ``kind`` says nothing.
    """

    label: str = "LIF"

    @property
    def known(self) -> bool:
        """Whether the label names a kind of `Neuron`."""
        return self.label in KINDS


@lru_cache(maxsize=256)
def neuron_of_label(label: str) -> LabelOnly:
    """Return the neuron of a layer of which only this label is known; the same one at each call, since it is frozen."""
    return LabelOnly(kind=label if label in KINDS else "identity", label=label)


def label_and_stored(neuron: Neuron) -> tuple[str, Neuron | None]:
    """Return what a checkpoint says of a layer's neuron: its label, and the neuron itself unless only that is known."""
    return (neuron.label, None) if isinstance(neuron, LabelOnly) else (neuron.kind, neuron)


def neuron_rows(neuron: Neuron, n: int, version: int = 1) -> Array:
    """Return a neuron's parameters as the array of ``layer_<i>.neuron``: (7, 1) where uniform, else (7, n).

    In version 2 an eighth row stands below, ``max_spikes``.
    """
    neuron.check_width(n)
    reset = 0.0 if neuron.v_reset is None else neuron.v_reset
    values = (
        neuron.threshold,
        neuron.v_init,
        float(neuron.v_reset is not None),
        reset,
        neuron.beta,
        float(neuron.tracer_min),
        float(neuron.tracer_max),
        *((float(neuron.max_spikes),) if version == 2 else ()),
    )
    width = 1 if neuron.is_uniform else n
    return np.stack([np.broadcast_to(np.asarray(value, np.float64), (width,)) for value in values])


def neuron_from_rows(kind: str, rows: Array) -> Neuron:
    """Return the neuron that `neuron_rows` describes, or raise `CheckpointError` with ``neuron``.

    Where some row differs from neuron to neuron, one that does not is one number: `neuron_rows` spells it out again, so
    that the same bytes are written. A zero in the rows that hold whole numbers, and in ``v_reset`` without hard reset,
    must be +0: -0 would be a second encoding of the same neuron.
    """
    row = dict(zip((*NEURON_ROWS, "max_spikes"), rows, strict=False))
    row.setdefault("max_spikes", np.ones(rows.shape[1]))
    bits = {name: values.view(np.uint64) for name, values in row.items()}
    for name in ("hard_reset", "tracer_min", "tracer_max", "max_spikes"):
        first = row[name][0]
        if (bits[name] != bits[name][0]).any() or not first.is_integer() or (first == 0 and bits[name][0]):
            raise CheckpointError("neuron", f"{name} must be one whole number for the layer")
    if row["hard_reset"][0] not in (0, 1) or (row["hard_reset"][0] == 0 and bits["v_reset"].any()):
        raise CheckpointError("neuron", "hard_reset must be 0 (with v_reset 0) or 1")

    alike = {name: bool((values == values[0]).all()) for name, values in bits.items()}

    def values(name: str) -> Any:
        one = rows.shape[1] == 1 or (alike[name] and not all(alike.values()))
        return float(row[name][0]) if one else row[name]

    try:
        return Neuron(
            kind=kind,
            threshold=values("threshold"),
            v_init=values("v_init"),
            v_reset=values("v_reset") if row["hard_reset"][0] else None,
            beta=values("beta"),
            tracer_min=int(row["tracer_min"][0]),
            tracer_max=int(row["tracer_max"][0]),
            max_spikes=int(row["max_spikes"][0]),
        )
    except GraphError as error:
        raise CheckpointError("neuron", str(error)) from None
