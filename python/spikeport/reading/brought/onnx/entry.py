"""The input of an ONNX graph: which it is, of what type and shape, and how many samples it takes."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikeport.errors import ConversionError
from spikeport.operations import Shape
from spikeport.reading.brought.onnx.present import onnx_part

ANY: Final = 7919
"""What stands for any number of samples where shapes are computed: a prime that no layer has for a width."""

REAL: Final = {"FLOAT": np.float32, "DOUBLE": np.float64, "FLOAT16": np.float16}


TO_FIRST: Final = [0, 3, 1, 2]
"""The order of axes that puts channels first."""


class Entry(NamedTuple):
    """The one input.

    Attributes
    ----------
    name : in the file
    batch : how many samples it takes: `ANY`, or a number that was written down
    shape : of one sample, as the file takes it
    kind : its type
    channels_first : whether the network is to take (channels, height, width) where the file has channels last
    """

    name: str
    batch: int
    shape: Shape
    kind: Any
    channels_first: bool

    @property
    def taken(self) -> Shape:
        """The shape of a sample as the network takes it."""
        return (self.shape[2], *self.shape[:2]) if self.channels_first else self.shape

    def as_taken(self, x: Tensor) -> Tensor:
        """Return samples of the file's shape as the network takes them."""
        return x.permute(TO_FIRST) if self.channels_first else x

    @property
    def dtype(self) -> torch.dtype:
        """In which the network computes: half precision is widened."""
        return torch.float64 if self.kind is np.float64 else torch.float32


class Settings(NamedTuple):
    """How a file is to be read, as `spikeport.interop.from_onnx` takes it.

    ``is_hint`` says that a shape which does not fit the file is left aside, not refused.
    """

    input_shape: Shape | None = None
    output: str | None = None
    channels_first: bool = False
    is_hint: bool = False


def entry_of(where: str, graph: Any, settings: Settings) -> Entry:
    """Return the input of a graph; raise `ConversionError` ``model`` or ``shape`` unless it is one of real numbers."""
    input_shape, channels_first = settings.input_shape, settings.channels_first
    if channels_first and input_shape is not None:
        input_shape = (*input_shape[1:], input_shape[0])  # as the file has it
    held = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in held]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "no input"
        raise ConversionError("model", f"{where} takes {names}: a spiking network has one input")
    (given,) = inputs
    kind = onnx_part().TensorProto.DataType.Name(given.type.tensor_type.elem_type)
    if kind not in REAL:
        raise ConversionError(
            "model", f"{where}: its input {given.name} is of type {kind.lower()}: export it with an input of floats"
        )
    if settings.is_hint and input_shape is not None and not _fits(_said(given)[1:], input_shape):
        input_shape = None
    batch, shape = _sizes(where, given, input_shape)
    if channels_first and len(shape) != 3:
        raise ConversionError(
            "shape", f"{where} takes samples of shape {shape}, and only images have channels to put first"
        )
    return Entry(given.name, batch, shape, REAL[kind], channels_first)


def _sizes(where: str, given: Any, input_shape: Shape | None) -> tuple[int, Shape]:
    said = _said(given)
    if not said and input_shape is not None:
        return ANY, input_shape
    words = f"({', '.join(map(str, (n or '?' for n in said)))})"
    if len(said) < 2:
        raise ConversionError(
            "shape", f"{where}: its input {given.name} has shape {words}: a network takes samples, (batch, …)"
        )
    if input_shape is not None and (
        len(input_shape) != len(said) - 1
        or any(n not in (None, own) for n, own in zip(said[1:], input_shape, strict=True))
    ):
        raise ConversionError("shape", f"{where} takes samples of shape {words} behind the batch, not {input_shape}")
    if input_shape is None and None in said[1:]:
        raise ConversionError(
            "shape", f"{where} takes inputs of many shapes, {words}: give input_shape=(3, 32, 32), or as one sample is"
        )
    return said[0] or ANY, input_shape or tuple(n for n in said[1:] if n)


def _said(given: Any) -> list[int | None]:
    return [dim.dim_value or None for dim in given.type.tensor_type.shape.dim]


def _fits(said: list[int | None], shape: Shape) -> bool:
    return len(said) == len(shape) and all(n in (None, own) for n, own in zip(said, shape, strict=True))
