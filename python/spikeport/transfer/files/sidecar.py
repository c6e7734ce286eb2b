"""The sidecar: what `<name>.json` says of the archive beside it, strict in both directions.

What both versions have stands here; what it says of the nodes is in `version_1` and `version_2`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy.typing as npt

from spikeport.checks import is_whole
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files import members, strict_json, version_1, version_2
from spikeport.transfer.files.archive import Member
from spikeport.transfer.files.fields import LARGEST_SIDECAR, Demand, is_texts
from spikeport.transfer.files.members import LayerArrays
from spikeport.transfer.files.version_2 import Structure

Array = npt.NDArray[Any]

FORMAT: Final = "spikeport-checkpoint"
COMMON: Final = ("archive", "format", "frozen_layers", "metadata", "total_params", "version")
KEYS: Final = {
    1: tuple(sorted((*COMMON, *version_1.KEYS))),
    2: tuple(sorted((*COMMON, *version_2.KEYS))),
}


@dataclass(frozen=True)
class Sidecar:
    """The content of a sidecar.

    Attributes
    ----------
    layer_names : unique, not empty
    layer_sizes : (in, out) for each layer, how many values it reads and passes on, each 1 … 2^31 - 1
    neuron_types : a label for each layer
    frozen_layers : names, in network order
    total_params : number of weights and biases
    archive_bytes, archive_sha256 : length and digest of the archive
    metadata : any JSON object
    structure : operations, what reads what, and shapes; None for version 1, a chain of linear layers
    """

    layer_names: list[str]
    layer_sizes: list[tuple[int, int]]
    neuron_types: list[str]
    frozen_layers: list[str]
    total_params: int
    archive_bytes: int
    archive_sha256: str
    metadata: dict[str, Any] = field(default_factory=dict)
    structure: Structure | None = None

    @property
    def version(self) -> int:
        """1 or 2."""
        return 1 if self.structure is None else 2


def write_sidecar(sidecar: Sidecar) -> bytes:
    """Return the canonical bytes: keys sorted, one on each line, a newline at the end."""
    try:  # as deep as it will stand in the sidecar, so that what is written can be read
        metadata = strict_json.dump({"metadata": sidecar.metadata})[len('{"metadata": ') : -1]
    except ValueError as error:
        raise CheckpointError("sidecar_schema", str(error)) from None
    texts = {
        "archive": _text({"bytes": sidecar.archive_bytes, "sha256": sidecar.archive_sha256}),
        "format": _text(FORMAT),
        "frozen_layers": _text(sidecar.frozen_layers),
        "metadata": metadata,
        "total_params": _text(sidecar.total_params),
        "version": _text(sidecar.version),
    }
    if sidecar.structure is None:
        fields = version_1.fields_of(sidecar.layer_names, sidecar.layer_sizes, sidecar.neuron_types)
        texts |= {key: _text(value) for key, value in fields.items()}
    else:
        nodes = [_text(node) for node in sidecar.structure.fields(sidecar.layer_names, sidecar.neuron_types)]
        texts["nodes"] = "[\n    " + ",\n    ".join(nodes) + "\n  ]"
        texts["input_shape"] = _text(list(sidecar.structure.input_shape))
    lines = ",\n".join(f'  "{key}": {texts[key]}' for key in KEYS[sidecar.version])
    try:
        content = ("{\n" + lines + "\n}\n").encode("utf-8")
    except UnicodeEncodeError:
        raise CheckpointError(
            "sidecar_schema", "layer_names and neuron_types must be text: half a surrogate pair is none"
        ) from None
    if len(content) > LARGEST_SIDECAR:
        raise CheckpointError("too_large", f"the sidecar has {len(content):,} bytes: keep metadata under 16 MiB")
    return content


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_sidecar(content: bytes, file: str) -> Sidecar:
    """Return the checked content of a sidecar's bytes; ``file`` is its name, for messages.

    Raises `CheckpointError`: ``too_large``, ``sidecar_syntax``, ``version``, ``sidecar_schema``, ``layer_chain``.
    """
    return check_sidecar(parse_sidecar(content, file), file)


def parse_sidecar(content: bytes, file: str) -> Any:
    """Return the value of a sidecar's bytes, or raise `CheckpointError`: ``too_large``, ``sidecar_syntax``."""
    if len(content) > LARGEST_SIDECAR:
        raise CheckpointError("too_large", f"{file} is larger than 16 MiB: it is not a sidecar of ours")
    try:
        return strict_json.parse(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointError("sidecar_syntax", f"{file} is not strict JSON: {error}") from None


def check_sidecar(raw: Any, file: str) -> Sidecar:
    """Return ``raw`` as a `Sidecar` after checking every field's type and range, in the order of the contract."""
    demand = Demand(file)
    demand(isinstance(raw, dict), "the content", "a JSON object")
    version = _version(raw, file)
    keys = KEYS[version]
    missing, unknown = sorted(set(keys) - set(raw)), sorted(set(raw) - set(keys))
    demand(not missing and not unknown, f"the keys (missing: {missing}, unknown: {unknown})", ", ".join(keys))
    nodes = (version_1 if version == 1 else version_2).checked_fields(raw, demand)
    frozen, names = raw["frozen_layers"], nodes.names
    demand(
        is_texts(frozen) and frozen == [name for name in names if name in set(frozen)],
        "frozen_layers",
        "names of layers, each once, in network order",
    )
    demand(is_whole(raw["total_params"]) and raw["total_params"] > 0, "total_params", "a whole number above 0")
    demand(isinstance(raw["metadata"], dict), "metadata", "a JSON object")
    archive = raw["archive"]
    demand(isinstance(archive, dict) and set(archive) == {"bytes", "sha256"}, "archive", "{bytes, sha256}")
    demand(is_whole(archive["bytes"]) and archive["bytes"] >= 0, "archive.bytes", "a whole number of at least 0")
    digest = archive["sha256"]
    demand(isinstance(digest, str) and bool(re.fullmatch("[0-9a-f]{64}", digest)), "archive.sha256", "64 hex digits")
    return Sidecar(
        layer_names=names,
        layer_sizes=nodes.check_chain(file),
        neuron_types=nodes.kinds,
        frozen_layers=frozen,
        total_params=raw["total_params"],
        archive_bytes=archive["bytes"],
        archive_sha256=digest,
        metadata=raw["metadata"],
        structure=nodes.structure,
    )


def expected_members(sidecar: Sidecar) -> list[Member]:
    """Return the members of the archive that such a sidecar describes; raise `CheckpointError` ``too_large``."""
    if sidecar.structure is None:
        return version_1.expected_members(sidecar.layer_sizes)
    return version_2.expected_members(sidecar.structure, sidecar.layer_names)


def layers_of(
    sidecar: Sidecar, expected: Sequence[Member], arrays: Iterator[Array | None], file: str
) -> list[LayerArrays]:
    """Return the layers whose expected members these are; raise `CheckpointError` where types do not go together."""
    return members.layers_of(expected, arrays, file, one_type=sidecar.version == 2)


def _version(raw: Mapping[str, Any], file: str) -> int:
    if "format" in raw and raw["format"] != FORMAT:
        raise CheckpointError("version", f"{file}: format is {raw['format']!r}, not {FORMAT!r}")
    version = raw.get("version", 1)
    if not is_whole(version) or version not in KEYS:
        raise CheckpointError("version", f"{file}: version {version!r} is not 1 or 2: use a newer spikeport")
    return int(version)
