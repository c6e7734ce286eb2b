"""What is no matrix product: embedding, LayerNorm, tanh and ReLU, in difference form.

    X = X + x_t;  y_t = f(X) - f(X_before)        0 before the first step

As running totals, in which the network is run, that is ``Y_t = f(X_t)``: f acts on every step's total.
The embedding is the network's input: all of it at step 0, nothing after.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from spikeport.roberta.modules.stream import SpikingModule


class ZipTFEmbedding(SpikingModule):
    """Embedding as the input of a spiking network: y_0 = weight[ids], y_t = 0 after."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.weight = embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Return the total of every step, shape (1, …, width): it stands still from step 0 on."""
        return functional.embedding(ids, self.weight)[None]

    def changes(self, *inputs: Tensor) -> Tensor:
        """Return y_0 of shape (1, …, width) for ``ids`` at the first call, zeros of that shape after."""
        (ids,) = inputs
        self.clock.advance(1)
        total: Tensor = self(ids)
        return total if self.clock.start == 0 else torch.zeros_like(total)


class ZipTFLayerNorm(SpikingModule):
    """LayerNorm over the last dimension, in difference form; ``weight`` and ``bias`` are the trained ones."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.normalized_shape, self.eps = tuple(norm.normalized_shape), norm.eps

    def forward(self, total: Tensor) -> Tensor:
        """Return LayerNorm of every step's total, of the same shape."""
        return functional.layer_norm(total, self.normalized_shape, self.weight, self.bias, self.eps)


class TanhDifference(SpikingModule):
    """tanh in difference form. Applied to each step's input alone, it would never converge."""

    def forward(self, total: Tensor) -> Tensor:
        """Return tanh of every step's total."""
        return torch.tanh(total)


class ReluDifference(SpikingModule):
    """ReLU in difference form, for a ReLU with no unsigned quantiser behind it."""

    def forward(self, total: Tensor) -> Tensor:
        """Return max(X, 0) of every step's total."""
        return torch.relu(total)


class IdentityActivation(SpikingModule):
    """What a ReLU becomes before an unsigned quantiser: nothing, since ST-BIF with Qn = 0 cuts at 0 itself.

    The values are the same; the gradient is not, from half a level below 0 up to 0, where ReLU stops it.
    """

    def forward(self, total: Tensor) -> Tensor:
        """Return the totals as they are."""
        return total
