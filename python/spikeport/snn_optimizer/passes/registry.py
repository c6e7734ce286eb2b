"""The passes by name, in the order in which exact ones run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from spikeport.snn_optimizer.passes.dead import eliminate_dead
from spikeport.snn_optimizer.passes.elimination import eliminate_silent, eliminate_unread, fold_constants
from spikeport.snn_optimizer.passes.fusion import fuse_layers
from spikeport.snn_optimizer.passes.low_rank import factorize_layers
from spikeport.snn_optimizer.passes.options import (
    Check,
    flag,
    names,
    number,
    number_or_none,
    pair_or_none,
    text,
    whole,
)
from spikeport.snn_optimizer.passes.pruning import prune_neurons, prune_weights
from spikeport.snn_optimizer.passes.quantization import quantize_weights
from spikeport.snn_optimizer.passes.redundancy import merge_duplicates
from spikeport.snn_optimizer.passes.scale_folding import fold_scales
from spikeport.snn_optimizer.surgery.rewrite import Rewrite


@dataclass(frozen=True, kw_only=True)
class Pass:
    """A pass.

    Attributes
    ----------
    name, short : its documented name, and its short one
    exact : whether it changes no spike, as long as no option makes it do so
    apply : what it does, a function (graph, scope, **options)
    summary : what goes, in a few words
    options : the options of ``apply`` by name, each with the function that checks its value
    """

    name: str
    short: str
    exact: bool = False
    apply: Callable[..., Rewrite]
    summary: str
    options: Mapping[str, Check] = field(default_factory=dict)


_ALL = (
    Pass(
        name="silent_neuron_elimination",
        short="eliminate_silent",
        exact=True,
        apply=eliminate_silent,
        summary="neurons proven silent",
    ),
    Pass(
        name="constant_folding",
        short="fold_constants",
        exact=True,
        apply=fold_constants,
        summary="constant neurons and inputs into the next bias",
    ),
    Pass(
        name="unread_neuron_elimination",
        short="eliminate_unread",
        exact=True,
        apply=eliminate_unread,
        summary="neurons whose outgoing weights are 0",
    ),
    Pass(
        name="redundancy_elimination",
        short="merge",
        exact=True,
        apply=merge_duplicates,
        summary="equal neurons into one, columns summed",
        options={"tolerance": number, "correlation_threshold": number},
    ),
    Pass(
        name="scale_folding",
        short="fold_scales",
        exact=True,
        apply=fold_scales,
        summary="thresholds and scales to one number",
    ),
    Pass(
        name="layer_fusion",
        short="fuse",
        exact=True,
        apply=fuse_layers,
        summary="layers with no neuron between them into one",
        options={"assume_linear": names},
    ),
    Pass(
        name="dead_neuron_elimination",
        short="eliminate_dead",
        apply=eliminate_dead,
        summary="neurons measured dead (or proven silent)",
        options={"threshold": number},
    ),
    Pass(
        name="weight_pruning",
        short="prune",
        apply=prune_weights,
        summary="weights that matter least to 0",
        options={"tolerance": number, "sparsity": number_or_none, "pattern": pair_or_none, "by": text},
    ),
    Pass(
        name="neuron_pruning",
        short="prune_neurons",
        apply=prune_neurons,
        summary="neurons that matter least",
        options={"keep": number, "by": text},
    ),
    Pass(
        name="weight_quantization",
        short="quantize",
        apply=quantize_weights,
        summary="weights to 8 or 4 bits",
        options={"bits": whole, "power_of_two": flag},
    ),
    Pass(
        name="low_rank_factorization",
        short="factorize",
        apply=factorize_layers,
        summary="one matrix as two thin ones",
        options={"energy": number},
    ),
)

PASSES: Final[Mapping[str, Pass]] = MappingProxyType({p.name: p for p in _ALL})
EXACT_PASSES: Final = tuple(p.name for p in _ALL if p.exact)
DEFAULT_PASSES: Final = ("dead_neuron_elimination", *EXACT_PASSES)
BY_EITHER_NAME: Final = {**{p.short: p for p in _ALL}, **PASSES}
