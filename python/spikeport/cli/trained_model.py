"""A trained torch model as users give it: MODULE:FUNCTION that builds it, and a file of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikeport.cli.app import explain, fail
from spikeport.reading.brought.door import is_brought

ENTRIES = ("state_dict", "model_state_dict", "model")
"""Where people's training loops keep the state dict in what they save."""

PREFIXES = ("_orig_mod.", "module.", "model.")
"""What torch.compile, DataParallel and training frameworks put before the names of parameters."""

Spec = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="MODULE:FUNCTION, which builds the torch model, called with nothing; an ONNX file; or a folder with "
        "config.json and model.safetensors.",
    ),
]
Weights = Annotated[
    Path | None, typer.Option(help="The model's state dict: .safetensors, or .pt read as tensors only.")
]
TrustPickle = Annotated[
    bool, typer.Option(help="Read a whole pickled model from WEIGHTS. This runs code that the file brings.")
]


def trained_model(
    spec: str | None, weights: Path | None, trust_pickle: bool, sample_shape: tuple[int, ...] | None = None
) -> Any:
    """Return the model that ``spec`` builds or leads to, or that ``weights`` holds as a whole, with its weights.

    ``sample_shape`` is for a file that leaves it open. Leaves with a message where there is no such model, or the
    weights do not fit it.
    """
    if spec is not None and is_brought(spec):
        if weights is not None:
            fail(f"{spec} has its own weights: leave --weights off")
        return _brought(spec, sample_shape)
    stored = None if weights is None else _read_weights(weights, trust_pickle)
    if spec is None:
        if stored is None or isinstance(stored, dict):
            fail("give MODULE:FUNCTION, which builds the model: a state dict has weights, but does not say of what")
        return stored
    model = _built_model(spec)
    if stored is None:
        return model
    if not isinstance(stored, dict):
        fail(f"{weights} holds a whole model: leave {spec} off, or give its state dict")
    stored, notes = _state_dict(stored, model)
    for note in notes:
        explain(f"{weights}: {note}", "note")
    try:
        model.load_state_dict(stored)
    except (AttributeError, RuntimeError, TypeError) as error:
        fail(f"{weights} does not fit the model of {spec}: {error}")
    return model


def _brought(path: str, sample_shape: tuple[int, ...] | None) -> Any:
    """Return the model in a file or a folder, and say what was done to read it."""
    from spikeport.conversion.checks import import_torch

    import_torch("reading a trained network")
    from spikeport.reading.brought.origin import origin_of
    from spikeport.reading.torch import unwrapped

    model = unwrapped(path, sample_shape)
    origin = origin_of(model)
    for note in () if origin is None else origin.notes:
        explain(f"{path}: {note}", "note")
    return model


def _state_dict(stored: dict[str, Any], model: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the state dict in what people store, and what was done to find it."""
    notes: list[str] = []
    wanted = set(model.state_dict()) if hasattr(model, "state_dict") else set()
    for key in ENTRIES:
        if isinstance(stored.get(key), dict) and key not in wanted:
            stored = stored[key]
            notes.append(f"the weights are those of its entry {key!r}")
    for prefix in PREFIXES:
        if stored and all(str(key).startswith(prefix) for key in stored) and not wanted & set(stored):
            stored = {key.removeprefix(prefix): value for key, value in stored.items()}
            notes.append(f"the prefix {prefix!r} was taken off the names")
    return stored, notes


def _built_model(spec: str) -> Any:
    import importlib
    import sys

    module_name, colon, name = spec.partition(":")
    if not (module_name and colon and name):
        fail(f"{spec!r} is not MODULE:FUNCTION: for build() in model.py here, give model:build")
    sys.path.insert(0, "")
    try:
        function = getattr(importlib.import_module(module_name), name)
        return function()
    except Exception as error:
        fail(f"{spec} raised {type(error).__name__}: {error}")
    finally:
        sys.path.remove("")


def _read_weights(path: Path, trust_pickle: bool) -> Any:
    import pickle

    from spikeport.conversion.checks import import_torch
    from spikeport.errors import MissingExtra

    torch = import_torch("reading weights")
    if not path.is_file():
        fail(f"{path}: there is no such file")
    if path.suffix == ".safetensors":
        try:
            import safetensors.torch
        except ImportError:
            raise MissingExtra("safetensors", "torch", "reading .safetensors files") from None
        try:
            return safetensors.torch.load_file(path)
        except safetensors.SafetensorError as error:
            fail(f"{path} is no safetensors file: {error}")
    if _is_torchscript(path):
        fail(
            f"{path} is a TorchScript model, which is converted before torch.jit.script or torch.jit.trace: give "
            "MODULE:FUNCTION, and the state dict of what it builds"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=not trust_pickle)
    except (pickle.UnpicklingError, EOFError, RuntimeError, AttributeError, ImportError, KeyError, ValueError) as error:
        if trust_pickle:
            fail(f"{path} cannot be unpickled: {error}")
        fail(
            f"{path} holds more than tensors, or is damaged. Save model.state_dict(), or where you trust whoever made "
            "the file, read the whole model with --trust-pickle, which runs code that the file brings"
        )


def _is_torchscript(path: Path) -> bool:
    import zipfile

    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())
