"""Stage two: the spiking RoBERTa, and the loop that runs it until nothing moves.

Design
------
- The modules are those of the quantised network with linear layers, LayerNorms, embeddings, activations and
  quantisers replaced by their spiking twins, so weights keep their names.
- The network is run layer by layer over a chunk of steps, on running totals (`spikeport.roberta.stream`).
- The real input comes at step 0, then nothing. The logits of step t are what the last layer has added up so far.
- A sentence has settled when, with every bias in, a step passes in which none of its neurons fires: from then on
  nothing can change, and every tracer stands on the level of its quantiser. That is looked for once a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import RobertaModel, RobertaPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.models.roberta.modeling_roberta import RobertaClassificationHead

from spikeport.roberta.attention import QuantisedSelfAttention, ZipTFSelfAttention
from spikeport.roberta.blocks import QuantisedHead, QuantisedIntermediate
from spikeport.roberta.difference import (
    IdentityActivation,
    ReluDifference,
    TanhDifference,
    ZipTFEmbedding,
    ZipTFLayerNorm,
)
from spikeport.roberta.errors import RobertaError
from spikeport.roberta.linear import UnfoldBiasLinear
from spikeport.roberta.lsq import LSQInteger
from spikeport.roberta.quantised import (
    QuantisedRobertaConfig,
    QuantisedRobertaForSequenceClassification,
    build,
    check_architecture,
    derive_config,
    remove_biases,
    replace_modules,
)
from spikeport.roberta.st_bif import STBIF
from spikeport.roberta.stream import Clock, SpikingModule
from spikeport.roberta.transform import ATTENTION, BY_TYPE, Rule, Transform, match_rules

CHUNK_BYTES = 16 * 2**20


class SpikingRobertaConfig(QuantisedRobertaConfig):
    """The quantised network's config; ``snn_timesteps`` is the longest a run takes, None for a limit of its own."""

    model_type = "spikeport_spiking_roberta"
    snn_timesteps: int | None = None


@dataclass(frozen=True)
class SpikingRun:
    """What a run did.

    Attributes
    ----------
    logits : after the last step, shape (batch, classes)
    trajectory : after every step, shape (steps, batch, classes)
    settled_at : steps until nothing moved any more, shape (batch,); -1 where that was not seen
    spikes : spikes of each sentence's own tokens, by the name of the ST-BIF module, shape (batch,)
    """

    logits: Tensor
    trajectory: Tensor
    settled_at: Tensor
    spikes: dict[str, Tensor]

    @property
    def steps(self) -> int:
        """Number of steps that were run."""
        return len(self.trajectory)


class SpikingRobertaForSequenceClassification(RobertaPreTrainedModel):
    """The spiking network, built from its config alone, so that `from_pretrained` finds every threshold."""

    config_class = SpikingRobertaConfig
    _supports_sdpa = False
    _supports_flash_attn = False
    _supports_flex_attn = False
    _can_record_outputs: dict[str, Any] = {}

    def __init__(self, config: SpikingRobertaConfig) -> None:
        super().__init__(config)
        check_architecture(config)
        self.num_labels = config.num_labels
        self.roberta = RobertaModel(config, add_pooling_layer=False)
        self.classifier: nn.Module = RobertaClassificationHead(config)
        self.clock = Clock()
        remove_biases(self, config.spikeport_without_bias or [])
        transform = Transform.from_dict(config.spikeport_transform or Transform.default().to_dict())
        replace_modules(self, transform)
        _replace_by_spiking(self, transform)
        for module in self.spiking_modules():
            module.clock = self.clock
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, STBIF):
            with torch.no_grad():
                module.threshold.fill_(1.0)

    def spiking_modules(self) -> Iterator[SpikingModule]:
        """Yield every module that has a state in time."""
        return (module for module in self.modules() if isinstance(module, SpikingModule))

    def neurons(self) -> dict[str, STBIF]:
        """Return every ST-BIF module by its name, in network order."""
        return {name: module for name, module in self.named_modules() if isinstance(module, STBIF)}

    @property
    def unfolding_steps(self) -> int:
        """Steps until every bias is in."""
        return max((m.level for m in self.modules() if isinstance(m, UnfoldBiasLinear)), default=1)

    @property
    def longest_run(self) -> int:
        """The step at which a run gives up: ``snn_timesteps``, or 4 times the most levels of a neuron or bias."""
        widest = max((n.q_max - n.q_min + 1 for n in self.neurons().values()), default=1)
        limit: int | None = self.config.snn_timesteps
        return limit or 4 * max(widest, self.unfolding_steps)

    def reset(self) -> None:
        """Put the network back to before step 0."""
        for module in self.spiking_modules():
            module.reset()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Run until settled, or for `longest_run` steps, and return the logits; with ``labels``, the loss too."""
        logits = self.run(input_ids, attention_mask, token_type_ids).logits
        loss = None
        if labels is not None:
            if self.num_labels == 1:
                loss = F.mse_loss(logits.squeeze(-1), labels.to(logits))
            else:
                loss = F.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def run(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        *,
        timesteps: int | None = None,
        early_stop: bool = True,
        chunk: int | None = None,
    ) -> SpikingRun:
        """Run the network and return its logits over time, where it settled, and its spikes.

        Parameters
        ----------
        input_ids, attention_mask, token_type_ids : shape (batch, tokens), as for any RoBERTa
        timesteps : steps at most; None for `longest_run`
        early_stop : stop once every sentence has settled
        chunk : steps run at once; None to keep the largest activation around 16 MiB

        Raises
        ------
        RobertaError
            ``timesteps``: not a whole number above 0.
        """
        limit = self.longest_run if timesteps is None else timesteps
        for name, value in (("timesteps", limit), ("chunk", chunk)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise RobertaError("timesteps", f"{name} must be a whole number above 0, not {value!r}")
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        self.reset()
        embedded = self._embed(input_ids, token_type_ids)
        hidden = torch.zeros((), dtype=embedded.dtype, device=embedded.device)
        mask = hidden.new_zeros(attention_mask.shape).masked_fill_(attention_mask == 0, torch.finfo(hidden.dtype).min)
        tokens = attention_mask.to(hidden)

        trajectory: list[Tensor] = []
        record = _Record(self.neurons(), tokens, self.unfolding_steps)
        for steps in self._chunks(limit, input_ids, chunk):
            self.clock.advance(steps)
            logits = self._chunk(embedded, mask[:, None, None, :])
            trajectory.append(logits.expand(steps, *logits.shape[1:]))
            if record.add(self.clock) and early_stop:
                break
        self.reset()
        logits_over_time = torch.cat(trajectory)
        return SpikingRun(logits_over_time[-1], logits_over_time, record.settled_at(), record.spikes)

    def _embed(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """Return the total of the embedding, (1, batch, tokens, hidden): RoBERTa's positions start behind padding."""
        embeddings = self.roberta.embeddings
        real = input_ids.ne(embeddings.padding_idx).int()
        positions = torch.cumsum(real, dim=1) * real + embeddings.padding_idx
        kinds = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        total = embeddings.word_embeddings(input_ids) + embeddings.token_type_embeddings(kinds)
        return embeddings.LayerNorm(total + embeddings.position_embeddings(positions))  # type: ignore[no-any-return]

    def _chunk(self, hidden: Tensor, mask: Tensor) -> Tensor:
        for layer in self.roberta.encoder.layer:
            context, _ = layer.attention.self(hidden, mask)
            attended = layer.attention.output(context, hidden)
            hidden = layer.output(layer.intermediate(attended), attended)
        return self.classifier(hidden)  # type: ignore[no-any-return]

    def _chunks(self, limit: int, input_ids: Tensor, chunk: int | None) -> Iterator[int]:
        """Yield the steps of each chunk; one chunk begins where the biases end, so that it can use them whole."""
        batch, tokens = input_ids.shape
        config = self.config
        widest = max(config.intermediate_size, config.num_attention_heads * tokens)
        size = batch * tokens * widest * torch.finfo(self.dtype).bits // 8
        most = chunk or max(1, min(limit, CHUNK_BYTES // max(size, 1)))
        at, border = 0, self.unfolding_steps - 1
        while at < limit:
            end = min(at + most, limit, border if at < border else limit)
            yield end - at
            at = end


class _Record:
    """Spikes and settling of every sentence, added up chunk by chunk without asking the device in between."""

    def __init__(self, neurons: dict[str, STBIF], tokens: Tensor, unfolding_steps: int) -> None:
        self.neurons, self.tokens, self.unfolding_steps = neurons, tokens, unfolding_steps
        self.spikes = {name: tokens.new_zeros(len(tokens), dtype=torch.int64) for name in neurons}
        self.last_move = torch.full_like(tokens[:, 0], unfolding_steps, dtype=torch.int64)
        self.steps = 0

    def add(self, clock: Clock) -> bool:
        """Add the chunk that has just been run, and return whether every sentence has settled."""
        moved = self.tokens.new_zeros(clock.steps, len(self.tokens))
        for name, neuron in self.neurons.items():
            assert neuron.activity is not None
            spikes = self._of_tokens(neuron.activity)
            self.spikes[name] += spikes.sum(0).to(torch.int64)
            moved += spikes
        self.steps = clock.start + clock.steps
        number = torch.arange(clock.start + 1, self.steps + 1, device=moved.device)
        self.last_move = torch.maximum(self.last_move, torch.where(moved > 0, number[:, None], 0).amax(0))
        return bool((self.last_move < self.steps).all())

    def settled_at(self) -> Tensor:
        """Return the steps until nothing moved, or -1 where the run ended before a quiet step was seen."""
        return torch.where(self.last_move < self.steps, self.last_move, -1)

    def _of_tokens(self, activity: Tensor) -> Tensor:
        """Return spikes of shape (steps, batch): padding left out, heads added up."""
        if activity.dim() == 2:
            return activity
        if activity.dim() == 4:
            activity = activity.sum(2)
        return torch.einsum("tbn,bn->tb", activity, self.tokens)


def convert_to_spiking(
    quantised: QuantisedRobertaForSequenceClassification, timesteps: int | None = None
) -> SpikingRobertaForSequenceClassification:
    """Return the spiking twin of a quantised network: same weights, thresholds = scales.

    Raises
    ------
    RobertaError
        ``model``: not a quantised network; ``transform``: a type without a rule, so that the spiking network would
        not settle on the quantised one; ``timesteps``.
    """
    if not isinstance(quantised, QuantisedRobertaForSequenceClassification):
        raise RobertaError("model", f"{type(quantised).__name__} is not quantised: call quantise() first")
    transform = Transform.from_dict(quantised.config.spikeport_transform)
    config = derive_config(SpikingRobertaConfig, quantised.config, transform, quantised.config.spikeport_without_bias)
    config.snn_timesteps = timesteps
    spiking: SpikingRobertaForSequenceClassification = build(SpikingRobertaForSequenceClassification, config, quantised)
    weights = {}
    quantisers = quantised.quantisers()
    for name, value in quantised.state_dict().items():
        owner, _, last = name.rpartition(".")
        weights[f"{owner}.threshold" if owner in quantisers and last == "scale" else name] = value
    spiking.load_state_dict(weights, strict=True)
    return spiking.eval()


def _replace_by_spiking(model: SpikingRobertaForSequenceClassification, transform: Transform) -> None:
    """Replace, in place: attention by regex, then every other module by its type."""
    if isinstance(model.classifier, RobertaClassificationHead):
        model.classifier = QuantisedHead(model.classifier, None)
    _replace_attention(model, transform)
    in_intermediate = {m.intermediate_act_fn for m in model.modules() if isinstance(m, QuantisedIntermediate)}
    for name, module in list(model.named_modules()):
        twin = _twin(name, module, transform, behind_quantiser=module in in_intermediate)
        if twin is not None:
            model.set_submodule(name, twin)


def _replace_attention(model: nn.Module, transform: Transform) -> None:
    modules = dict(model.named_modules())
    rules = match_rules(ATTENTION, transform.attention, modules)
    for name in rules:
        module = modules[name]
        if not isinstance(module, QuantisedSelfAttention):
            raise RobertaError(
                "transform",
                f"{ATTENTION}: {name!r} is a {type(module).__name__}: zip_tf needs attention that lsqinteger has "
                "quantised, so name it in quantization_config too",
            )
        model.set_submodule(name, ZipTFSelfAttention(module))
    for index, layer in enumerate(model.roberta.encoder.layer):  # type: ignore[union-attr, arg-type]
        if not isinstance(layer.attention.self, ZipTFSelfAttention):
            raise RobertaError(
                "transform",
                f"{ATTENTION}: the attention of layer {index} stays as it is, so it would not spike: let "
                f"quantization_config and {ATTENTION} both match 'roberta.encoder.layer.{index}.attention.self'",
            )


def _twin(name: str, module: nn.Module, transform: Transform, *, behind_quantiser: bool) -> nn.Module | None:
    """Return the spiking twin of a leaf module, or None where it stays."""

    def rule(kind: str) -> Rule:
        found = transform.spiking_rule(kind)
        if found is None:
            raise RobertaError(
                "transform",
                f"{BY_TYPE} has no entry for type {kind!r}, which {name!r} is: without it the spiking network would "
                "not settle on the quantised one",
            )
        return found

    if isinstance(module, nn.Embedding):
        return rule("embedding") and ZipTFEmbedding(module)
    if isinstance(module, nn.LayerNorm):
        return rule("layernorm") and ZipTFLayerNorm(module)
    if isinstance(module, nn.Linear):
        return UnfoldBiasLinear(module.weight, module.bias, rule("linear").level)
    if isinstance(module, nn.ReLU):
        return rule("relu") and (IdentityActivation() if behind_quantiser else ReluDifference())
    if isinstance(module, LSQInteger):
        return rule("lsqinteger") and STBIF.from_quantiser(module)
    if isinstance(module, nn.Tanh):  # the documented YAML has no entry for it, and it must be in difference form
        return TanhDifference()
    return None
