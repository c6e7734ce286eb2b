"""Which module takes which one's place, in both stages. Parts keep their names, and with them their weights."""

# mypy: allow-untyped-calls
from __future__ import annotations

from typing import Any, cast

from torch import nn
from transformers.models.roberta.modeling_roberta import (
    RobertaClassificationHead,
    RobertaIntermediate,
    RobertaOutput,
    RobertaSelfAttention,
    RobertaSelfOutput,
)

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.modules.attention import QuantisedSelfAttention, ZipTFSelfAttention
from spikeport.roberta.modules.blocks import QuantisedHead, QuantisedIntermediate, QuantisedResidual
from spikeport.roberta.modules.difference import (
    IdentityActivation,
    ReluDifference,
    TanhDifference,
    ZipTFEmbedding,
    ZipTFLayerNorm,
)
from spikeport.roberta.modules.linear import UnfoldBiasLinear
from spikeport.roberta.modules.lsq import LSQInteger
from spikeport.roberta.modules.st_bif import STBIF
from spikeport.roberta.network.transform import ATTENTION, BY_TYPE, QUANTISATION, Rule, Transform, match_rules

QUANTISED_OF: dict[type[nn.Module], Any] = {
    RobertaSelfAttention: QuantisedSelfAttention,
    RobertaSelfOutput: QuantisedResidual,
    RobertaIntermediate: QuantisedIntermediate,
    RobertaOutput: QuantisedResidual,
    RobertaClassificationHead: QuantisedHead,
}


def replace_by_quantised(model: nn.Module, transform: Transform) -> None:
    """Replace, in place, every module that ``transform.quantisation`` names by its quantised twin."""
    modules = dict(model.named_modules())
    for name, rule in match_rules(QUANTISATION, transform.quantisation, modules).items():
        module = modules[name]
        twin = QUANTISED_OF.get(type(module))
        if twin is None:
            kinds = ", ".join(kind.__name__ for kind in QUANTISED_OF)
            raise RobertaError(
                "transform",
                f"{QUANTISATION}: {name!r} is a {type(module).__name__}, and lsqinteger takes {kinds}",
            )
        model.set_submodule(name, twin(module, rule.level))


def replace_by_spiking(model: nn.Module, transform: Transform) -> None:
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
        rule("embedding")
        return ZipTFEmbedding(module)
    if isinstance(module, nn.LayerNorm):
        rule("layernorm")
        return ZipTFLayerNorm(module)
    if isinstance(module, nn.Linear):
        return UnfoldBiasLinear(
            cast(nn.Parameter, module.weight), cast("nn.Parameter | None", module.bias), rule("linear").level
        )
    if isinstance(module, nn.ReLU):
        rule("relu")
        return IdentityActivation() if behind_quantiser else ReluDifference()
    if isinstance(module, LSQInteger):
        rule("lsqinteger")
        return STBIF.from_quantiser(module)
    if isinstance(module, nn.Tanh):  # the documented YAML has no entry for it, and it must be in difference form
        return TanhDifference()
    return None
