"""The file itself: which versions are read, and weights that lie beside it, in its own folder and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from spikeport.errors import ConversionError
from spikeport.reading.brought.onnx.present import onnx_part

OLDEST: Final = 7
"""The first opset in which Add and Mul broadcast as NumPy does."""

LEARNERS: Final = "ai.onnx.ml"

LARGEST: Final = 1 << 31
"""Bytes of a message that protobuf can hold, which the check of a file needs."""


def load_file(path: Path) -> Any:
    """Return the model that a file holds, its functions written out and the weights beside it taken in.

    Raises `ConversionError` ``model`` for what is no ONNX file, has an opset that is not read, or reaches for files
    outside its folder.
    """
    onnx = onnx_part()
    if not path.is_file():
        raise ConversionError("model", f"{path}: there is no such file")
    try:
        model = onnx.load_model(str(path), format="protobuf", load_external_data=False)
    except Exception as error:  # of protobuf, under whatever name it has there
        raise ConversionError("model", f"{path} is no ONNX file: {error}") from None
    if not model.graph.node:
        raise ConversionError("model", f"{path} is no ONNX file, or holds no nodes")
    _check_opsets(path, {entry.domain: entry.version for entry in model.opset_import}, onnx.defs.onnx_opset_version())
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _take_in(path, tensor, onnx.TensorProto.DEFAULT)
    if model.functions:
        model = onnx_part("onnx.inliner").inline_local_functions(model)
    for value in model.graph.output:  # which is worked out here, and which not every exporter writes down
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.shape.SetInParent()
    if model.ByteSize() < LARGEST:
        try:
            onnx.checker.check_model(model)
        except onnx.checker.ValidationError as error:
            raise ConversionError("model", f"{path} is no valid ONNX file: {str(error).splitlines()[0]}") from None
    return model


def _check_opsets(path: Path, opsets: dict[str, int], newest: int) -> None:
    version = opsets.get("", opsets.get("ai.onnx"))
    if version is None or not OLDEST <= version <= newest:
        said = "names no opset" if version is None else f"has opset {version}"
        way = f"; a newer onnx reads more than {newest}" if (version or 0) > newest else ""
        raise ConversionError(
            "model", f"{path} {said}, and {OLDEST} to {newest} are read: export it again with opset 17 or so{way}"
        )


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield every tensor that a graph holds, those of its nodes' attributes and of graphs within too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in [attribute.g, *attribute.graphs]:
                yield from _tensors(inner)


def _take_in(path: Path, tensor: Any, here: int) -> None:
    """Read the bytes of a tensor that lie in another file, which must be in the folder of the first."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    location, folder = Path(said.get("location", "")), path.parent.resolve()
    target = (folder / location).resolve()
    if location.is_absolute() or ".." in location.parts or not target.is_relative_to(folder):
        raise ConversionError(
            "model",
            f"{path}: the weights {tensor.name} are said to lie in {said.get('location')!r}, outside its folder, where "
            "nothing is read: put the file beside it, or save the model as one file",
        )
    if not target.is_file():
        raise ConversionError(
            "model", f"{path}: the weights {tensor.name} lie in {location}, which is not there: put it beside the model"
        )
    try:
        offset, size = int(said.get("offset", 0)), target.stat().st_size
        length = int(said.get("length", size - offset))
    except ValueError:
        offset, length, size = 0, -1, 0
    if offset < 0 or length < 0 or offset + length > size:
        raise ConversionError(
            "model",
            f"{path}: the weights {tensor.name} lie beyond the end of {location}: the file is cut off, or another",
        )
    with target.open("rb") as file:
        file.seek(offset)
        tensor.raw_data = file.read(length)
    del tensor.external_data[:]
    tensor.data_location = here
