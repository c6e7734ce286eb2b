"""The optimiser as a caller meets it: `optimize`, and `SNNOptimizer` for many models with the same options.

A caller gets a smaller model of the kind that was given, and a report of what every pass saved and what it did to the
answer. Arguments are checked before any work. In which order passes run is told in
`spikeport.snn_optimizer.pass_manager`; with ``max_accuracy_drop`` the passes and their strengths are those that
`spikeport.snn_optimizer.budget` finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_real, is_whole, takes
from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.report.progress import bar
from spikeport.snn_optimizer.budget import Labelled, search
from spikeport.snn_optimizer.models import as_graph, in_integers, like, timesteps_of
from spikeport.snn_optimizer.pass_manager import PassManager
from spikeport.snn_optimizer.passes.request import RequestLike, resolve
from spikeport.snn_optimizer.proofs.bounds import InputRange
from spikeport.snn_optimizer.proofs.scope import Scope, as_data
from spikeport.snn_optimizer.report import OptimizationReport
from spikeport.snn_optimizer.whole_numbers import Quantise, WholeNetwork, check_quantise

Array = npt.NDArray[Any]


@takes("timesteps", instead_of="T")
def optimize(
    model: Any,
    passes: Sequence[RequestLike] | None = None,
    *,
    data: Any = None,
    max_accuracy_drop: float | None = None,
    quantise: Quantise | None = None,
    input_range: InputRange | None = None,
    horizon: int | None = None,
    timesteps: int | None = None,
    encoding: str = "current",
    seed: int = 0,
    verification: bool = True,
    progress: bool = False,
) -> tuple[Any, OptimizationReport]:
    """Return a smaller model and the report of what every pass did to the answer. The input is never changed.

    Any graph will do: what a pass does not know, an operation of a kind of its own, it leaves as it is, with what feeds
    it.

    What goes in comes back as what it was: an `SNNGraph` as an `SNNGraph`, a checkpoint as a checkpoint (metadata kept,
    frozen layers that are still there), a converted network as a converted network where it can hold the result, else,
    as anything else, as an `SNNGraph`.

    Parameters
    ----------
    model : an `SNNGraph`, or whatever `spikeport.snn_optimizer.as_graph` takes
    passes : names, long or short, or (name, options); by default measured-dead elimination and all exact passes. An
        empty list runs none. Not together with ``max_accuracy_drop``, which chooses passes itself
    data : (samples, *input_shape), or a pair (inputs, labels): what measured passes measure on and the verification
        replays; flat samples do too
    max_accuracy_drop : share of right answers that may be lost, e.g. 0.005; searches passes and strengths on ``data``,
        half of it to choose on and half to hold the result to; give data that the network was not trained on
    quantise : `spikeport.integers.quantize`, or a function (graph, bits, data) like it: that search then looks for
        whole numbers of 16 or 8 bits instead of a grid of floats. Where it takes them, a converted network comes back
        as one of integers, and anything else as what the function makes
    input_range : (low, high) that every input value is known to lie in, numbers or arrays of the input's shape; None
        proves for any input whatever, or for any spikes where ``encoding`` is "poisson"
    horizon : longest run, in steps, that proofs must hold for; None for any
    timesteps, encoding, seed : how data and drives are run; ``timesteps`` by default that of the model, or 16, or
        ``horizon`` where that is shorter; under "poisson" ``input_range`` is that of the rates. Nothing is proven
        of runs on pulses, where biases act at the first step alone
    verification : replay the graph before and after on data or random drives and on adversarial ones
    progress : show a progress bar on standard error

    Raises
    ------
    GraphError (a ValueError) ``model``, ``unknown_pass``, ``unknown_option``, ``input_range``, ``timesteps``,
        ``encoding`` (a lossless network, which runs on pulses, has it too), ``seed``, ``shape``, ``dtype``,
        ``non_finite``, ``data``, ``budget``, before any work; and the codes of the passes' options.
    """
    before = as_graph(model)
    before.validate()
    x, labels = _pair(data)
    usual = timesteps_of(model) or (min(16, horizon) if horizon is not None and is_whole(horizon) else 16)
    scope = Scope(
        input_range=input_range,
        horizon=horizon,
        data=x,
        timesteps=usual if timesteps is None else timesteps,
        encoding=encoding,
        seed=seed,
    )
    scope.check(before)
    if labels is not None and ((labels < 0).any() or (labels >= before.n_outputs).any()):
        span, outputs = f"{labels.min()} to {labels.max()}", before.n_outputs
        raise GraphError("data", f"labels go from {span}, but there are {outputs} outputs: give 0 to {outputs - 1}")
    check_quantise(quantise, scope, max_accuracy_drop)
    if max_accuracy_drop is not None:
        graph, report, whole = _within_budget(
            before, passes, scope, labels, max_accuracy_drop, quantise, verification, progress
        )
        smaller = like(model, graph, report.survivors)
        return smaller if whole is None else in_integers(smaller, whole), report
    requests = resolve(passes)
    manager = PassManager(before, scope, labels, verification)
    with bar("passes", len(requests), shown=progress) as advance:
        manager.run(requests, advance)
    graph, report = manager.finished()
    return like(model, graph, report.survivors), report


class SNNOptimizer:
    """The optimiser as an object: options once, many models.

    >>> optimizer = SNNOptimizer(input_range=(0.0, 1.0))
    >>> smaller = optimizer.optimize(model, passes=["fuse", "merge", "eliminate_dead"])
    >>> print(optimizer.report)

    Parameters
    ----------
    options : what `optimize` takes by keyword

    Attributes
    ----------
    report : the `OptimizationReport` of the last call, None before the first
    """

    def __init__(self, **options: Any) -> None:
        taken = [one.name for one in signature(optimize).parameters.values() if one.kind is one.KEYWORD_ONLY]
        unknown = sorted(set(options) - set(taken))
        if unknown:
            known = ", ".join(taken)
            raise GraphError("unknown_option", f"SNNOptimizer takes {known}, not {', '.join(unknown)}")
        self.options = options
        self.report: OptimizationReport | None = None

    def optimize(self, model: Any, passes: Sequence[RequestLike] | None = None, **options: Any) -> Any:
        """Return the optimised model as `optimize` does; the report is kept in ``report``."""
        smaller, self.report = optimize(model, passes, **{**self.options, **options})
        return smaller


def _within_budget(
    before: SNNGraph,
    passes: Sequence[RequestLike] | None,
    scope: Scope,
    labels: Array | None,
    drop: float,
    quantise: Quantise | None,
    verification: bool,
    progress: bool,
) -> tuple[SNNGraph, OptimizationReport, WholeNetwork | None]:
    if passes is not None:
        raise GraphError("budget", "max_accuracy_drop chooses passes itself: give one or the other")
    if scope.data is None or labels is None:
        raise GraphError("budget", "max_accuracy_drop needs data=(inputs, labels) to measure accuracy on")
    if not is_real(drop) or not 0 <= drop < 1:
        raise GraphError("budget", f"max_accuracy_drop must be a share in [0, 1), not {drop!r}")
    if len(scope.data) < 4:
        raise GraphError("budget", "max_accuracy_drop needs at least 4 samples: to fit, to judge, and to measure on")
    choose, hold = Labelled(scope.data[::2], labels[::2]), Labelled(scope.data[1::2], labels[1::2])
    with bar("searching", None, shown=progress) as advance:
        found = search(before, choose, hold, scope, drop, advance, quantise)
    held = replace(scope, data=hold.inputs)
    for setting, point in found.settings:  # fitted again, on all there is to choose on: most often the first one holds
        manager = PassManager(before, replace(scope, data=choose.inputs), hold.labels, verification, held)
        manager.run(resolve(setting), lambda count: None)
        whole = None
        if quantise is not None and point is not None and point.bits is not None:
            whole = manager.in_whole_numbers(quantise, point.bits)
            if whole is None:
                continue
        if manager.accuracy_lost <= drop:
            break
    front = [replace(one, taken=one == point) for one in found.front]
    return *manager.finished(front), whole


def _pair(data: Any) -> tuple[Array | None, Array | None]:
    if not isinstance(data, tuple):
        return as_data(data), None
    if len(data) != 2:
        raise GraphError("data", f"data is a tuple of {len(data)}: give inputs, or the pair (inputs, labels)")
    x = as_data(data[0])
    try:
        labels = np.asarray(data[1])
    except ValueError:
        raise GraphError("data", "labels are ragged: give one whole number per sample") from None
    if x is None or labels.ndim != 1 or len(labels) != len(x) or labels.dtype.kind not in "iu":
        raise GraphError(
            "data", f"labels have shape {labels.shape} and dtype {labels.dtype}: give one whole number per sample"
        )
    return x, labels
