"""SpikingJelly's SpikeZIP-TF recipe on a network that spikeport quantised.

The recipe converts module trees whose quantisers and attention have the attributes it looks for, gives the
attention's output in a tuple, takes scales from outside and leaves tanh as it is. So this file has: quantisers with
those attributes, a network with those attentions, and a tanh in difference form. Everything else is the recipe's.
"""

from __future__ import annotations

import torch
from spikingjelly.activation_based import base, functional
from spikingjelly.activation_based.ann2snn import ModuleConverter, SpikeZIPTFQANNRecipe
from torch import nn


class Quantiser(nn.Module):
    """A quantiser as the recipe knows it: scale ``s``, ``sym``, ``pos_max``, ``neg_min``, ``level``."""

    def __init__(self, source):
        super().__init__()
        self.s = nn.Parameter(source.scale.detach().abs().clone())
        self.sym, self.level = source.signed, source.level
        self.pos_max, self.neg_min = torch.tensor(float(source.q_max)), torch.tensor(float(source.q_min))

    def forward(self, x):
        return (x / self.s + 0.5).floor().clamp(float(self.neg_min), float(self.pos_max)) * self.s


class Attention(nn.Module):
    """The attributes by which the recipe recognises RoBERTa's quantised attention."""

    def __init__(self, source):
        super().__init__()
        self.query, self.key, self.value, self.dropout = source.query, source.key, source.value, source.dropout
        self.num_attention_heads = source.heads
        self.all_head_size = source.query.out_features
        self.attention_head_size = self.all_head_size // source.heads
        names = ("query", "key", "value", "attn", "after_attn")
        ours = ("query", "key", "value", "probability", "context")
        for name, own in zip(names, ours, strict=True):
            setattr(self, f"{name}_quan", Quantiser(getattr(source, f"{own}_quantiser")))


class DifferenceTanh(base.MemoryModule):
    """tanh of the running sum, less that before the step."""

    def __init__(self):
        super().__init__()
        self.step_mode = "s"
        self.register_memory("total", 0.0)

    def single_step_forward(self, x):
        before = self.total
        self.total = before + x
        return torch.tanh(self.total) - (torch.tanh(before) if torch.is_tensor(before) else 0.0)

    def multi_step_forward(self, x):
        totals = torch.tanh(x.cumsum(0))
        return torch.diff(totals, dim=0, prepend=torch.zeros_like(totals[:1]))


class Network(nn.Module):
    """RoBERTa with quantised blocks, its attention's tuple taken apart; shapes with or without leading steps."""

    def __init__(self, quantised):
        super().__init__()
        embeddings = quantised.roberta.embeddings
        self.words, self.positions = embeddings.word_embeddings, embeddings.position_embeddings
        self.types, self.norm = embeddings.token_type_embeddings, embeddings.LayerNorm
        self.padding = embeddings.padding_idx
        self.attention = nn.ModuleList(Attention(layer.attention.self) for layer in quantised.roberta.encoder.layer)
        self.attended = nn.ModuleList(layer.attention.output for layer in quantised.roberta.encoder.layer)
        self.between = nn.ModuleList(layer.intermediate for layer in quantised.roberta.encoder.layer)
        self.out = nn.ModuleList(layer.output for layer in quantised.roberta.encoder.layer)
        self.head = quantised.classifier
        self.head.activation = DifferenceTanh()
        for block in (*self.attended, *self.between, *self.out, self.head):
            block.quantiser = Quantiser(block.quantiser)

    def forward(self, ids):
        real = ids.ne(self.padding).int()
        positions = torch.cumsum(real, dim=-1) * real + self.padding
        x = self.norm(self.words(ids) + self.types(torch.zeros_like(ids)) + self.positions(positions))
        for attention, attended, between, out in zip(
            self.attention, self.attended, self.between, self.out, strict=True
        ):
            hidden = attended(attention(x)[0], x)
            x = out(between(hidden), hidden)
        return self.head(x)


def convert(quantised, steps):
    """Return a function (input_ids, step_mode) -> logits after ``steps`` steps; ``quantised`` is used up."""
    network = ModuleConverter(SpikeZIPTFQANNRecipe(time_steps=steps)).convert(Network(quantised).eval()).eval()

    @torch.inference_mode()
    def run(ids, step_mode):
        functional.reset_net(network)
        functional.set_step_mode(network, step_mode)
        if step_mode == "m":
            return network(ids.expand(steps, *ids.shape)).sum(0)
        total = 0
        for _ in range(steps):
            total = total + network(ids)
        return total

    return run
