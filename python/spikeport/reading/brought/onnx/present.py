"""The package onnx, which not everyone has."""

from __future__ import annotations

import importlib
from typing import Any

from spikeport.errors import MissingExtra


def onnx_part(name: str = "onnx") -> Any:
    """Return the package onnx, or the part of it by its full name; raise `MissingExtra` where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtra("onnx", "onnx", "reading an ONNX file") from None
