"""Scales from data: a few batches through the quantised network, each quantiser taking its scale from what it sees.

Each scale is the one of a few dozen whose squared error is least, ``Σ (s·q(x/s) - x)²``. All batches go through the
network as one, so the quantisers are set in network order, and each sees what those before it, set already, will send
in use.
Padding is not looked at, nor what the answer does not need: of the last layer the first token alone, save keys and
values. LSQ's own rule, ``2·mean|x|/√Qp`` (Esser et al. 2020, section 2.1), is a start for training; of probabilities,
whose rows sum to 1, the mean says how long the sentence is, and nothing of the attention.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.network.quantised import QuantisedRobertaForSequenceClassification


def calibrate(
    model: QuantisedRobertaForSequenceClassification, batches: Iterable[Mapping[str, Tensor]]
) -> dict[str, float]:
    """Set every scale of ``model`` from ``batches`` of inputs (``input_ids``, ``attention_mask``); return them by name.

    The batches are joined and run as one, so they have to fit into memory together. A quantiser that sees nothing but 0
    keeps its scale.

    Raises
    ------
    RobertaError
        ``samples``: no batch was given; ``scale``: what a quantiser saw is not finite.
    """
    quantisers = model.quantisers()
    device = next(model.parameters()).device
    inputs = _join(list(batches), model.config.pad_token_id or 0)
    inputs = {name: value.to(device) for name, value in inputs.items()}
    first = torch.zeros_like(inputs["attention_mask"])
    first[:, 0] = 1
    last = f"roberta.encoder.layer.{model.config.num_hidden_layers - 1}."
    was_training = model.training
    model.eval()
    for name, quantiser in quantisers.items():
        asks = name.startswith(last) and not name.endswith((".key_quantiser", ".value_quantiser"))
        quantiser.start_calibration(first if asks else inputs["attention_mask"])
    try:
        with torch.no_grad():
            model(**inputs)
    finally:
        for quantiser in quantisers.values():
            quantiser.end_calibration()
        model.train(was_training)
    scales = {name: quantiser.scale.item() for name, quantiser in quantisers.items()}
    for name, scale in scales.items():
        if not math.isfinite(scale):
            raise RobertaError("scale", f"{name} saw values that are not finite: check the model's weights")
    return scales


def _join(batches: list[Mapping[str, Tensor]], padding: int) -> dict[str, Tensor]:
    """Return all batches as one, padded at the end to the longest."""
    if not batches:
        raise RobertaError("samples", "calibration needs at least one batch: give training examples, or --no_calibrate")
    longest = max(batch["input_ids"].shape[1] for batch in batches)
    joined = {}
    for name, fill in (("input_ids", padding), ("attention_mask", 0)):
        parts = [functional.pad(batch[name], (0, longest - batch[name].shape[1]), value=fill) for batch in batches]
        joined[name] = torch.cat(parts)
    return joined
