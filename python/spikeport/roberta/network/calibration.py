"""Scales from data: sentences through the quantised network, each quantiser taking its scale from what it sees.

Each scale is the one of a few dozen whose squared error is least, ``Σ (s·q(x/s) - x)²``. All sentences go through the
network as one batch, so the quantisers are set in network order, and each sees what those before it, set already, will
send in use. Then a few scales around each are held against the logits, and that which moves them least is taken
(`spikeport.roberta.network.logit_error`): what a tensor's own error has cut off may be what the answer hangs on.

Padding is not looked at, nor what the answer does not need: of the last layer the first token alone, save keys and
values. LSQ's own rule, ``2·mean|x|/√Qp`` (Esser et al. 2020, section 2.1), is a start for training; of probabilities,
whose rows sum to 1, the mean says how long the sentence is, and nothing of the attention.

Batches are read once, one by one, and of them a sample of sentences is kept that is bounded and evenly spread
(`spikeport.roberta.network.sentences`): memory depends neither on how many there are nor on where they come from.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.network.logit_error import fit_scales_to_logits
from spikeport.roberta.network.quantised import QuantisedRobertaForSequenceClassification
from spikeport.roberta.network.sentences import SentenceSample

MOST_VALUES = 2**27
"""Values of the widest activation, all sentences together: half a GiB in single precision."""


def calibrate(
    model: QuantisedRobertaForSequenceClassification, batches: Iterable[Mapping[str, Tensor]]
) -> dict[str, float]:
    """Set every scale of ``model`` from ``batches`` of inputs; return them by name.

    A quantiser that sees nothing but 0 keeps its scale. Heads also take their factors
    (`QuantisedRobertaForSequenceClassification.head_scales`), by which their probabilities' one scale is multiplied.

    Parameters
    ----------
    batches : a DataLoader, a list, a generator or a single batch, each batch with ``input_ids`` and
        ``attention_mask`` of shape (batch, tokens); what else it has is not looked at. Read once. Of more sentences
        than `room` has tokens for an even sample counts: every second one, every fourth, …

    Raises
    ------
    RobertaError
        ``samples``: no sentence was given, or a batch is none; ``scale``: what a quantiser saw is not finite.
    """
    return fit_scales(model, sample_sentences(model, batches))


def sample_sentences(
    model: QuantisedRobertaForSequenceClassification, batches: Iterable[Mapping[str, Tensor]]
) -> SentenceSample:
    """Return those of the sentences of ``batches`` that `fit_scales` can run at once; raise as `calibrate` does."""
    sample = SentenceSample(lambda tokens: room(model, tokens))
    for batch in [batches] if isinstance(batches, Mapping) else batches:
        sample.add(batch)
    if not sample.count:
        raise RobertaError("samples", "calibration needs at least one batch: give training examples, or --no_calibrate")
    return sample


def room(model: QuantisedRobertaForSequenceClassification, tokens: int) -> int:
    """Return how many sentences of ``tokens`` tokens calibration runs at once: at least one."""
    config = model.config
    widest = max(config.intermediate_size, config.hidden_size, config.num_attention_heads * tokens)
    return max(1, MOST_VALUES // (widest * tokens))


def fit_scales(model: QuantisedRobertaForSequenceClassification, sample: SentenceSample) -> dict[str, float]:
    """Run the sentences of ``sample`` through ``model`` as one batch, and set its scales on the way, then by logits."""
    quantisers = model.quantisers()
    device = next(model.parameters()).device
    inputs = {name: value.to(device) for name, value in sample.joined(model.config.pad_token_id or 0).items()}
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
            for factors in model.head_scales().values():
                factors.scale.fill_(1.0)
            model(**inputs)
        for name, quantiser in quantisers.items():
            quantiser.end_calibration()
            if not math.isfinite(quantiser.scale.item()):
                raise RobertaError("scale", f"{name} saw values that are not finite: check the model's weights")
        fit_scales_to_logits(model, inputs, MOST_VALUES)
    finally:
        for quantiser in quantisers.values():
            quantiser.end_calibration()
        model.train(was_training)
    return {name: quantiser.scale.item() for name, quantiser in quantisers.items()}
