"""Operations in NIR's words and in ours.

Shapes are worked out here: NIR's own rule takes every kernel for a square one and leaves groups out.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.interop.nir.present import kind_of
from spikeport.operations import AvgPool, Conv, Linear, Operation, Shape, SumPool, Weighted

Array = npt.NDArray[Any]

WEIGHTED: Final = ("Linear", "Affine", "Conv1d", "Conv2d")
POOLS: Final = {"SumPool2d": SumPool, "AvgPool2d": AvgPool}


def computes_in(nodes: dict[str, Any]) -> np.dtype[Any]:
    """Return the type that a NIR graph is computed in: float32 where all weights are, else float64."""
    types = {np.asarray(node.weight).dtype for node in nodes.values() if kind_of(node) in WEIGHTED}
    return np.dtype(np.float32 if types == {np.dtype(np.float32)} else np.float64)


def operation_of(name: str, node: Any, dtype: Any) -> Operation:
    """Return what a weighted node or a pool of NIR does, its arrays in ``dtype``; raises `GraphError`, naming it."""
    try:
        operation = _operation(node, dtype)
        operation.check(name)
    except GraphError as error:
        raise GraphError(error.code, f"{name} ({kind_of(node)}): {error}") from None
    return operation


def _operation(node: Any, dtype: Any) -> Operation:
    kind = kind_of(node)
    if kind in POOLS:
        kernel, stride, padding = (_pair(value) for value in (node.kernel_size, node.stride, node.padding))
        return POOLS[kind](kernel, stride, padding)
    weight = np.array(node.weight, dtype, order="C")
    bias = np.array(node.bias, dtype, order="C") if kind != "Linear" and node.bias is not None else None
    if kind in ("Linear", "Affine"):
        if weight.ndim != 2:
            raise GraphError("shape", f"its weight has shape {weight.shape}: a linear layer here has (out, in)")
        return Linear(weight, bias)
    axes = weight.ndim - 2
    stride, dilation = (_numbers(value, axes) for value in (node.stride, node.dilation))
    padding = _padding(node.padding, weight.shape[2:], stride, dilation)
    return Conv(weight, bias, stride, padding, dilation, int(node.groups))


def _padding(given: Any, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    if not isinstance(given, str | bytes):
        return _numbers(given, len(kernel))
    word = given.decode() if isinstance(given, bytes) else given
    if word == "valid":
        return (0,) * len(kernel)
    reach = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if word != "same" or any(n % 2 for n in reach) or any(s != 1 for s in stride):
        raise GraphError(
            "shape", f"padding {word!r} of kernel {kernel} and stride {stride} is not the same on both sides"
        )
    return tuple(n // 2 for n in reach)


def _numbers(value: Any, axes: int) -> Shape:
    numbers = np.atleast_1d(np.asarray(value)).tolist()
    return tuple(int(n) for n in (numbers * axes if len(numbers) == 1 else numbers))


def _pair(value: Any) -> Shape:
    return _numbers(value, 2)


def node_of(nir: Any, operation: Operation, reads: Shape, shape: Shape) -> Any:
    """Return the NIR node of a weighted operation or a pool that reads one signal of shape ``reads``.

    Its types are set to the shapes as they are.
    """
    if isinstance(operation, Linear):
        node = nir.Affine(weight=operation.weight.copy(), bias=_bias(operation))  # which more tools read than Linear
    elif isinstance(operation, Conv):
        parts: dict[str, Any] = {"weight": operation.weight.copy(), "bias": _bias(operation)}
        parts["groups"] = operation.groups
        geometry = {name: getattr(operation, name) for name in ("stride", "padding", "dilation")}
        if len(reads) == 2:
            one = {name: int(value[0]) for name, value in geometry.items()}
            node = nir.Conv1d(input_shape=int(reads[1]), **parts, **one)
        else:
            node = nir.Conv2d(input_shape=tuple(reads[1:]), **parts, **geometry)
    else:
        made = nir.AvgPool2d if isinstance(operation, AvgPool) else nir.SumPool2d
        window = operation.window  # type: ignore[attr-defined]
        node = made(
            kernel_size=np.array(window.kernel), stride=np.array(window.stride), padding=np.array(window.padding)
        )
    return typed(node, reads, shape)


def _bias(operation: Weighted) -> Array:
    """Return the bias, zeros where there is none."""
    given = operation.bias
    return np.zeros(len(operation.weight), operation.weight.dtype) if given is None else given.copy()


def typed(node: Any, reads: Shape, shape: Shape) -> Any:
    """Return the node with these shapes for its types."""
    node.input_type, node.output_type = {"input": np.array(reads)}, {"output": np.array(shape)}
    return node
