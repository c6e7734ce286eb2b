"""Which module becomes what: the transform's two stages, built without weights and read off the result."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from transformers import RobertaConfig, RobertaForSequenceClassification

from spikeport.roberta.modules.lsq import LSQInteger
from spikeport.roberta.modules.st_bif import STBIF
from spikeport.roberta.network.quantised import (
    QuantisedRobertaConfig,
    QuantisedRobertaForSequenceClassification,
    derive_config,
)
from spikeport.roberta.network.signals import fed_by_values
from spikeport.roberta.network.spiking import SpikingRobertaConfig, SpikingRobertaForSequenceClassification
from spikeport.roberta.network.transform import Transform

FED_BY_VALUES = ", fed by values at every step"
"""What the spiking column adds where the block before is not quantised: multiply-adds, and no spikes."""


@dataclass(frozen=True)
class Replacement:
    """One module: its name, and what it is before, after quantisation and after the spiking conversion."""

    name: str
    original: str
    quantised: str
    spiking: str


def explain(config: RobertaConfig, transform: Transform | None = None, *, spiking: bool = True) -> list[Replacement]:
    """Return every module that a transform changes in a RoBERTa of this config, in network order.

    Parameters
    ----------
    spiking : include the second stage; without it that column repeats the first

    Raises
    ------
    RobertaError
        Whatever `quantise` and `convert_to_spiking` would raise for the config and the transform.
    """
    transform = transform or Transform.default()
    bare = list(getattr(config, "spikeport_without_bias", None) or [])
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        before = _kinds(RobertaForSequenceClassification(config))
        middle = _kinds(
            QuantisedRobertaForSequenceClassification(derive_config(QuantisedRobertaConfig, config, transform, bare))
        )
        after = middle
        if spiking:
            network = SpikingRobertaForSequenceClassification(
                derive_config(SpikingRobertaConfig, config, transform, bare)
            )
            after = _kinds(network)
            for name in fed_by_values(config, network.neurons()):
                after[name] += FED_BY_VALUES
    names = list(dict.fromkeys([*after, *middle, *before]))
    rows = (Replacement(name, *(stage.get(name, "–") for stage in (before, middle, after))) for name in names if name)
    return [row for row in rows if not row.original == row.quantised == row.spiking]


def _kinds(model: nn.Module) -> dict[str, str]:
    return {name: _describe(module) for name, module in model.named_modules()}


def _describe(module: nn.Module) -> str:
    kind = type(module).__name__
    if isinstance(module, LSQInteger):
        return f"{kind} [{module.q_min}, {module.q_max}]"
    if isinstance(module, STBIF):
        return f"{kind} [{module.q_min}, {module.q_max}]"
    level = getattr(module, "level", None)
    return kind if level is None else f"{kind}, level {level}"
