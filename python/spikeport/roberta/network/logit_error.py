"""Scales by what they cost the answer: of a few around those of least squared error, the one that moves logits least.

A scale that a tensor's own squared error likes best cuts off its largest values, and those are what attention looks
for and the answer hangs on. To first order a quantiser that puts q(x) in the place of x moves a sentence's logits z by

    δz = Σ ∂z/∂x·(q(x) - x)

over all of the sentence's values, so errors that go the same way add up and others cancel. Each quantiser takes, of
``RATIOS`` times the scale that it has, the one whose ``Σ δz²`` over the sentences is least. Gradients are taken once,
where nothing is quantised; the errors of different quantisers count as independent. Where all of this together does
not bring the network's logits nearer to the float ones, on the same sentences, the scales stay what they were. Nagel
et al. 2020 ("Up or down? Adaptive rounding for post-training quantization", section 3) weigh the rounding of weights by
the loss in this way.

Heads of an attention, whose probabilities have one scale, take a factor each
(`spikeport.roberta.modules.attention.HeadScales`) in the same way.

Of several logits one sum with signs is looked at, as many added as taken away, drawn anew for each sentence: on average
over the draws its square is that of the logits' differences, on which a prediction hangs. What all logits share has no
part in it.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor
from torch.func import functional_call

from spikeport.roberta.modules.lsq import LSQInteger, levels, positive
from spikeport.roberta.network.quantised import QuantisedRobertaForSequenceClassification

RATIOS = tuple(2 ** (number / 6) for number in range(-6, 7))
"""What a scale is multiplied with on trial: from a half to twice, an eighth apart."""
MOST_SENTENCES = 512
"""Sentences that are looked at, evenly spread over those given."""
AT_ONCE = 32
"""Sentences of similar length that run together, where they fit."""


def fit_scales_to_logits(
    model: QuantisedRobertaForSequenceClassification, inputs: Mapping[str, Tensor], most_values: int
) -> None:
    """Set every scale of ``model``, in eval mode, to the one of ``RATIOS`` times it that moves the logits least.

    A quantiser whose scale makes no difference keeps it, and all do where the logits come no nearer to the float ones.

    Parameters
    ----------
    inputs : ``input_ids`` and ``attention_mask`` of shape (sentences, tokens), on the model's device
    most_values : activations of all layers that are kept at once for the gradients, about
    """
    quantisers = model.quantisers()
    batches, expected = [], []
    costs: dict[str, Tensor] = {}
    with torch.inference_mode(False), torch.enable_grad():
        for batch, signs in _batches(model, inputs, most_values):
            logits, passed = _float_pass(model, quantisers, batch, signs)
            for name, (values, gradients) in passed.items():
                moved = _moved_logits(quantisers[name], values, gradients)
                cost = moved.double().square().sum(0).cpu()
                costs[name] = costs[name] + cost if name in costs else cost
            batches.append(batch)
            expected.append(logits)
    heads = {_sender(name): factors for name, factors in model.head_scales().items()}
    parameters = [*(one.scale for one in quantisers.values()), *(one.scale for one in heads.values())]
    with torch.no_grad():
        before = [scale.clone() for scale in parameters]
        error = _squared_error(model, batches, expected)
        for name, cost in costs.items():
            chosen = heads[name].scale if name in heads else quantisers[name].scale
            chosen.mul_(_best_ratios(cost).to(chosen))
        if not _squared_error(model, batches, expected) < error:
            for scale, old in zip(parameters, before, strict=True):
                scale.copy_(old)


def _sender(heads: str) -> str:
    """Return the name of the quantiser whose heads have the factors called ``heads``."""
    return heads.removesuffix("head_scales") + "probability_quantiser"


def _best_ratios(cost: Tensor) -> Tensor:
    """Return the ratio that costs least, shape (parts,), of costs (parts, ratios): 1 where it makes no difference."""
    cost = cost.nan_to_num(torch.inf)
    best = torch.tensor(RATIOS)[cost.argmin(1)]
    return torch.where(cost.amin(1) < cost[:, RATIOS.index(1)], best, 1.0)


def _squared_error(
    model: QuantisedRobertaForSequenceClassification, batches: list[dict[str, Tensor]], expected: list[Tensor]
) -> float:
    """Return Σ (z - z_float)², of several logits without what they all share."""
    total = 0.0
    for batch, wanted in zip(batches, expected, strict=True):
        error = (model(**batch).logits - wanted).double()
        total += float((error - error.mean(1, keepdim=True) if error.shape[1] > 1 else error).square().sum())
    return total


def _batches(
    model: QuantisedRobertaForSequenceClassification, inputs: Mapping[str, Tensor], most_values: int
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """Yield sentences of similar length without the padding behind the longest, and the signs of their logits."""
    mask = inputs["attention_mask"]
    count = min(len(mask), MOST_SENTENCES)
    chosen = torch.linspace(0, len(mask) - 1, count, device=mask.device).round().long()
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    lengths = ((mask[chosen] != 0) * places).amax(1).clamp_min(1)
    order = lengths.argsort(descending=True, stable=True)
    signs = _balanced_signs(count, model.config.num_labels or 1).to(mask.device)
    start = 0
    while start < count:
        longest = int(lengths[order[start]])
        rows = order[start : start + max(1, min(AT_ONCE, most_values // _values(model.config, longest)))]
        yield {name: value[chosen[rows], :longest].clone() for name, value in inputs.items()}, signs[rows]
        start += len(rows)


def _values(config: Any, tokens: int) -> int:
    """Return about how many values of one sentence the gradients need: inputs and outputs of each operation."""
    each = 16 * config.hidden_size + 4 * config.intermediate_size + 6 * config.num_attention_heads * tokens
    return int(config.num_hidden_layers * tokens * each)


def _balanced_signs(sentences: int, labels: int) -> Tensor:
    """Return 1, -1 and, of an odd number of labels, one 0 in random places, shape (sentences, labels)."""
    if labels == 1:
        return torch.ones(sentences, 1)
    half = labels // 2
    signs = torch.tensor([1.0] * half + [-1.0] * half + [0.0] * (labels % 2))
    draws = torch.rand(sentences, labels, generator=torch.Generator().manual_seed(0))
    return signs[draws.argsort(1)]


def _float_pass(
    model: QuantisedRobertaForSequenceClassification,
    quantisers: Mapping[str, LSQInteger],
    batch: dict[str, Tensor],
    signs: Tensor,
) -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
    """Return the float logits, and by name what would enter a quantiser, and the signed logits' gradients to it."""
    with _bypassed(quantisers) as entering:
        weights = {name: value.clone() for name, value in model.named_parameters() if value.is_inference()}
        answer = functional_call(model, weights, kwargs=batch) if weights else model(**batch)
        logits = cast(Tensor, answer.logits)
    gradients = torch.autograd.grad((logits * signs.to(logits)).sum(), list(entering.values()), allow_unused=True)
    return logits.detach(), {
        name: (values.detach(), gradient)
        for (name, values), gradient in zip(entering.items(), gradients, strict=True)
        if gradient is not None
    }


@contextmanager
def _bypassed(quantisers: Mapping[str, LSQInteger]) -> Iterator[dict[str, Tensor]]:
    """Let every quantiser hand on what it is given, which is kept under its name."""
    entering: dict[str, Tensor] = {}

    def hand_on(name: str, values: Tensor) -> Tensor:
        entering[name] = values if values.requires_grad else values.detach().requires_grad_()
        return entering[name]

    hooks = [
        quantiser.register_forward_hook(lambda _, given, __, name=name: hand_on(name, given[0]))
        for name, quantiser in quantisers.items()
    ]
    try:
        yield entering
    finally:
        for one in hooks:
            one.remove()


@torch.no_grad()
def _moved_logits(quantiser: LSQInteger, values: Tensor, gradients: Tensor) -> Tensor:
    """Return Σ gradient·(q(x) - x) of each sentence, part and ratio: shape (sentences, parts, ratios).

    The parts of probabilities, shape (sentences, heads, tokens, tokens), are the heads; other values are of one part.
    Rows without a gradient are left out: padding, and in the last layer all but what the first token asks for.
    """
    parts = values.shape[1] if values.dim() == 4 else 1
    used = gradients.any(-1) if gradients.dim() > 2 else gradients.new_ones(len(gradients), dtype=torch.bool)
    places = used.nonzero()
    owner = places[:, 0] * parts + (places[:, 1] if parts > 1 else 0)
    values, gradients = values[used], gradients[used]
    moved = values.new_zeros(len(used) * parts, len(RATIOS))
    for column, ratio in enumerate(RATIOS):
        scale = positive(quantiser.scale) * ratio
        error = levels(values, scale, quantiser.q_min, quantiser.q_max).mul_(scale).sub_(values)
        moved[:, column].index_add_(0, owner, error.mul_(gradients).sum(-1))
    return moved.view(len(used), parts, len(RATIOS))
