"""The sidecar: what `<name>.json` says of the archive beside it, strict in both directions."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from spikeport.checks import is_whole
from spikeport.transfer import strict_json
from spikeport.transfer.errors import CheckpointError

FORMAT: Final = "spikeport-checkpoint"
VERSION: Final = 1
LARGEST_SIDECAR: Final = 16 * 2**20
MOST_LAYERS: Final = 16384
LARGEST_WIDTH: Final = 2**31 - 1
KEYS: Final = (
    "archive",
    "format",
    "frozen_layers",
    "layer_names",
    "layer_sizes",
    "metadata",
    "n_layers",
    "neuron_types",
    "total_params",
    "version",
)


@dataclass(frozen=True)
class Sidecar:
    """The content of a sidecar.

    Attributes
    ----------
    layer_names : unique, not empty
    layer_sizes : (in, out) for each layer, each 1 … 2^31 - 1, chained
    neuron_types : a label for each layer
    frozen_layers : names, in network order
    total_params : number of weights and biases
    archive_bytes, archive_sha256 : length and digest of the archive
    metadata : any JSON object
    """

    layer_names: list[str]
    layer_sizes: list[tuple[int, int]]
    neuron_types: list[str]
    frozen_layers: list[str]
    total_params: int
    archive_bytes: int
    archive_sha256: str
    metadata: dict[str, Any] = field(default_factory=dict)


def write_sidecar(sidecar: Sidecar) -> bytes:
    """Return the canonical bytes: keys sorted, one on each line, a newline at the end."""
    try:  # as deep as it will stand in the sidecar, so that what is written can be read
        metadata = strict_json.dump({"metadata": sidecar.metadata})[len('{"metadata": ') : -1]
    except ValueError as error:
        raise CheckpointError("sidecar_schema", str(error)) from None
    values = {
        "archive": {"bytes": sidecar.archive_bytes, "sha256": sidecar.archive_sha256},
        "format": FORMAT,
        "frozen_layers": sidecar.frozen_layers,
        "layer_names": sidecar.layer_names,
        "layer_sizes": [list(size) for size in sidecar.layer_sizes],
        "n_layers": len(sidecar.layer_names),
        "neuron_types": sidecar.neuron_types,
        "total_params": sidecar.total_params,
        "version": VERSION,
    }
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()} | {"metadata": metadata}
    try:
        content = ("{\n" + ",\n".join(f'  "{key}": {texts[key]}' for key in KEYS) + "\n}\n").encode("utf-8")
    except UnicodeEncodeError:
        raise CheckpointError(
            "sidecar_schema", "layer_names and neuron_types must be text: half a surrogate pair is none"
        ) from None
    if len(content) > LARGEST_SIDECAR:
        raise CheckpointError("too_large", f"the sidecar has {len(content):,} bytes: keep metadata under 16 MiB")
    return content


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

    def demand(condition: bool, key: str, expected: str) -> None:
        if not condition:
            raise CheckpointError("sidecar_schema", f"{file}: {key} must be {expected}")

    demand(isinstance(raw, dict), "the content", "a JSON object")
    _check_version(raw, file)
    missing, unknown = sorted(set(KEYS) - set(raw)), sorted(set(raw) - set(KEYS))
    demand(not missing and not unknown, f"the keys (missing: {missing}, unknown: {unknown})", ", ".join(KEYS))

    names = raw["layer_names"]
    demand(
        _is_texts(names) and 1 <= len(names) <= MOST_LAYERS and len(set(names)) == len(names),
        "layer_names",
        f"1 to {MOST_LAYERS} unique names",
    )
    kinds, sizes, frozen = raw["neuron_types"], raw["layer_sizes"], raw["frozen_layers"]
    demand(_is_texts(kinds) and len(kinds) == len(names), "neuron_types", f"{len(names)} labels")
    demand(
        isinstance(sizes, list) and len(sizes) == len(names) and all(_is_size(size) for size in sizes),
        "layer_sizes",
        f"{len(names)} pairs [in, out] of whole numbers from 1 to 2^31 - 1",
    )
    demand(
        _is_texts(frozen) and frozen == [name for name in names if name in set(frozen)],
        "frozen_layers",
        "names of layers, each once, in the order of layer_names",
    )
    demand(is_whole(raw["n_layers"]) and raw["n_layers"] == len(names), "n_layers", str(len(names)))
    demand(is_whole(raw["total_params"]) and raw["total_params"] > 0, "total_params", "a whole number above 0")
    demand(isinstance(raw["metadata"], dict), "metadata", "a JSON object")
    archive = raw["archive"]
    demand(isinstance(archive, dict) and set(archive) == {"bytes", "sha256"}, "archive", "{bytes, sha256}")
    demand(is_whole(archive["bytes"]) and archive["bytes"] >= 0, "archive.bytes", "a whole number of at least 0")
    digest = archive["sha256"]
    demand(isinstance(digest, str) and bool(re.fullmatch("[0-9a-f]{64}", digest)), "archive.sha256", "64 hex digits")
    for (name, before), (other, after) in itertools.pairwise(zip(names, sizes, strict=True)):
        if before[1] != after[0]:
            raise CheckpointError(
                "layer_chain", f"{file}: {name} has {before[1]} outputs, {other} takes {after[0]}: they must agree"
            )
    pairs = [(int(size[0]), int(size[1])) for size in sizes]
    return Sidecar(
        layer_names=names,
        layer_sizes=pairs,
        neuron_types=kinds,
        frozen_layers=frozen,
        total_params=raw["total_params"],
        archive_bytes=archive["bytes"],
        archive_sha256=digest,
        metadata=raw["metadata"],
    )


def _check_version(raw: Mapping[str, Any], file: str) -> None:
    if "format" in raw and raw["format"] != FORMAT:
        raise CheckpointError("version", f"{file}: format is {raw['format']!r}, not {FORMAT!r}")
    if "version" in raw and not (is_whole(raw["version"]) and raw["version"] == VERSION):
        raise CheckpointError("version", f"{file}: version {raw['version']!r} is not {VERSION}: use a newer spikeport")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(is_whole(n) and 1 <= n <= LARGEST_WIDTH for n in value)
