"""A state dict in what people keep: entries of training loops, names of wrappers before the names of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeport.cli.app import fail
from spikeport.cli.torch_files.opening import opened
from spikeport.cli.torch_files.sharded import INDEX, gathered, in_folder

ENTRIES = ("state_dict", "model_state_dict", "model", "module", "net", "network", "params", "weights")
"""Where people's training loops keep the state dict in what they save."""

PREFIXES = ("_orig_mod.", "module.", "model.")
"""What torch.compile, DataParallel and training frameworks put before the names of parameters."""


def read_weights(path: Path, trust_pickle: bool = False) -> tuple[Any, list[str]]:
    """Return what a file or a folder of weights holds, and what was done to read it, or leave with a message."""
    notes = []
    if path.is_dir():
        path = in_folder(path)
        notes.append(f"the weights are those of {path.name}")
    if not path.name.endswith(INDEX):
        return opened(path, trust_pickle), notes
    if not path.is_file():
        fail(f"{path}: there is no such file")
    tensors, said = gathered(path, trust_pickle)
    return tensors, [*notes, said]


def state_dict_for(model: Any, stored: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Return the state dict of ``model`` in what was stored, and what was done to find it."""
    notes: list[str] = []
    wanted = set(model.state_dict()) if hasattr(model, "state_dict") else set()
    while (entry := _entry(stored, wanted)) is not None:
        within = stored[entry]
        stored = within if isinstance(within, Mapping) else within.state_dict()
        notes.append(f"the weights are those of its entry {entry!r}")
    while (prefix := _prefix(stored, wanted)) is not None:
        others = [str(key) for key in stored if not str(key).startswith(prefix)]
        stored = {str(key)[len(prefix) :]: value for key, value in stored.items() if str(key).startswith(prefix)}
        notes.append(f"the prefix {prefix!r} was taken off the names")
        if others:
            few = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
            notes.append(f"{len(others)} entries without that prefix were left aside: {few}")
    return stored, notes


def _entry(stored: Mapping[str, Any], wanted: set[str]) -> str | None:
    """Return the entry that has the weights, None where they lie in ``stored`` itself."""

    def holds(value: Any) -> bool:
        return (isinstance(value, Mapping) and bool(value)) or hasattr(value, "state_dict")

    if wanted & set(stored):
        return None
    return next((key for key in ENTRIES if key in stored and holds(stored[key])), None)


def _prefix(stored: Mapping[str, Any], wanted: set[str]) -> str | None:
    """Return what stands before the names of the model's parameters, None where nothing does.

    One that all names have is taken off; where some have it, only if that gives the model all that it wants.
    """
    names = {str(key) for key in stored}
    if not names or wanted & names:
        return None
    for prefix in PREFIXES:
        behind = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
        if len(behind) == len(names) or (wanted and _is_all(wanted, behind)):
            return prefix
    return None


def _is_all(wanted: set[str], names: set[str]) -> bool:
    """Whether all wanted names are there, wrappers' prefixes aside."""
    while not wanted <= names:
        prefix = next((p for p in PREFIXES if names and all(name.startswith(p) for name in names)), None)
        if prefix is None:
            return False
        names = {name.removeprefix(prefix) for name in names}
    return True
