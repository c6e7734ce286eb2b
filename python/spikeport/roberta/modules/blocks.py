"""The other blocks of a quantised RoBERTa. Their equations hold for values and for running totals alike.

So there is one class for the quantised and for the spiking block: the conversion only replaces what is inside
(linear layers, LayerNorm, quantisers). Parts keep RoBERTa's own names, so that checkpoints fit.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from spikeport.roberta.modules.lsq import LSQInteger


class QuantisedResidual(nn.Module):
    """``Q(LayerNorm(W·x + b + residual))``, signed: RoBERTa's ``attention.output`` and ``output``."""

    def __init__(self, block: Any, level: int) -> None:
        super().__init__()
        self.dense, self.LayerNorm, self.dropout = block.dense, block.LayerNorm, block.dropout
        self.quantiser: nn.Module = LSQInteger(level, signed=True)

    def forward(self, hidden_states: Tensor, input_tensor: Tensor) -> Tensor:
        """Return the block's output, shape (…, tokens, hidden)."""
        hidden = self.dropout(self.dense(hidden_states))
        out: Tensor = self.quantiser(self.LayerNorm(hidden + input_tensor))
        return out


class QuantisedIntermediate(nn.Module):
    """``Q(ReLU(W·x + b))``, unsigned: RoBERTa's ``intermediate``."""

    def __init__(self, block: Any, level: int) -> None:
        super().__init__()
        self.dense, self.intermediate_act_fn = block.dense, block.intermediate_act_fn
        self.quantiser: nn.Module = LSQInteger(level, signed=False)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return the block's output, shape (…, tokens, intermediate)."""
        out: Tensor = self.quantiser(self.intermediate_act_fn(self.dense(hidden_states)))
        return out


class QuantisedHead(nn.Module):
    """``W₂·Q(tanh(W₁·x[first token] + b₁)) + b₂``, signed: RoBERTa's ``classifier``.

    With ``level`` None there is no quantiser, and tanh's output goes on as it is.
    """

    def __init__(self, head: Any, level: int | None) -> None:
        super().__init__()
        self.dense, self.out_proj, self.dropout = head.dense, head.out_proj, head.dropout
        self.activation: nn.Module = nn.Tanh()
        self.quantiser: nn.Module = nn.Identity() if level is None else LSQInteger(level, signed=True)

    def forward(self, features: Tensor, **_: Any) -> Tensor:
        """Return the logits (…, classes) of ``features`` (…, tokens, hidden)."""
        x = self.dropout(features[..., 0, :])
        x = self.quantiser(self.activation(self.dense(x)))
        out: Tensor = self.out_proj(self.dropout(x))
        return out
