"""Scales from data: a few batches through the quantised network, each quantiser taking its scale from what it sees.

LSQ's initial scale is ``s = 2·mean|x|/√Qp`` (Esser et al. 2020, section 2.1), running over the batches as
``0.9·s + 0.1·new``. The quantisers quantise while they look, so each sees what it will see in use.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.network.quantised import QuantisedRobertaForSequenceClassification


def calibrate(
    model: QuantisedRobertaForSequenceClassification, batches: Iterable[Mapping[str, Tensor]]
) -> dict[str, float]:
    """Set every scale of ``model`` from ``batches`` of inputs (``input_ids``, ``attention_mask``); return them by name.

    Raises
    ------
    RobertaError
        ``samples``: no batch was given; ``scale``: what a quantiser saw is not finite.
    """
    quantisers = model.quantisers()
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    for quantiser in quantisers.values():
        quantiser.start_calibration()
    try:
        with torch.no_grad():
            for batch in batches:
                model(**{name: batch[name].to(device) for name in ("input_ids", "attention_mask")})
    finally:
        seen = [quantiser.end_calibration() for quantiser in quantisers.values()]
        model.train(was_training)
    if not seen or not min(seen):
        raise RobertaError("samples", "calibration needs at least one batch: give training examples, or --no_calibrate")
    scales = {name: quantiser.scale.item() for name, quantiser in quantisers.items()}
    for name, scale in scales.items():
        if not math.isfinite(scale):
            raise RobertaError("scale", f"{name} saw values that are not finite: check the model's weights")
    return scales
