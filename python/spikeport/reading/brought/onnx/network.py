"""An ONNX graph as a torch module: its nodes in their order, each a module by the node's name."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from spikeport.errors import ConversionError
from spikeport.operations import Shape


class Step(NamedTuple):
    """A node: the name of its module, the signals that it reads and those that it gives."""

    module: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class OnnxNetwork(nn.Module):
    """The network of an ONNX file, from its input to the outputs of its last layer.

    A torch module like any other: it can be trained and traced, and its state dict saved.
    """

    def __init__(self, source: str, shape: Shape) -> None:
        super().__init__()
        self.source, self.output, self.shape = source, source, shape
        self.steps: list[Step] = []

    def append(self, name: str, module: nn.Module, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Add a node, by its own name as far as a module can be called so."""
        plain = free = re.sub(r"\W+", "_", name).strip("_") or "node"
        count = 1
        while hasattr(self, free):
            count += 1
            free = f"{plain}_{count}"
        self.add_module(free, module)
        self.steps.append(Step(free, tuple(inputs), tuple(outputs)))

    def keep(self, output: str) -> None:
        """Make ``output`` what the network gives, and drop what it does not need."""
        needed, kept = {output}, []
        for step in reversed(self.steps):
            if needed.intersection(step.outputs):
                needed.update(step.inputs)
                kept.append(step)
            else:
                delattr(self, step.module)
        self.steps, self.output = kept[::-1], output

    def forward(self, x: Tensor) -> Tensor:
        """Return what the last layer gives for a batch.

        Samples may be flat, or have their axes of one value elsewhere: their values are in the same order. Raises
        `ConversionError` ``shape`` for any others.
        """
        given = tuple(x.shape[1:])
        if given != self.shape:
            if given != (math.prod(self.shape),) and _long(given) != _long(self.shape):
                raise ConversionError("shape", f"the ONNX file takes samples of shape {self.shape}, not {given}")
            x = x.reshape(x.shape[0], *self.shape)
        signals = {self.source: x}
        for step in self.steps:
            value = getattr(self, step.module)(*[signals[name] for name in step.inputs])
            parts = value if len(step.outputs) > 1 else (value,)
            signals.update(zip(step.outputs, parts, strict=True))
        return signals[self.output]


def _long(shape: Shape) -> Shape:
    return tuple(n for n in shape if n != 1)
