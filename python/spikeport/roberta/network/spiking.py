"""Stage two: the spiking RoBERTa, and the loop that runs it until nothing moves.

Design
------
- The modules are those of the quantised network with linear layers, LayerNorms, embeddings, activations and
  quantisers replaced by their spiking twins, so weights keep their names.
- The network is run layer by layer over a chunk of steps, on running totals (`spikeport.roberta.modules.stream`).
- The classifier reads the first token, so in the last layer only that one has neurons behind keys and values.
- The real input comes at step 0, then nothing. The logits of step t are what the last layer has added up so far.
- A sentence has settled when, with every bias in, a step passes in which none of its neurons fires: from then on
  nothing can change, and every tracer stands on the level of its quantiser. That is looked for once a chunk.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForSequenceClassification, RobertaPreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.models.roberta.modeling_roberta import RobertaClassificationHead

from spikeport.checks import is_whole
from spikeport.roberta.errors import RobertaError
from spikeport.roberta.modules.linear import UnfoldBiasLinear
from spikeport.roberta.modules.st_bif import STBIF
from spikeport.roberta.modules.stream import Clock, SpikingModule
from spikeport.roberta.network.quantised import (
    QuantisedRobertaConfig,
    QuantisedRobertaForSequenceClassification,
    ScaledRobertaModel,
    begin_scale,
    build,
    check_architecture,
    derive_config,
    remove_biases,
)
from spikeport.roberta.network.replacement import replace_by_quantised, replace_by_spiking
from spikeport.roberta.network.timeline import Plan, Record, SpikingRun, join_runs, plan_chunks
from spikeport.roberta.network.transform import Transform

CPU_BYTES = 2**20
DEVICE_BYTES = 2**29
"""How large the largest activation of a chunk may be: about a core's own cache, or a part of a GPU's memory."""


class SpikingRobertaConfig(QuantisedRobertaConfig):
    """The quantised network's config; ``snn_timesteps`` is the longest a run takes, None for a limit of its own."""

    model_type = "spikeport_spiking_roberta"
    network = "SpikingRobertaForSequenceClassification"
    snn_timesteps: int | None = None


class SpikingRobertaForSequenceClassification(RobertaPreTrainedModel):
    """The spiking network, built from its config alone, so that `from_pretrained` finds every threshold."""

    config_class = SpikingRobertaConfig
    _supports_sdpa = False
    _supports_flash_attn = False
    _supports_flex_attn = False
    _can_record_outputs: dict[Any, Any] = {}  # noqa: RUF012

    def __init__(self, config: SpikingRobertaConfig) -> None:
        super().__init__(config)
        check_architecture(config)
        self.num_labels = config.num_labels
        self.roberta = ScaledRobertaModel(config, add_pooling_layer=False)
        self.classifier: nn.Module = RobertaClassificationHead(config)
        self.clock = Clock()
        remove_biases(self, config.spikeport_without_bias or [])
        transform = Transform.from_dict(config.spikeport_transform or Transform.default().to_dict())
        replace_by_quantised(self, transform)
        replace_by_spiking(self, transform)
        for module in self.spiking_modules():
            module.clock = self.clock
        for neuron in self.neurons().values():
            neuron.consumes_input = True
        for part in self.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0  # a mask drawn anew at every step would let no network settle
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        begin_scale(module)

    def spiking_modules(self) -> Iterator[SpikingModule]:
        """Yield every module that has a state in time."""
        return (module for module in self.modules() if isinstance(module, SpikingModule))

    def neurons(self) -> dict[str, STBIF]:
        """Return every ST-BIF module by its name, in network order."""
        return {name: module for name, module in self.named_modules() if isinstance(module, STBIF)}

    def compile_neurons(self, compiled: bool = True) -> None:
        """Let ``torch.compile`` fuse the neurons' walk through the steps, or stop doing so."""
        for neuron in self.neurons().values():
            neuron.compiled = compiled

    @property
    def unfolding_steps(self) -> int:
        """Steps until every bias is in."""
        return max((m.level for m in self.modules() if isinstance(m, UnfoldBiasLinear)), default=1)

    @property
    def longest_run(self) -> int:
        """The step at which a run gives up: ``snn_timesteps``, or 8 times the most levels of a neuron or bias."""
        widest = max((n.q_max - n.q_min + 1 for n in self.neurons().values()), default=1)
        limit: int | None = self.config.snn_timesteps
        return limit or 8 * max(widest, self.unfolding_steps)

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
                loss = functional.mse_loss(logits.squeeze(-1), labels.to(logits))
            else:
                loss = functional.cross_entropy(logits, labels)
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

        The batch is run in groups of sentences, and each group in chunks of steps, so that the largest activation
        stays small enough for a cache, whatever the batch; a group stops when all of its sentences have settled.

        Parameters
        ----------
        input_ids, attention_mask, token_type_ids : shape (batch, tokens), as for any RoBERTa
        timesteps : steps at most; None for `longest_run`
        early_stop : stop once every sentence has settled
        chunk : steps run at once; None for what fits

        Raises
        ------
        RobertaError
            ``timesteps``: not a whole number above 0; ``samples``: inputs of another shape, or of more tokens than the
            network has positions for.
        """
        limit = self.longest_run if timesteps is None else timesteps
        for name, value in (("timesteps", limit), ("chunk", chunk)):
            if value is not None and (not is_whole(value) or value < 1):
                raise RobertaError("timesteps", f"{name} must be a whole number above 0, not {value!r}")
        self._check_inputs(input_ids, attention_mask, token_type_ids)
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        plan = self._plan(input_ids, limit, chunk)
        groups = zip(*(x.split(plan.sentences) for x in (input_ids, attention_mask, token_type_ids)), strict=True)
        batch = len(input_ids)
        runs = [self._run_group(ids, mask, kinds, plan, early_stop, len(ids) / batch) for ids, mask, kinds in groups]
        return join_runs(runs)

    def _check_inputs(self, ids: Tensor, *others: Tensor | None) -> None:
        if not isinstance(ids, Tensor) or ids.dim() != 2 or not ids.shape[1]:
            given = tuple(ids.shape) if isinstance(ids, Tensor) else type(ids).__name__
            raise RobertaError("samples", f"input_ids must be a tensor of shape (batch, tokens), not {given}")
        for name, other in zip(("attention_mask", "token_type_ids"), others, strict=True):
            if other is not None and other.shape != ids.shape:
                raise RobertaError("samples", f"{name} of shape {tuple(other.shape)} for ids of {tuple(ids.shape)}")
        padding = self.roberta.embeddings.padding_idx
        room = self.config.max_position_embeddings - padding - 1
        if ids.shape[1] > room and int(ids.ne(padding).sum(1).max()) > room:
            raise RobertaError("samples", f"a sentence is longer than the {room} tokens that this network has room for")

    def _run_group(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        plan: Plan,
        early_stop: bool,
        share: float,
    ) -> SpikingRun:
        self.reset()
        for neuron in self.neurons().values():
            neuron.share = share
        embedded = self._embed(input_ids, token_type_ids)
        tokens = attention_mask.to(embedded)
        mask = None
        if not bool(attention_mask.all()):
            mask = torch.zeros_like(tokens).masked_fill_(attention_mask == 0, torch.finfo(tokens.dtype).min)
            mask = mask[:, None, None, :]
        trajectory: list[Tensor] = []
        record = Record(self.neurons(), tokens, self.unfolding_steps)
        for steps in plan.chunks():
            self.clock.advance(steps)
            logits = self._chunk(embedded, mask)
            trajectory.append(logits.expand(steps, *logits.shape[1:]))
            if record.add(self.clock) and early_stop:
                break
        self.reset()
        return record.run(torch.cat(trajectory))

    def _embed(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """Return the total of the embedding, (1, batch, tokens, hidden): RoBERTa's positions start behind padding."""
        embeddings = self.roberta.embeddings
        real = input_ids.ne(embeddings.padding_idx).int()
        positions = torch.cumsum(real, dim=1) * real + embeddings.padding_idx
        kinds = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        total = embeddings.word_embeddings(input_ids) + embeddings.token_type_embeddings(kinds)
        embedded: Tensor = embeddings.LayerNorm(total + embeddings.position_embeddings(positions))
        return embedded

    def _chunk(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        layers: Any = self.roberta.encoder.layer
        for layer in layers:
            # The classifier reads the first token. Training keeps the rest, on whose number a scale's gradient depends.
            asking = 1 if layer is layers[-1] and not torch.is_grad_enabled() else None
            context, _ = layer.attention.self(hidden, mask, asking)
            hidden = hidden[..., :asking, :]
            attended = layer.attention.output(context, hidden)
            hidden = layer.output(layer.intermediate(attended), attended)
        logits: Tensor = self.classifier(hidden)
        return logits

    def _plan(self, input_ids: Tensor, limit: int, chunk: int | None) -> Plan:
        batch, tokens = input_ids.shape
        config = self.config
        widest = max(config.intermediate_size, config.num_attention_heads * tokens)
        sentence = tokens * widest * torch.finfo(self.dtype).bits // 8
        budget = CPU_BYTES if input_ids.device.type == "cpu" else DEVICE_BYTES
        return plan_chunks(batch, sentence, budget, limit, self.unfolding_steps - 1, chunk)


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
    transform = quantised.transform
    config = derive_config(SpikingRobertaConfig, quantised.config, transform, quantised.config.spikeport_without_bias)
    config.snn_timesteps = timesteps
    spiking: SpikingRobertaForSequenceClassification = build(SpikingRobertaForSequenceClassification, config, quantised)
    weights = {}
    quantisers = quantised.quantisers()
    for name, value in quantised.state_dict().items():
        owner, _, last = name.rpartition(".")
        weights[f"{owner}.threshold" if owner in quantisers and last == "scale" else name] = value
    spiking.load_state_dict(weights, strict=True)
    spiking.eval()
    return spiking


AutoConfig.register(SpikingRobertaConfig.model_type, SpikingRobertaConfig, exist_ok=True)
AutoModelForSequenceClassification.register(
    SpikingRobertaConfig, SpikingRobertaForSequenceClassification, exist_ok=True
)
