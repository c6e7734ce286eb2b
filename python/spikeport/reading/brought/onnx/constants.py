"""What hangs on constants and shapes alone, computed by onnx's own reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import ConversionError
from spikeport.reading.brought.onnx.present import onnx_part

Array = npt.NDArray[Any]


def attributes_of(node: Any) -> dict[str, Any]:
    """Return a node's attributes by name: numbers, lists, text, tensors as arrays."""
    onnx = onnx_part()
    found: dict[str, Any] = {"outputs": len(node.output)}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        elif isinstance(value, onnx.TensorProto):
            value = array_of(value)
        elif attribute.type == onnx.AttributeProto.STRINGS:
            value = [text.decode("utf-8", "replace") for text in value]
        elif hasattr(value, "__len__") and not isinstance(value, str):
            value = list(value)
        found[attribute.name] = value
    return found


def array_of(tensor: Any) -> Array:
    """Return a tensor's values; raise `ConversionError` ``model`` where its bytes are not those of its shape."""
    try:
        values: Array = onnx_part("onnx.numpy_helper").to_array(tensor)
    except (ValueError, TypeError) as error:
        raise ConversionError("model", f"the weights {tensor.name} cannot be read: {error}") from None
    return values


def computed(node: Any, given: dict[str, Array], opsets: dict[str, int]) -> list[Array]:
    """Return the outputs of a node all of whose inputs are known.

    Raises `ConversionError` ``unsupported_module`` where the reference cannot compute them.
    """
    evaluator = onnx_part("onnx.reference").ReferenceEvaluator
    try:
        outputs = evaluator(node, opsets=opsets).run(None, given)
    except Exception as error:  # of any of its two hundred operators
        raise ConversionError(
            "unsupported_module",
            f"the ONNX node {node.name or node.output[0]} ({node.op_type}), which reads constants alone, cannot be "
            f"computed: {type(error).__name__}: {error}",
        ) from None
    return [np.asarray(output) for output in outputs]
