"""Who reads whose output: the signals between the blocks of a RoBERTa, and how many products each takes part in.

A signal is sent by a quantiser, or by the ST-BIF neurons in its place, and read by linear layers, attention products
and residual connections. Where its block is not quantised there are no neurons to send it: its values then enter the
readers as numbers, at every step. The embedding's do so once, since it stands still.

The classifier reads the first token, so in the last layer only that one asks; keys and values stay those of all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

EMBEDDING = "roberta.embeddings"


@dataclass(frozen=True)
class Signal:
    """What one quantiser sends.

    Attributes
    ----------
    sender : name of the quantiser, and of the ST-BIF neurons in its place
    readers : names of the linear layers and blocks that it enters
    values : how many numbers it has in a sentence, shape (sentences,)
    fan_out : products, or additions of a residual, that one of them takes part in, shape (sentences,)
    first_fan_out : the same of the first token's, where it has more readers than the rest
    width : numbers of one token
    """

    sender: str
    readers: tuple[str, ...]
    values: Tensor
    fan_out: Tensor
    first_fan_out: Tensor
    width: int

    @property
    def products(self) -> Tensor:
        """Return the multiply-adds of all its values entering once, shape (sentences,)."""
        return self.values * self.fan_out + self.width * (self.first_fan_out - self.fan_out)

    def operations(self, spikes: Tensor, of_first_token: Tensor) -> Tensor:
        """Return the additions that its spikes cause; both arguments and the result have shape (sentences,)."""
        return spikes * self.fan_out + of_first_token * (self.first_fan_out - self.fan_out)


def signals(config: Any, tokens: Tensor) -> list[Signal]:
    """Return every signal of a RoBERTa of this config, in network order, the embedding first.

    Parameters
    ----------
    tokens : tokens of each sentence, padding left out, shape (sentences,)
    """
    hidden, between, heads = config.hidden_size, config.intermediate_size, config.num_attention_heads
    last = config.num_hidden_layers - 1

    def signal(
        sender: str, readers: tuple[str, ...], values: Tensor, fan_out: Tensor | int, first: int | None = None
    ) -> Signal:
        each = torch.as_tensor(fan_out).expand_as(tokens)
        return Signal(
            sender, readers, values, each, each if first is None else each.new_full(each.shape, first), hidden
        )

    def entering(sender: str, layer: int) -> Signal:
        """What the layer called ``layer`` reads: three linear layers and a residual, of those tokens that ask."""
        place = f"roberta.encoder.layer.{layer}.attention"
        readers = (*(f"{place}.self.{part}" for part in ("query", "key", "value")), f"{place}.output")
        whole = 3 * hidden + 1
        return signal(sender, readers, tokens * hidden, 2 * hidden if layer == last else whole, whole)

    found = [entering(EMBEDDING, 0)]
    for number in range(last + 1):
        place = f"roberta.encoder.layer.{number}"
        own = f"{place}.attention.self"
        asking = torch.ones_like(tokens) if number == last else tokens
        found += [
            signal(f"{own}.query_quantiser", (own,), asking * hidden, tokens),
            signal(f"{own}.key_quantiser", (own,), tokens * hidden, asking),
            signal(f"{own}.value_quantiser", (own,), tokens * hidden, asking),
            signal(f"{own}.probability_quantiser", (own,), heads * asking * tokens, hidden // heads),
            signal(f"{own}.context_quantiser", (f"{place}.attention.output.dense",), asking * hidden, hidden),
            signal(
                f"{place}.attention.output.quantiser",
                (f"{place}.intermediate.dense", f"{place}.output"),
                asking * hidden,
                between + 1,
            ),
            signal(f"{place}.intermediate.quantiser", (f"{place}.output.dense",), asking * between, hidden),
        ]
        sender = f"{place}.output.quantiser"
        if number < last:
            found.append(entering(sender, number + 1))
        else:
            found.append(signal(sender, ("classifier.dense",), asking * hidden, hidden))
    each = torch.full_like(tokens, hidden)
    found.append(signal("classifier.quantiser", ("classifier.out_proj",), each, config.num_labels))
    return found


def fed_by_values(config: Any, spiking: Collection[str]) -> list[str]:
    """Return the linear layers and residual blocks that values enter at every step, in network order.

    Parameters
    ----------
    spiking : names of the ST-BIF modules that there are
    """
    silent = [s for s in signals(config, torch.ones(1)) if s.sender != EMBEDDING and s.sender not in spiking]
    return [reader for signal in silent for reader in signal.readers]
