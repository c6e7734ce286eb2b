"""Weights in a folder, in one file or in several that an index lists, as Hugging Face's tools save large models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spikeport.cli.app import fail
from spikeport.cli.torch_files.opening import opened

INDEX = ".index.json"
WHOLE = ("model.safetensors", "pytorch_model.bin")
INDEXES = tuple(name + INDEX for name in WHOLE)


def in_folder(folder: Path) -> Path:
    """Return the file in a folder that has the weights, or lists those that have; leave with a message without one."""
    for name in (*INDEXES, *WHOLE):
        if (folder / name).is_file():
            return folder / name
    others = sorted(folder.glob(f"*.safetensors{INDEX}")) or sorted(folder.glob("*.safetensors"))
    if len(others) == 1:
        return others[0]
    named = f", and which of {', '.join(path.name for path in others)} is meant is not said" if others else ""
    fail(f"{folder} holds neither {' nor '.join((*WHOLE, *INDEXES))}{named}: give the file itself")


def gathered(index: Path, trust_pickle: bool = False) -> tuple[dict[str, Any], str]:
    """Return the tensors that an index lists, from its files beside it, and a sentence that says how many.

    Leaves with a message where a file or a tensor is not there; no file but those beside the index is read.
    """
    places = _places(index)
    tensors: dict[str, Any] = {}
    files = sorted(set(places.values()))
    if gone := [name for name in files if not (index.parent / name).is_file()]:
        fail(f"{index} lists {gone[0]}, and there is no such file beside it")
    for name in files:
        held = opened(index.parent / name, trust_pickle)
        if not isinstance(held, dict):
            fail(f"{index.parent / name} holds a {type(held).__name__}, not tensors by name: save it again")
        wanted = [key for key, place in places.items() if place == name]
        if missing := [key for key in wanted if key not in held]:
            fail(f"{index}: {name} has no tensor {missing[0]!r}, which the index says it has: save the folder again")
        if more := sorted(set(held) - set(wanted)):
            fail(f"{index}: {name} has a tensor {more[0]!r}, which the index does not list: save the folder again")
        tensors |= held
    return tensors, f"{len(tensors)} tensors of {len(files)} files that it lists"


def _places(index: Path) -> dict[str, str]:
    """Return in which file each tensor lies."""
    try:
        places = json.loads(index.read_text("utf-8"))["weight_map"]
        named = places and all(isinstance(key, str) and isinstance(name, str) for key, name in places.items())
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        named = False
    if not named:
        fail(f"{index} is no index of weights: it has no weight_map from tensors to files")
    if elsewhere := [name for name in places.values() if Path(name).name != name]:
        fail(f"{index} lists {elsewhere[0]!r}, which is no file beside it: nothing was read")
    return dict(places)
