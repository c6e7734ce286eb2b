"""Version 1 of the format: a chain of linear layers, and the members that its archive has.

Members, for i = 0, 1, …: ``layer_<i>.weight``, then where they exist ``layer_<i>.bias`` and ``layer_<i>.neuron``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from spikeport.checks import is_whole
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files.archive import Member
from spikeport.transfer.files.fields import LARGEST_WIDTH, MOST_LAYERS, Demand, is_texts, is_wholes
from spikeport.transfer.files.members import FLOATS, NEURON_ROWS

KEYS: Final = ("layer_names", "layer_sizes", "n_layers", "neuron_types")


class Chain(NamedTuple):
    """What a sidecar of version 1 says of the layers: names, labels, and (in, out) of each."""

    names: list[str]
    kinds: list[str]
    sizes: list[tuple[int, int]]

    structure: None = None

    def check_chain(self, file: str) -> list[tuple[int, int]]:
        """Return the sizes, or raise `CheckpointError` ``layer_chain`` unless each layer feeds the next."""
        for (name, before), (other, after) in itertools.pairwise(zip(self.names, self.sizes, strict=True)):
            if before[1] != after[0]:
                raise CheckpointError(
                    "layer_chain", f"{file}: {name} has {before[1]} outputs, {other} takes {after[0]}: they must agree"
                )
        return self.sizes


def checked_fields(raw: Mapping[str, Any], demand: Demand) -> Chain:
    """Return the fields of version 1, or raise `CheckpointError` ``sidecar_schema``."""
    names, kinds, sizes = raw["layer_names"], raw["neuron_types"], raw["layer_sizes"]
    demand(
        is_texts(names) and 1 <= len(names) <= MOST_LAYERS and len(set(names)) == len(names),
        "layer_names",
        f"1 to {MOST_LAYERS} unique names",
    )
    demand(is_texts(kinds) and len(kinds) == len(names), "neuron_types", f"{len(names)} labels")
    pairs = isinstance(sizes, list) and all(is_wholes(size, 1, LARGEST_WIDTH) and len(size) == 2 for size in sizes)
    demand(
        pairs and len(sizes) == len(names),
        "layer_sizes",
        f"{len(names)} pairs [in, out] of whole numbers from 1 to 2^31 - 1",
    )
    demand(is_whole(raw["n_layers"]) and raw["n_layers"] == len(names), "n_layers", str(len(names)))
    return Chain(names, kinds, [(int(n_in), int(n_out)) for n_in, n_out in sizes])


def fields_of(names: Sequence[str], sizes: Sequence[tuple[int, int]], kinds: Sequence[str]) -> dict[str, Any]:
    """Return the fields of version 1 for layers with these names, (in, out) and labels."""
    pairs = [list(size) for size in sizes]
    return {"layer_names": names, "layer_sizes": pairs, "n_layers": len(names), "neuron_types": kinds}


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
