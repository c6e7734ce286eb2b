"""unfold_bias: a linear layer whose bias arrives over the first L steps (You et al. 2024, "SpikeZIP-TF").

    y_t = W·x_t + b/L      t < L
    y_t = W·x_t            after

As running totals, in which the network is run::

    Y_t = W·X_t + b·min(t + 1, L)/L

so that from step L - 1 on the layer's total is that of the ordinary linear layer of its total input.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from spikeport.checks import is_whole
from spikeport.roberta.errors import RobertaError
from spikeport.roberta.modules.stream import SpikingModule


class UnfoldBiasLinear(SpikingModule):
    """A linear layer on running totals; ``weight`` (out, in) and ``bias`` (out,) or None are the trained ones.

    Raises
    ------
    RobertaError
        ``level``: not a whole number of at least 1.
    """

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None, level: int = 32) -> None:
        super().__init__()
        if not is_whole(level) or level < 1:
            raise RobertaError("level", f"unfold_bias level {level!r}: give a whole number of at least 1")
        self.weight = weight
        self.register_parameter("bias", bias)
        self.level = int(level)

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return len(self.weight)

    def forward(self, total: Tensor) -> Tensor:
        """Return Y of shape (steps, …, out); a total that stands still is multiplied once for the whole chunk."""
        bias = cast("Tensor | None", self.bias)
        if bias is None or self.clock.start >= self.level - 1:
            return functional.linear(total, self.weight, bias)
        first = self.clock.start + 1
        steps = torch.arange(first, first + self.clock.steps, device=bias.device)
        share = steps.clamp(max=self.level).to(bias) / self.level
        ramp = torch.outer(share, bias).view(len(share), *[1] * (total.dim() - 2), -1)
        out = functional.linear(total, self.weight)
        return out.add_(ramp) if len(out) == len(ramp) else out + ramp

    def extra_repr(self) -> str:
        """Return what ``print(model)`` shows of this module."""
        return f"in={self.weight.shape[1]}, out={self.out_features}, level={self.level}"
