"""A trained torch model as users give it: MODULE:FUNCTION that builds it, and a file of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spikeport.cli.app import explain, fail
from spikeport.cli.torch_files.state_dict import read_weights, state_dict_for
from spikeport.reading.brought.door import is_brought

Spec = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="MODULE:FUNCTION, which builds the torch model, called with nothing; an ONNX file; or a folder with "
        "config.json and model.safetensors.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="The model's state dict: .safetensors, .pt read as tensors only, or a folder with either."),
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
    stored, notes = (None, []) if weights is None else read_weights(weights, trust_pickle)
    if spec is None:
        if stored is None or isinstance(stored, dict):
            fail("give MODULE:FUNCTION, which builds the model: a state dict has weights, but does not say of what")
        return stored
    model = _built_model(spec)
    if stored is None:
        return model
    if not isinstance(stored, dict):
        fail(f"{weights} holds a whole model: leave {spec} off, or give its state dict")
    stored, found = state_dict_for(model, stored)
    for note in [*notes, *found]:
        explain(f"{weights}: {note}", "note")
    try:
        model.load_state_dict(stored)
    except (AttributeError, RuntimeError, TypeError) as error:
        fail(f"{weights} does not fit the model of {spec}: {error}")
    return model


def _brought(path: str, sample_shape: tuple[int, ...] | None) -> Any:
    """Return the model in a file or a folder, and say what was done to read it."""
    from spikeport.lazy import import_torch

    import_torch("reading a trained network")
    from spikeport.reading.brought.origin import origin_of
    from spikeport.reading.torch import unwrapped

    model = unwrapped(path, sample_shape)
    origin = origin_of(model)
    for note in () if origin is None else origin.notes:
        explain(f"{path}: {note}", "note")
    return model


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
