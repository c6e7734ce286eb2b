"""What is asked of the optimiser: passes by name, with options, checked before any work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.passes.registry import BY_EITHER_NAME, DEFAULT_PASSES, PASSES, Pass
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.surgery.rewrite import Rewrite


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
            if not all(np.isfinite(array).all() for array in layer.operation.arrays().values()):
                raise GraphError(
                    "non_finite",
                    f"{self.chosen.name} would give {layer.name} numbers too large for {layer.operation.dtype}: "
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
        if name not in BY_EITHER_NAME:
            there_are = ", ".join(f"{p.name} ({p.short})" for p in PASSES.values())
            raise GraphError(
                "unknown_pass", f"no pass is called {name!r}{_near(name, BY_EITHER_NAME)}: there are {there_are}"
            )
        requests.append(Request(BY_EITHER_NAME[name], checked_options(BY_EITHER_NAME[name], options)))
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
