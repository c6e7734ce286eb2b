"""Self-attention with quantised operands, and its spiking twin, zip_tf (You et al. 2024, "SpikeZIP-TF").

Quantised, with LSQ quantisers named Qq, Qk, Qv, Qc (signed) and Qp (unsigned, on probabilities)::

    P = h·Qp(softmax(Qq(W_q·x)·Qk(W_k·x)ᵀ/√d + mask)/h)
    context = Qc(P·Qv(W_v·x))

with a factor h for each head, 1 until calibration: some heads look at one token, others at all, and one scale s of
probabilities would be too small for the former and too coarse for the latter. h·Qp(p/h) is LSQ of p with scale s·h, so
a head's neurons have the threshold θ·h, and nothing is multiplied at run time.

Spiking, with q_t, k_t the spikes of step t and Q, K their running totals including it::

    scores_t = (Q·k_tᵀ + q_t·Kᵀ - q_t·k_tᵀ)/√d
    p_t = softmax(scores_0 + … + scores_t + mask) - softmax(scores_0 + … + scores_{t-1} + mask)

and the same product rule for probabilities times values. scores_t is the difference of the products Q·Kᵀ/√d after
and before the step, so on running totals the spiking equations are the quantised ones, step by step.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spikeport.roberta.modules.lsq import SMALLEST_SCALE, LSQInteger
from spikeport.roberta.modules.stream import SpikingModule


class HeadScales(nn.Module):
    """h of each head: a weight that calibration sets and no training changes, of shape (heads,), saved as ``scale``."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(heads), requires_grad=False)

    def forward(self) -> Tensor:
        """Return h, shape (heads, 1, 1): above 0, as a head's probabilities are multiplied by it."""
        return self.scale.abs().clamp_min(SMALLEST_SCALE).view(-1, 1, 1)


class QuantisedSelfAttention(nn.Module):
    """RoBERTa's self-attention with LSQ quantisers on queries, keys, values, probabilities and context.

    Parameters
    ----------
    attention : the trained module; its ``query``, ``key`` and ``value`` are taken over
    level : levels of each quantiser
    """

    def __init__(self, attention: Any, level: int) -> None:
        super().__init__()
        self.query, self.key, self.value = attention.query, attention.key, attention.value
        self.dropout = attention.dropout
        self.heads = int(attention.num_attention_heads)
        self.scaling = float(attention.scaling)
        self.query_quantiser: nn.Module = LSQInteger(level, signed=True)
        self.key_quantiser: nn.Module = LSQInteger(level, signed=True)
        self.value_quantiser: nn.Module = LSQInteger(level, signed=True)
        self.probability_quantiser: nn.Module = LSQInteger(level, signed=False)
        self.context_quantiser: nn.Module = LSQInteger(level, signed=True)
        self.head_scales = HeadScales(self.heads)

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Return the context (…, tokens, hidden) and the probabilities (…, heads, tokens, tokens).

        ``attention_mask`` is added to the scores, or, if boolean, True where a token may be seen; its shape
        broadcasts to (batch, heads, tokens, tokens).
        """
        return _attend(self, hidden_states, attention_mask)


class ZipTFSelfAttention(SpikingModule):
    """The spiking twin of `QuantisedSelfAttention`, on running totals (steps, batch, tokens, hidden)."""

    def __init__(self, attention: QuantisedSelfAttention) -> None:
        super().__init__()
        self.query, self.key, self.value = attention.query, attention.key, attention.value
        self.dropout, self.heads, self.scaling = attention.dropout, attention.heads, attention.scaling
        self.query_quantiser, self.key_quantiser = attention.query_quantiser, attention.key_quantiser
        self.value_quantiser = attention.value_quantiser
        self.probability_quantiser = attention.probability_quantiser
        self.context_quantiser, self.head_scales = attention.context_quantiser, attention.head_scales

    def forward(
        self, total: Tensor, attention_mask: Tensor | None = None, asking: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the totals of context and probabilities; the mask acts on the accumulated scores.

        With ``asking``, only the first so many tokens have queries, and the results are theirs alone.
        """
        return _attend(self, total, attention_mask, asking)


def product_change(left: Tensor, right: Tensor, left_total: Tensor, right_total: Tensor) -> Tensor:
    """Return what one step adds to A·B: ``A·b_t + a_t·B - a_t·b_t``, totals A and B including the step.

    Parameters
    ----------
    left, right : a_t of shape (…, m, d) and b_t of shape (…, d, n), the spikes of the step
    left_total, right_total : A and B, of the same shapes
    """
    return left_total @ right + left @ right_total - left @ right


def _attend(module: Any, x: Tensor, mask: Tensor | None, asking: int | None = None) -> tuple[Tensor, Tensor]:
    def split(rows: Tensor) -> Tensor:
        parts: Tensor = rows.unflatten(-1, (module.heads, -1)).transpose(-2, -3)
        return parts

    queries = split(module.query_quantiser(module.query(x[..., :asking, :])))
    keys = split(module.key_quantiser(module.key(x)))
    values = split(module.value_quantiser(module.value(x)))
    scores = (queries @ keys.transpose(-1, -2)).mul_(module.scaling)
    if mask is not None:
        if mask.dtype == torch.bool:
            mask = torch.zeros_like(mask, dtype=x.dtype).masked_fill_(~mask, torch.finfo(x.dtype).min)
        scores = scores.add_(mask)
    factors = module.head_scales()
    probabilities = module.probability_quantiser(torch.softmax(scores, dim=-1) / factors) * factors
    context = (module.dropout(probabilities) @ values).transpose(-2, -3).flatten(-2)
    return module.context_quantiser(context), probabilities
