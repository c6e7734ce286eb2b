"""Stage one: a RoBERTa whose attention, outputs, intermediates and classifier are quantised by LSQ."""

# mypy: allow-untyped-calls
from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaModel,
    RobertaPreTrainedModel,
)
from transformers.models.roberta.modeling_roberta import RobertaClassificationHead

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.modules.attention import HeadScales
from spikeport.roberta.modules.lsq import LSQInteger
from spikeport.roberta.modules.st_bif import STBIF
from spikeport.roberta.network.replacement import replace_by_quantised
from spikeport.roberta.network.transform import Transform

FOR_A_NETWORK = ", in spikeport.roberta."
"""What stands in a saved config between the activation and the class of the network that may be made of it."""


class QuantisedRobertaConfig(RobertaConfig):
    """RoBERTa's config with the transform (`Transform.to_dict`) and the names of linear layers without a bias.

    transformers takes a config of one type for another with a warning, and drops the scales in a report. So what is
    saved names an activation that transformers has not, and a plain RoBERTa made of it is a KeyError that says whose it
    is.
    """

    model_type = "spikeport_quantised_roberta"
    network = "QuantisedRobertaForSequenceClassification"
    spikeport_transform: dict[str, Any] | None = None
    spikeport_without_bias: list[str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the config as it is saved."""
        return super().to_dict() | {"hidden_act": f"{self.hidden_act}{FOR_A_NETWORK}{self.network}"}

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **options: Any) -> Any:
        """Return the config that was saved.

        Raises
        ------
        RobertaError
            ``model``: it is that of another of this package's networks, whose scales have other names.
        """
        activation, _, network = str(config_dict.get("hidden_act", "gelu")).partition(FOR_A_NETWORK)
        if network and network != cls.network:
            raise RobertaError("model", f"this is a {network}, not a {cls.network}: load it with its own class")
        return super().from_dict({**config_dict, "hidden_act": activation}, **options)


class ScaledRobertaModel(RobertaModel):
    """RoBERTa's encoder, whose scales and thresholds begin at 1 where no file has them.

    transformers asks the innermost model to begin a weight: what the one around it says does not reach in here.
    """

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        begin_scale(module)


class QuantisedRobertaForSequenceClassification(RobertaForSequenceClassification):
    """RoBERTa with LSQ quantisers, built from its config alone, so that `from_pretrained` finds every scale."""

    config_class = QuantisedRobertaConfig
    # The quantisers sit between scores, softmax and values, where a fused attention kernel has no place for them.
    _supports_sdpa = False
    _supports_flash_attn = False
    _supports_flex_attn = False
    _can_record_outputs: dict[Any, Any] = {}  # noqa: RUF012

    def __init__(self, config: QuantisedRobertaConfig) -> None:
        RobertaPreTrainedModel.__init__(self, config)  # RoBERTa's own would build another encoder
        check_architecture(config)
        self.num_labels, self.config = config.num_labels, config
        self.roberta = ScaledRobertaModel(config, add_pooling_layer=False)
        self.classifier = RobertaClassificationHead(config)
        remove_biases(self, config.spikeport_without_bias or [])
        transform = Transform.from_dict(config.spikeport_transform or Transform.default().to_dict())
        replace_by_quantised(self, transform)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        begin_scale(module)

    @property
    def transform(self) -> Transform:
        """The transform that it was quantised by, and that its conversion follows."""
        return Transform.from_dict(self.config.spikeport_transform or Transform.default().to_dict())

    def quantisers(self) -> dict[str, LSQInteger]:
        """Return every quantiser by its name, in network order."""
        return {name: module for name, module in self.named_modules() if isinstance(module, LSQInteger)}

    def head_scales(self) -> dict[str, HeadScales]:
        """Return the factors of each attention's heads by their name, in network order."""
        return {name: module for name, module in self.named_modules() if isinstance(module, HeadScales)}


def begin_scale(module: nn.Module) -> None:
    """Set the scale of a quantiser, or the threshold of its spiking twin, to 1 where nothing was loaded into it."""
    named = {LSQInteger: "scale", HeadScales: "scale", STBIF: "threshold"}
    scale = getattr(module, named.get(type(module), ""), None)
    if scale is not None and not getattr(scale, "_is_hf_initialized", False):
        with torch.no_grad():
            scale.fill_(1.0)


def quantise(
    model: RobertaForSequenceClassification, transform: Transform | None = None
) -> QuantisedRobertaForSequenceClassification:
    """Return a quantised copy of ``model``, all scales at 1; calibrate or load them next.

    Raises
    ------
    RobertaError
        ``model``: not a RoBERTa for sequence classification; ``activation``: not ReLU; ``transform``: a pattern
        that matches nothing, or a module that cannot be quantised.
    """
    if not isinstance(model, RobertaForSequenceClassification):
        raise RobertaError("model", f"{type(model).__name__} is not a RobertaForSequenceClassification")
    transform = transform or Transform.default()
    bare = [n for n, m in model.named_modules() if isinstance(m, nn.Linear) and m.bias is None]
    config = derive_config(QuantisedRobertaConfig, model.config, transform, bare)
    quantised = build(QuantisedRobertaForSequenceClassification, config, model)
    missing, unexpected = quantised.load_state_dict(model.state_dict(), strict=False)
    scales = {f"{name}.scale" for name in (*quantised.quantisers(), *quantised.head_scales())}
    if unexpected or set(missing) != scales:
        wrong = ", ".join(sorted({*unexpected, *(set(missing) ^ scales)})[:5])
        raise RobertaError("model", f"weights do not fit the quantised network: {wrong}")
    quantised.train(model.training)
    return cast(QuantisedRobertaForSequenceClassification, quantised)


def derive_config(kind: type[Any], config: RobertaConfig, transform: Transform, without_bias: list[str]) -> Any:
    """Return ``config`` as one of class ``kind``, with the transform in it."""
    data = config.to_dict() | {"hidden_act": config.hidden_act}
    for key in ("model_type", "architectures", "transformers_version", "attn_implementation"):
        data.pop(key, None)
    data |= {"spikeport_transform": transform.to_dict(), "spikeport_without_bias": without_bias}
    return kind(**data)


def build(kind: type[Any], config: Any, like: nn.Module) -> Any:
    """Return an untrained network of class ``kind``, in the dtype and on the device of ``like``."""
    some = next(like.parameters())
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced: leave the caller's draws alone
        network = kind(config)
    return network.to(device=some.device, dtype=some.dtype)


def check_architecture(config: RobertaConfig) -> None:
    """Raise `RobertaError` for an activation other than ReLU, or a decoder."""
    if config.hidden_act != "relu":
        raise RobertaError(
            "activation",
            f"this RoBERTa uses {config.hidden_act!r}, and a spiking neuron can stand for ReLU only: take a ReLU "
            "checkpoint (JeffreyWong/roberta-base-relu-<task>), or swap and fine-tune with --relufy --do_train",
        )
    if config.is_decoder or config.add_cross_attention:
        raise RobertaError("model", "a decoder cannot be converted: give an encoder for sequence classification")


def check_weights(model: nn.Module) -> None:
    """Raise `RobertaError` for a tensor that holds a number that is not finite, and for a scale or threshold of 0."""
    for name, value in model.named_parameters():
        if not value.is_meta and not bool(torch.isfinite(value).all()):
            count = int((~torch.isfinite(value)).sum())
            reason = f"{count} of the {value.numel()} numbers of {name} are not finite"
            raise RobertaError("weights", f"{reason}: every answer would be NaN, so give weights of another training")
        if name.endswith((".scale", ".threshold")) and not value.is_meta and not bool(value.all()):
            raise RobertaError("weights", f"{name} is 0, and a scale lies above that: calibrate or train it anew")


def remove_biases(model: nn.Module, names: list[str]) -> None:
    """Take the bias from the linear layers called ``names``."""
    for name in names:
        model.get_submodule(name).register_parameter("bias", None)


AutoConfig.register(QuantisedRobertaConfig.model_type, QuantisedRobertaConfig, exist_ok=True)
AutoModelForSequenceClassification.register(
    QuantisedRobertaConfig, QuantisedRobertaForSequenceClassification, exist_ok=True
)
