"""A file that ``torch.save`` or safetensors wrote: tensors alone, unless the user trusts what it brings."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any, Final

from spikeport.cli.app import fail

WEIGHTS: Final = (
    "Where it comes from, save tensors alone, torch.save(model.state_dict(), path); or where you trust whoever made "
    "it, read it with --trust-pickle, which runs that code"
)
"""What to do about a file of weights that wants code."""


def opened(path: Path, trust_pickle: bool = False, way_out: str = WEIGHTS) -> Any:
    """Return what a file holds, on the CPU, or leave with a message, ``way_out`` in it where the file wants code."""
    from spikeport.lazy import import_torch

    torch = import_torch(f"reading {path.suffix or 'torch'} files")
    if not path.is_file():
        fail(f"{path}: there is no such file")
    if path.suffix == ".safetensors":
        return _safetensors(path)
    members = names_in(path)
    if any(name.endswith("/constants.pkl") for name in members):
        fail(
            f"{path} is a TorchScript model, which is converted before torch.jit.script or torch.jit.trace: give "
            "MODULE:FUNCTION, and the state dict of what it builds"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=not trust_pickle)
    except (pickle.UnpicklingError, EOFError, RuntimeError, AttributeError, ImportError, KeyError, ValueError) as error:
        if trust_pickle:
            fail(f"{path} cannot be unpickled: {error}")
        code = _code_in(path)
        what = f"wants code to run: {', '.join(code)}" if code else "holds more than tensors, or is damaged"
        fail(f"{path} {what}. Nothing was run. {way_out}")


def names_in(path: Path) -> list[str]:
    """Return the names of a zip archive's members, none where it is no archive or a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return []


def _safetensors(path: Path) -> dict[str, Any]:
    from spikeport.errors import MissingExtra

    try:
        import safetensors.torch
    except ImportError:
        raise MissingExtra("safetensors", "torch", "reading .safetensors files") from None
    try:
        tensors: dict[str, Any] = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        fail(f"{path} is no safetensors file: {error}")
    return tensors


def _code_in(path: Path) -> list[str]:
    """Return what a file would import beside tensors, by name; nothing where torch is too old to say it."""
    import torch

    listing = getattr(torch.serialization, "get_unsafe_globals_in_checkpoint", None)
    try:
        return [] if listing is None else sorted(listing(str(path)))
    except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError, KeyError):
        return []
