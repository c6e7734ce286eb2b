"""An ONNX graph as a torch module: its nodes in their order, each a module by the node's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn


class Step(NamedTuple):
    """A node: the name of its module, the signals that it reads and those that it gives."""

    module: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class OnnxNetwork(nn.Module):
    """The network of an ONNX file, from its input to the outputs of its last layer.

    A torch module like any other: it can be trained, saved and traced.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source, self.output = source, source
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
        """Return what the last layer gives for a batch."""
        signals = {self.source: x}
        for step in self.steps:
            given = getattr(self, step.module)(*[signals[name] for name in step.inputs])
            parts = given if len(step.outputs) > 1 else (given,)
            signals.update(zip(step.outputs, parts, strict=True))
        return signals[self.output]
