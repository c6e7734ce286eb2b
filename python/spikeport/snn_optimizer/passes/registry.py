"""The passes by name, in the order in which exact ones run."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
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
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.surgery.rewrite import Rewrite


@dataclass(frozen=True)
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
    exact: bool
    apply: Callable[..., Rewrite]
    summary: str
    options: Mapping[str, Check] = field(default_factory=dict)


_ALL = (
    Pass("silent_neuron_elimination", "eliminate_silent", True, eliminate_silent, "neurons proven silent"),
    Pass("constant_folding", "fold_constants", True, fold_constants, "constant neurons and inputs into the next bias"),
    Pass(
        "unread_neuron_elimination", "eliminate_unread", True, eliminate_unread, "neurons whose outgoing weights are 0"
    ),
    Pass(
        "redundancy_elimination",
        "merge",
        True,
        merge_duplicates,
        "equal neurons into one, columns summed",
        {"tolerance": number, "correlation_threshold": number},
    ),
    Pass("scale_folding", "fold_scales", True, fold_scales, "thresholds and scales to one number"),
    Pass(
        "layer_fusion",
        "fuse",
        True,
        fuse_layers,
        "layers with no neuron between them into one",
        {"assume_linear": names},
    ),
    Pass(
        "dead_neuron_elimination",
        "eliminate_dead",
        False,
        eliminate_dead,
        "neurons measured dead (or proven silent)",
        {"threshold": number},
    ),
    Pass(
        "weight_pruning",
        "prune",
        False,
        prune_weights,
        "weights that matter least to 0",
        {"tolerance": number, "sparsity": number_or_none, "pattern": pair_or_none, "by": text},
    ),
    Pass(
        "neuron_pruning",
        "prune_neurons",
        False,
        prune_neurons,
        "neurons that matter least",
        {"keep": number, "by": text},
    ),
    Pass(
        "weight_quantization",
        "quantize",
        False,
        quantize_weights,
        "weights to 8 or 4 bits",
        {"bits": whole, "power_of_two": flag},
    ),
    Pass(
        "low_rank_factorization",
        "factorize",
        False,
        factorize_layers,
        "one matrix as two thin ones",
        {"energy": number},
    ),
)

PASSES: Final[Mapping[str, Pass]] = MappingProxyType({p.name: p for p in _ALL})
EXACT_PASSES: Final = tuple(p.name for p in _ALL if p.exact)
DEFAULT_PASSES: Final = ("dead_neuron_elimination", *EXACT_PASSES)
_NAMES: Final = {**{p.short: p for p in _ALL}, **PASSES}


@dataclass(frozen=True)
class Request:
    """A pass that was asked for, and its options; ``is_exact`` says whether it may run in any order with others."""

    chosen: Pass
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """Whether the pass is exact, and its options keep it so: a tolerance or a layer assumed linear does not."""
        return self.chosen.exact and not any(self.options.get(key) for key in ("tolerance", "assume_linear"))

    def run(self, graph: SNNGraph, scope: Scope) -> Rewrite:
        """Run the pass; raise `GraphError` with ``non_finite`` where that would leave the range of floats."""
        overflows: list[str] = []
        with np.errstate(over="call", invalid="call", divide="call", call=lambda kind, _: overflows.append(kind)):
            rewrite = self.chosen.apply(graph, scope, **self.options)
        for layer in rewrite.graph if overflows else ():
            if not (np.isfinite(layer.weights).all() and (layer.bias is None or np.isfinite(layer.bias).all())):
                raise GraphError(
                    "non_finite",
                    f"{self.chosen.name} would give {layer.name} numbers too large for {layer.weights.dtype}: "
                    "scale the network down, or leave the pass out",
                )
        return rewrite


RequestLike = str | tuple[str, Mapping[str, Any]]
"""How a caller names a pass: a long or a short name, or (name, options)."""


def resolve(passes: Sequence[RequestLike] | None) -> list[Request]:
    """Return what ``passes`` ask for: each is a long or a short name, or (name, options).

    Raises `GraphError` (a ValueError) with ``unknown_pass`` or ``unknown_option``, before any work, listing what
    there is.
    """
    if isinstance(passes, str):
        raise GraphError("unknown_pass", f"passes is the text {passes!r}: give a list of names, as in [{passes!r}]")
    if passes is not None and not isinstance(passes, Iterable):
        raise GraphError("unknown_pass", f"passes is {passes!r}: give a list of names, as in ['merge', 'fuse']")
    requests = []
    for asked in DEFAULT_PASSES if passes is None else passes:
        name, options = (asked, {}) if isinstance(asked, str) else _pair(asked)
        if name not in _NAMES:
            there_are = ", ".join(f"{p.name} ({p.short})" for p in _ALL)
            raise GraphError("unknown_pass", f"no pass is called {name!r}{_near(name, _NAMES)}: there are {there_are}")
        requests.append(Request(_NAMES[name], checked_options(_NAMES[name], options)))
    return requests


def checked_options(chosen: Pass, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as Python's own numbers, or raise `GraphError` with ``unknown_option``."""
    return {key: _checked(chosen, key, value) for key, value in options.items()}


def _checked(chosen: Pass, key: str, value: Any) -> Any:
    if key not in chosen.options:
        takes = f"takes {', '.join(chosen.options)}" if chosen.options else "takes no option"
        raise GraphError("unknown_option", f"{chosen.name} {takes}, not {key!r}{_near(key, chosen.options)}")
    try:
        return chosen.options[key](value)
    except TypeError as refused:
        raise GraphError("unknown_option", f"{chosen.name}: {key}={value!r} is not what it takes: {refused}") from None


def _near(given: Any, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(given), list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _pair(asked: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(asked, tuple | list) and len(asked) == 2:
        name, options = asked
        if isinstance(name, str) and isinstance(options, Mapping):
            return name, options
    raise GraphError("unknown_pass", f"{asked!r} is no pass: give a name, or (name, {{option: value}})")
