"""The passes by name, in the order in which exact ones run."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.dead import eliminate_dead
from spikeport.snn_optimizer.elimination import eliminate_silent, eliminate_unread, fold_constants
from spikeport.snn_optimizer.fusion import fuse_layers
from spikeport.snn_optimizer.low_rank import factorize_layers
from spikeport.snn_optimizer.pruning import prune_neurons, prune_weights
from spikeport.snn_optimizer.quantization import quantize_weights
from spikeport.snn_optimizer.redundancy import merge_duplicates
from spikeport.snn_optimizer.rewrite import Rewrite
from spikeport.snn_optimizer.scales import fold_scales
from spikeport.snn_optimizer.scope import Scope


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


Request = str | tuple[str, Mapping[str, Any]]


def resolve(passes: Sequence[Request] | None) -> list[Step]:
    """Return the steps that ``passes`` name: a long or a short name each, or (name, options).

    Raises `GraphError` (a ValueError) with ``unknown_pass`` or ``unknown_option``, before any work, listing what
    there is.
    """
    if isinstance(passes, str):
        raise GraphError("unknown_pass", f"passes is the text {passes!r}: give a list of names, as in [{passes!r}]")
    if passes is not None and not isinstance(passes, Iterable):
        raise GraphError("unknown_pass", f"passes is {passes!r}: give a list of names, as in ['merge', 'fuse']")
    steps = []
    for request in DEFAULT_PASSES if passes is None else passes:
        name, options = (request, {}) if isinstance(request, str) else _pair(request)
        if name not in _NAMES:
            there_are = ", ".join(f"{p.name} ({p.short})" for p in _ALL)
            raise GraphError("unknown_pass", f"no pass is called {name!r}{_near(name, _NAMES)}: there are {there_are}")
        steps.append(Step(_NAMES[name], checked_options(_NAMES[name], options)))
    return steps


def checked_options(chosen: Pass, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as Python's own numbers, or raise `GraphError` with ``unknown_option``."""
    known = [p.name for p in inspect.signature(chosen.apply).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for key in options:
        if key not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no option"
            raise GraphError("unknown_option", f"{chosen.name} {takes}, not {key!r}{_near(key, known)}")
    return {key: _checked(chosen, key, value) for key, value in options.items()}


def _checked(chosen: Pass, key: str, value: Any) -> Any:
    kinds: dict[str, Any] = {
        "float": (int, float),
        "int": int,
        "bool": bool,
        "str": str,
        "tuple": tuple,
        "Collection": Collection,
    }
    annotation = str(inspect.signature(chosen.apply).parameters[key].annotation)
    kind = annotation.split(" | ")[0].split("[")[0]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None and annotation.endswith("None"):
        return None
    fits = isinstance(value, kinds[kind]) and (kind == "bool" or not isinstance(value, bool))
    if kind == "tuple" and isinstance(value, tuple | list):
        value = tuple(value)
        fits = all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    if kind == "Collection" and isinstance(value, Collection):
        value = [value] if isinstance(value, str) else list(value)
    if not fits:
        raise GraphError("unknown_option", f"{chosen.name}: {key}={value!r} is not what it takes: {annotation}")
    return value


def _near(given: Any, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(given), list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _pair(request: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(request, tuple | list) and len(request) == 2:
        name, options = request
        if isinstance(name, str) and isinstance(options, Mapping):
            return name, options
    raise GraphError("unknown_pass", f"{request!r} is no pass: give a name, or (name, {{option: value}})")
