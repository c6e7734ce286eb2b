"""`Origin`: what is known of a network that was brought, beside what it computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spikeport.operations import Shape

ORIGIN = "spikeport_origin"
"""The attribute of a torch module that holds its `Origin`."""


@dataclass(frozen=True)
class Origin:
    """Where a network comes from.

    Attributes
    ----------
    source : what it was, in words
    classes : the names of its outputs; True where the largest is the answer, False where they are values; None where
        nothing says so
    notes : what was left off or taken in on the way, a sentence each
    input_shape : of one sample, or None
    """

    source: str
    classes: bool | tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    input_shape: Shape | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return source and notes, as a certificate keeps them."""
        return {"source": self.source, **({"notes": list(self.notes)} if self.notes else {})}


def origin_of(module: Any) -> Origin | None:
    """Return where a torch module comes from, or None for one of the user's own."""
    found = getattr(module, ORIGIN, None)
    return found if isinstance(found, Origin) else None


def named(labels: Sequence[Any], n_outputs: int) -> tuple[str, ...] | bool:
    """Return the names of the outputs where there is a label for each, as for more than two classes; else True."""
    return tuple(map(str, labels)) if len(labels) == n_outputs else True
