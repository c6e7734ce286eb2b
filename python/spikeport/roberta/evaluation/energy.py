"""What the spikes cost: synaptic operations of each layer, and an estimate of energy with its assumptions.

A synaptic operation is one addition that one spike causes at one synapse: a spike of a neuron with n targets costs n.
In attention, a spike of a query meets every key (and the reverse), one of a probability a row of values, one of a
value a column of probabilities: what it adds is an integer, the other side's tracer.

What enters a linear layer, a product or a residual as values costs a multiply-add there, at every step at which the
values may have changed. So with the same steps, a network of which less spikes never costs less: n values over T
steps send at most n·T spikes, and ``n·T·(fan_out + 2)`` additions cost less than ``n·T·fan_out`` multiply-adds in
every table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spikeport.picojoule import FLOAT_16, FLOAT_32, INT_8, INT_32, Price
from spikeport.roberta.network.signals import EMBEDDING, signals

TABLES = {
    "32-bit floating point": FLOAT_32,
    "16-bit floating point": FLOAT_16,
    "32-bit integers": INT_32,
    "8-bit integers": INT_8,
}
"""The first is the headline."""
UPDATE_ADDITIONS = DIFFERENCE_ADDITIONS = 2
LAYER_NORM, SOFTMAX, TANH, RELU, QUANTISER = 4, 5, 4, 1, 1
"""Multiply-adds a value: mean, variance, scaling and shift; a polynomial for exp, and the division; one for tanh."""
ASSUMPTIONS = (
    "45 nm CMOS, 32-bit floating point: 0.9 pJ an addition, 4.6 pJ a multiply-add (Horowitz, ISSCC 2014); one "
    "addition a synaptic operation; what enters a linear layer, a product or a residual as values costs multiply-adds, "
    "at every step, and once where it is the embedding; a neuron's update costs 2 additions a step; LayerNorm 4 "
    "multiply-adds a value, softmax 5, tanh 4, ReLU 1, a quantiser 1, and in difference form 2 additions more, at "
    "every step; a sentence takes as many steps as it needs to settle; memory traffic and biases are not counted on "
    "either side, nor is what the answer does not need: all but keys and values of the last layer's tokens after the "
    "first."
)


@dataclass(frozen=True)
class Work:
    """Additions and multiply-adds of each sentence, shape (sentences,)."""

    additions: Tensor
    multiply_adds: Tensor

    def picojoule(self, table: Price) -> Tensor:
        """Return what it costs at ``table``'s price of an addition and of a multiply-add."""
        return self.additions * table.add + self.multiply_adds * table.multiply_add


def multiply_adds(config: Any, tokens: Tensor) -> Tensor:
    """Return the multiply-adds that the quantised network's answer needs in its products, shape (sentences,)."""
    hidden, intermediate = config.hidden_size, config.intermediate_size
    a_token = 4 * hidden * hidden + 2 * hidden * intermediate
    layer = tokens * a_token + 2 * tokens * tokens * hidden
    last = tokens * (2 * hidden * hidden + 2 * hidden) + a_token - 2 * hidden * hidden
    total: Tensor = layer * (config.num_hidden_layers - 1) + last + hidden * hidden + hidden * config.num_labels
    return total


def spiking_work(
    config: Any, tokens: Tensor, steps: Tensor, spikes: Mapping[str, Tensor], first: Mapping[str, Tensor]
) -> dict[str, Work]:
    """Return what the spiking network does, by kind: synaptic operations, values, neurons, functions.

    Parameters
    ----------
    tokens, steps : of each sentence, shape (sentences,)
    spikes, first : by the name of each ST-BIF module that there is, its spikes and those of the first token alone
    """
    T, none = steps.double(), torch.zeros_like(tokens, dtype=torch.float64)
    synapses, values, updates = none, none, none
    for signal in signals(config, tokens):
        if signal.sender in spikes:
            synapses = synapses + signal.operations(spikes[signal.sender], first[signal.sender])
            updates = updates + signal.values * T * UPDATE_ADDITIONS
        else:
            values = values + signal.products * (1 if signal.sender == EMBEDDING else T)
    changing, standing = _functions(config, tokens, spikes)
    return {
        "synaptic operations": Work(synapses, none),
        "values": Work(none, values),
        "neurons": Work(updates, none),
        "functions": Work(
            sum((n for n, _ in changing), none) * T * DIFFERENCE_ADDITIONS,
            sum((n * cost for n, cost in changing), none) * T + standing,
        ),
    }


def quantised_work(config: Any, tokens: Tensor, quantisers: Collection[str]) -> dict[str, Work]:
    """Return what the quantised network does, by kind: products, quantisers, functions."""
    none = torch.zeros_like(tokens, dtype=torch.float64)
    hidden = config.hidden_size
    residuals = 2 * hidden * (tokens * (config.num_hidden_layers - 1) + 1)
    rounded = sum((signal.values for signal in signals(config, tokens) if signal.sender in quantisers), none)
    changing, standing = _functions(config, tokens, ())
    return {
        "products": Work(none, (multiply_adds(config, tokens) + residuals).double()),
        "quantisers": Work(none, rounded * QUANTISER),
        "functions": Work(none, sum((n * cost for n, cost in changing), none) + standing),
    }


def energy(spiking: Mapping[str, Work], quantised: Mapping[str, Work]) -> dict[str, Any]:
    """Return the mean energy a sentence, in microjoules, of both networks: by kind of work, and by table of costs."""
    tables = [{"costs": name, **_compare(spiking, quantised, table)} for name, table in TABLES.items()]
    headline = next(iter(TABLES.values()))
    return {
        **_compare(spiking, quantised, headline),
        "spiking_parts": {name: _microjoule(work, headline) for name, work in spiking.items()},
        "quantised_parts": {name: _microjoule(work, headline) for name, work in quantised.items()},
        "tables": tables,
        "assumptions": ASSUMPTIONS,
    }


def _functions(config: Any, tokens: Tensor, spiking: Collection[str]) -> tuple[list[tuple[Tensor, int]], Tensor]:
    """Return (values, multiply-adds a value) of every function, and the multiply-adds of the embedding's LayerNorm."""
    hidden, heads = config.hidden_size, config.num_attention_heads
    found = [(torch.full_like(tokens, hidden), TANH)]
    for number in range(config.num_hidden_layers):
        asking = torch.ones_like(tokens) if number == config.num_hidden_layers - 1 else tokens
        found += [(heads * asking * tokens, SOFTMAX), (2 * hidden * asking, LAYER_NORM)]
        if f"roberta.encoder.layer.{number}.intermediate.quantiser" not in spiking:  # else the neurons are the ReLU
            found.append((config.intermediate_size * asking, RELU))
    return found, hidden * tokens * LAYER_NORM


def _compare(spiking: Mapping[str, Work], quantised: Mapping[str, Work], table: Price) -> dict[str, float]:
    ours, theirs = (sum(_microjoule(work, table) for work in side.values()) for side in (spiking, quantised))
    return {"spiking_microjoule": ours, "quantised_microjoule": theirs, "ratio": ours / theirs}


def _microjoule(work: Work, table: Price) -> float:
    return float(work.picojoule(table).mean()) * 1e-6
