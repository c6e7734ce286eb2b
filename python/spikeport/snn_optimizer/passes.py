"""The passes by name, in the order in which exact ones run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from spikeport.errors import GraphError
from spikeport.snn_optimizer.dead import eliminate_dead
from spikeport.snn_optimizer.elimination import eliminate_silent, eliminate_unread, fold_constants
from spikeport.snn_optimizer.fusion import fuse_layers
from spikeport.snn_optimizer.low_rank import factorize_layers
from spikeport.snn_optimizer.pruning import prune_neurons, prune_weights
from spikeport.snn_optimizer.quantization import quantize_weights
from spikeport.snn_optimizer.redundancy import merge_duplicates
from spikeport.snn_optimizer.rewrite import Rewrite
from spikeport.snn_optimizer.scales import fold_scales


@dataclass(frozen=True)
class Pass:
    """A pass: its documented name, its short one, whether it is exact by itself, and what it does."""

    name: str
    short: str
    exact: bool
    apply: Callable[..., Rewrite]
    says: str


_ALL = (
    Pass("silent_neuron_elimination", "eliminate_silent", True, eliminate_silent, "neurons proven silent"),
    Pass("constant_folding", "fold_constants", True, fold_constants, "constant neurons and inputs into the next bias"),
    Pass(
        "unread_neuron_elimination", "eliminate_unread", True, eliminate_unread, "neurons whose outgoing weights are 0"
    ),
    Pass("redundancy_elimination", "merge", True, merge_duplicates, "equal neurons into one, columns summed"),
    Pass("scale_folding", "fold_scales", True, fold_scales, "thresholds and scales to one number"),
    Pass("layer_fusion", "fuse", True, fuse_layers, "layers with no neuron between them into one"),
    Pass(
        "dead_neuron_elimination", "eliminate_dead", False, eliminate_dead, "neurons measured dead (or proven silent)"
    ),
    Pass("weight_pruning", "prune", False, prune_weights, "weights that matter least to 0"),
    Pass("neuron_pruning", "prune_neurons", False, prune_neurons, "neurons that matter least"),
    Pass("weight_quantization", "quantize", False, quantize_weights, "weights to 8 or 4 bits"),
    Pass("low_rank_factorization", "factorize", False, factorize_layers, "one matrix as two thin ones"),
)

PASSES: Final[Mapping[str, Pass]] = MappingProxyType({p.name: p for p in _ALL})
EXACT_PASSES: Final = tuple(p.name for p in _ALL if p.exact)
DEFAULT_PASSES: Final = ("dead_neuron_elimination", *EXACT_PASSES)
_NAMES: Final = {**{p.short: p for p in _ALL}, **PASSES}


@dataclass(frozen=True)
class Step:
    """A pass and its options; ``is_exact`` says whether it is one of those whose order does not matter."""

    chosen: Pass
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """Exact passes with options that keep them so (a tolerance, or a layer assumed linear, does not)."""
        return self.chosen.exact and not any(self.options.get(key) for key in ("tolerance", "assume_linear"))


Request = str | tuple[str, Mapping[str, Any]]


def resolve(passes: Sequence[Request] | None) -> list[Step]:
    """Return the steps that ``passes`` name: a long or a short name each, or (name, options).

    Raises `GraphError` (a ValueError) with ``unknown_pass`` or ``unknown_option``, before any work, listing what
    there is.
    """
    if isinstance(passes, str):
        raise GraphError("unknown_pass", f"passes is the text {passes!r}: give a list of names, as in [{passes!r}]")
    steps = []
    for request in DEFAULT_PASSES if passes is None else passes:
        name, options = (request, {}) if isinstance(request, str) else _pair(request)
        chosen = _NAMES.get(name)
        if chosen is None:
            there_are = ", ".join(f"{p.name} ({p.short})" for p in _ALL)
            raise GraphError("unknown_pass", f"no pass is called {name!r}: there are {there_are}")
        known = [p.name for p in inspect.signature(chosen.apply).parameters.values() if p.kind is p.KEYWORD_ONLY]
        unknown = sorted(set(options) - set(known))
        if unknown:
            takes = f"takes {', '.join(known)}" if known else "takes no option"
            raise GraphError("unknown_option", f"{chosen.name} {takes}, not {', '.join(unknown)}")
        _check_types(chosen, options)
        steps.append(Step(chosen, dict(options)))
    return steps


def _check_types(chosen: Pass, options: Mapping[str, Any]) -> None:
    kinds: dict[str, Any] = {
        "float": (int, float),
        "int": int,
        "bool": bool,
        "str": str,
        "tuple": tuple,
        "Collection": Collection,
    }
    for key, value in options.items():
        annotation = str(inspect.signature(chosen.apply).parameters[key].annotation)
        kind = annotation.split(" | ")[0].split("[")[0]
        none_allowed = value is None and annotation.endswith("None")
        if not none_allowed and (not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "bool")):
            raise GraphError("unknown_option", f"{chosen.name}: {key}={value!r} is not what it takes: {annotation}")


def _pair(request: Any) -> tuple[Any, Mapping[str, Any]]:
    if isinstance(request, tuple) and len(request) == 2 and isinstance(request[1], Mapping):
        return request
    raise GraphError("unknown_pass", f"{request!r} is no pass: give a name, or (name, {{option: value}})")
