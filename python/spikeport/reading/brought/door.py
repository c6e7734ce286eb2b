"""The door: whatever was brought becomes a torch module, or is what it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from spikeport.errors import ConversionError
from spikeport.operations import Shape

PICKLED = (".joblib", ".pkl", ".pickle")

WAYS = {
    **dict.fromkeys([".keras", ".h5", ".pb", ".tflite"], "write it as ONNX with tf2onnx"),
    **dict.fromkeys([".pt", ".pth", ".bin", ".safetensors"], "build the model in torch and load its weights there"),
}
"""What to do with files of other kinds, by their ending."""


OTHERS = "give an ONNX file (.onnx), a folder with config.json and model.safetensors, or a torch module"


def opened(model: Any, input_shape: Shape | None = None) -> Any:
    """Return the torch module of a path or of an estimator of scikit-learn; anything else as it is.

    Parameters
    ----------
    model : the path of an ONNX file or of a folder with config.json and model.safetensors; or a fitted estimator
    input_shape : of one sample, for an ONNX file that leaves it open; one that does not fit is left aside

    Raises
    ------
    ConversionError
        ``model`` for a path that leads to none of these, and what reading them raises.
    MissingExtra
        for a library that reading them needs.
    """
    if isinstance(model, str | os.PathLike):
        return _at(Path(model), input_shape)
    if any(kind.__module__.startswith("sklearn.") for kind in type(model).__mro__):
        from spikeport.reading.brought.scikit_learn import from_sklearn

        return from_sklearn(model)
    return model


def is_brought(text: str) -> bool:
    """Whether a word of the command line means a file or a folder, not MODULE:FUNCTION."""
    path = Path(text)
    return path.suffix.lower() in (".onnx", *PICKLED) or path.is_dir()


def _at(path: Path, input_shape: Shape | None) -> Any:
    if path.suffix.lower() in PICKLED:
        raise ConversionError(
            "model",
            f"{path} is a pickle, which runs code that the file brings, so it is not read here: where you trust who "
            "made it, load it in Python and give convert what it holds; or export it with skl2onnx",
        )
    if path.is_dir():
        from spikeport.reading.brought.folder import from_pretrained

        return from_pretrained(path)
    if path.suffix.lower() == ".onnx":
        from spikeport.reading.brought.onnx.entry import Settings
        from spikeport.reading.brought.onnx.read import read_onnx

        return read_onnx(path, Settings(input_shape, is_hint=True))
    if not path.exists():
        raise ConversionError("model", f"{path}: there is no such file or folder")
    raise ConversionError(
        "model",
        f"{path} is no network that is read by its path: {WAYS.get(path.suffix.lower(), OTHERS)}",
    )
