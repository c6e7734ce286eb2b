"""What the spikes cost: synaptic operations of each layer, and an estimate of energy with its assumptions.

A synaptic operation is one addition that one spike causes at one synapse: a spike of a neuron with n targets costs n.
In attention, a spike of a query meets every key (and the reverse), one of a probability a row of values, one of a
value a column of probabilities: what it adds is an integer, the other side's tracer.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

ADD_PICOJOULE, MULTIPLY_ADD_PICOJOULE = 0.9, 4.6
ASSUMPTIONS = (
    "45 nm CMOS, 32-bit floating point: 0.9 pJ an addition, 4.6 pJ a multiply-add (Horowitz, ISSCC 2014); one "
    "addition a synaptic operation; the embedding enters as values, so the first layer's products with it are "
    "multiply-adds; memory traffic, neuron updates, LayerNorm, softmax, tanh and bias are not counted on either side, "
    "nor is what the answer does not need: all but keys and values of the last layer's tokens after the first."
)


def fan_out(name: str, config: Any, tokens: Tensor) -> Tensor:
    """Return the synaptic operations that one spike of the ST-BIF module ``name`` causes, shape (sentences,).

    Parameters
    ----------
    config : of the network
    tokens : tokens of each sentence, padding left out, shape (sentences,)
    """
    hidden, intermediate = config.hidden_size, config.intermediate_size
    last = name.startswith(f"roberta.encoder.layer.{config.num_hidden_layers - 1}.")
    if re.search(r"\.(query|key|value)_quantiser$", name):
        return tokens
    if name.endswith(".probability_quantiser"):
        targets = hidden // config.num_attention_heads
    elif name.endswith(".context_quantiser"):
        targets = hidden
    elif name.endswith(".attention.output.quantiser"):
        targets = intermediate + 1  # and the residual connection
    elif name.endswith(".intermediate.quantiser"):
        targets = hidden
    elif name.startswith("classifier."):
        targets = config.num_labels
    else:
        targets = hidden if last else 3 * hidden + 1
    return tokens.new_full(tokens.shape, targets)


def multiply_adds(config: Any, tokens: Tensor) -> Tensor:
    """Return the multiply-adds that the quantised network's answer needs, shape (sentences,)."""
    hidden, intermediate = config.hidden_size, config.intermediate_size
    a_token = 4 * hidden * hidden + 2 * hidden * intermediate
    layer = tokens * a_token + 2 * tokens * tokens * hidden
    last = tokens * (2 * hidden * hidden + 2 * hidden) + a_token - 2 * hidden * hidden
    total: Tensor = layer * (config.num_hidden_layers - 1) + last + hidden * hidden + hidden * config.num_labels
    return total


def input_multiply_adds(config: Any, tokens: Tensor) -> Tensor:
    """Return the multiply-adds with which the embedding enters the spiking network, shape (sentences,)."""
    total: Tensor = tokens * (3 * config.hidden_size * config.hidden_size)
    return total


def energy(config: Any, tokens: Tensor, synaptic_operations: Tensor) -> dict[str, Any]:
    """Return the mean energy a sentence, in microjoules, of the spiking and of the quantised network.

    Parameters
    ----------
    tokens, synaptic_operations : of each sentence, shape (sentences,)
    """
    entering = input_multiply_adds(config, tokens).double()
    spiking = synaptic_operations.double() * ADD_PICOJOULE + entering * MULTIPLY_ADD_PICOJOULE
    quantised = multiply_adds(config, tokens).double() * MULTIPLY_ADD_PICOJOULE
    return {
        "spiking_microjoule": float(spiking.mean()) * 1e-6,
        "quantised_microjoule": float(quantised.mean()) * 1e-6,
        "ratio": float(spiking.sum() / quantised.sum()),
        "assumptions": ASSUMPTIONS,
    }
