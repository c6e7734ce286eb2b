"""What a sample looks like: which arrays are one, which are a batch of them."""

from __future__ import annotations

import math


class SampleForm:
    """What a sample of a model looks like, as far as that is known before the first one.

    Parameters
    ----------
    n_inputs : how many values it has, or None
    axes : how many axes it has, or None
    flattens : whether samples may have any axes
    is_certain : whether the model takes nothing but ``n_inputs`` values
    """

    def __init__(
        self, n_inputs: int | None, axes: int | None = None, *, flattens: bool = False, is_certain: bool = True
    ) -> None:
        self.n_inputs, self.axes, self.flattens, self.is_certain = n_inputs, axes, flattens, is_certain
        self.shape: tuple[int, ...] | None = None

    def is_sample(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape is one sample, not a batch."""
        if self.axes is not None:
            return len(shape) == self.axes
        if self.n_inputs is None:
            return len(shape) < 2
        return math.prod(shape) == self.n_inputs and (len(shape) < 2 or math.prod(shape[1:]) != self.n_inputs)

    def is_batch(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape is a batch of samples, all alike."""
        if self.is_certain:
            wide = len(shape) == 2 or (self.flattens and len(shape) > 2)
            return wide and math.prod(shape[1:]) == self.n_inputs
        self.shape = self.shape or shape[1:]
        return len(shape) >= 2 and shape[1:] == self.shape

    def __str__(self) -> str:
        if self.is_certain:
            return f"(batch, {self.n_inputs})"
        return f"(batch, {', '.join(map(str, self.shape))})" if self.shape else "(batch, …)"
