"""A folder as Hugging Face's transformers writes it, config.json and model.safetensors, read without a hub.

No code of the folder is run and no pickle is read. What the file of weights lacks is an error, where transformers would
begin with random numbers.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from spikeport.errors import ConversionError, MissingExtra
from spikeport.reading.brought.origin import ORIGIN, Origin, named

CLASSIFIER = "ForImageClassification"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


class Logits(nn.Module):
    """The logits alone of an image classifier of transformers, whose forward gives them among other things."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return (batch, classes) for (batch, channels, height, width)."""
        logits: Tensor = self.network(pixel_values=pixel_values).logits
        return logits


def from_pretrained(folder: str | os.PathLike[str]) -> nn.Module:
    """Return the image classifier in a folder, which takes images as its processor gives them and gives logits.

    Raises
    ------
    ConversionError
        ``model`` for a folder that holds none, or whose weights do not fit it.
    MissingExtra
        where transformers is not installed.
    """
    folder = Path(folder)
    config = _config(folder)
    if not any((folder / name).is_file() for name in WEIGHTS):
        pickled = [path.name for path in sorted(folder.glob("*.bin")) + sorted(folder.glob("*.pt"))]
        hint = f"; {pickled[0]} is a pickle, which is not read: save_pretrained writes safetensors" if pickled else ""
        raise ConversionError("model", f"{folder} holds no {WEIGHTS[0]}{hint}")
    try:
        from transformers import AutoModelForImageClassification
        from transformers.utils import logging
    except ImportError:
        raise MissingExtra("transformers", "huggingface", "reading a folder of Hugging Face") from None
    with _quiet(logging):
        try:
            network, found = AutoModelForImageClassification.from_pretrained(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
        except Exception as error:  # whatever transformers makes of a config or of weights that it cannot use
            raise ConversionError("model", f"{folder} cannot be read: {type(error).__name__}: {error}") from error
    for what, names in (("lacks", found["missing_keys"]), ("has other shapes for", found["mismatched_keys"])):
        if names:
            raise ConversionError(
                "model", f"{folder}: the file of weights {what} {_few(names)}, which {type(network).__name__} has"
            )
    module = Logits(network.float().eval())
    several = config.get("problem_type") in ("multi_label_classification", "regression") or network.num_labels == 1
    labels = [network.config.id2label[k] for k in range(network.num_labels)]
    classes = False if several else named(labels, network.num_labels)
    left = found["unexpected_keys"]
    notes = (f"{_few(left)} of the file of weights belong to no part of it, and were left",) if left else ()
    setattr(module, ORIGIN, Origin(f"transformers' {type(network).__name__}", classes, notes))
    return module


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise ConversionError("model", f"{folder} holds no config.json: give a folder that save_pretrained wrote")
    try:
        config = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConversionError("model", f"{path} is no JSON: {error}") from None
    if not isinstance(config, dict):
        raise ConversionError("model", f"{path} holds no object of settings")
    if "architecture" in config and "model_type" not in config:
        raise ConversionError(
            "model",
            f"{folder} is a folder of timm: build it in Python, timm.create_model({config['architecture']!r}, "
            "checkpoint_path=…), and give convert the module",
        )
    kinds = [str(kind) for kind in config.get("architectures") or ()]
    if not any(kind.endswith(CLASSIFIER) for kind in kinds):
        raise ConversionError(
            "model",
            f"{path} names {', '.join(kinds) or 'no architecture'}: only image classifiers (…{CLASSIFIER}) are read",
        )
    if "auto_map" in config:
        raise ConversionError(
            "model", f"{path} asks for code of its own (auto_map), which is not run: build the model in Python"
        )
    return config


@contextlib.contextmanager
def _quiet(logging: Any) -> Any:
    """Have transformers keep its progress and its warnings to itself: what matters of them is an error or a note."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _few(names: Any) -> str:
    listed = sorted(name if isinstance(name, str) else str(name[0]) for name in names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
