"""The documented functions: one pass each, on a graph, returning the new graph and what the pass did."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.cost import neurons_of
from spikeport.snn_optimizer.models import as_graph
from spikeport.snn_optimizer.outcome import PassResult
from spikeport.snn_optimizer.passes.request import resolve
from spikeport.snn_optimizer.proofs.bounds import InputRange
from spikeport.snn_optimizer.proofs.scope import Scope, as_data
from spikeport.snn_optimizer.replay.verification import verify
from spikeport.snn_optimizer.surgery.rewrite import detach


def dead_neuron_elimination(
    graph: Any, threshold: float = 0.001, *, data: npt.ArrayLike | None = None, timesteps: int = 16
) -> tuple[SNNGraph, PassResult]:
    """Remove hidden neurons that never fire: rows of weights, and the columns of the next layer with them.

    Parameters
    ----------
    threshold : neurons whose ``firing_rates`` are below it are dead; what they sent on average goes into the next bias
    data : (samples, n_inputs), to measure rates on for ``timesteps`` steps where the layers carry none; without
        rates and without data, neurons that are proven silent go

    The output layer stays whole, and no layer loses its last neuron. The input is never changed. The certificate of
    what was measured on ``data`` is "measured" on them; of rates that were given it is "unchecked".

    Raises `GraphError` as `optimize` does.
    """
    return _run("dead_neuron_elimination", graph, Scope(data=as_data(data), timesteps=timesteps), threshold=threshold)


def layer_fusion(graph: Any, *, assume_linear: Collection[str] = ()) -> tuple[SNNGraph, PassResult]:
    """Fuse adjacent layers that no spiking neuron separates into one matrix, ``W₂ @ W₁``, where that is no larger.

    Parameters
    ----------
    assume_linear : names of spiking layers to treat as linear all the same (the documented condition): not the same
        network

    Raises `GraphError` as `optimize` does, and with ``name`` for a name that is no hidden layer.
    """
    return _run("layer_fusion", graph, Scope(), assume_linear=assume_linear)


def redundancy_elimination(
    graph: Any, correlation_threshold: float = 0.99, *, tolerance: float = 0.0, input_range: InputRange | None = None
) -> tuple[SNNGraph, PassResult]:
    """Merge hidden neurons with equal (or, with a tolerance, near-equal) rows, bias and neuron; outgoing weights
    are summed.

    Parameters
    ----------
    correlation_threshold : near-equal rows must correlate at least so much; it does not suffice, being blind to scale
    tolerance : how far the currents of two merged neurons may be apart in one step, in thresholds; 0 merges equal
        ones only
    input_range : (low, high) of every input value, for the bound of near-equal neurons; None takes [-1, 1]

    Raises `GraphError` as `optimize` does, and with ``tolerance`` or ``correlation_threshold``.
    """
    scope = Scope(input_range=input_range)
    return _run(
        "redundancy_elimination", graph, scope, correlation_threshold=correlation_threshold, tolerance=tolerance
    )


def _run(name: str, model: Any, scope: Scope, **options: Any) -> tuple[SNNGraph, PassResult]:
    before = as_graph(model)
    before.validate()
    scope.check(before)
    request = resolve([(name, options)])[0]
    rewrite = request.run(before, scope)
    after, certificate = detach(rewrite.graph, before), rewrite.certificate
    if certificate.level == "unchecked" and scope.data is not None:
        seen = verify(before, after, scope.data, timesteps=scope.timesteps, survivors=rewrite.survivors)
        certificate = Certificate("measured", certificate.reason, **seen.figures())
    result = PassResult(
        name=name,
        neurons_removed=neurons_of(before) - neurons_of(after),
        layers_fused=rewrite.layers_fused,
        params_before=before.n_params,
        params_after=after.n_params,
        certificate=certificate,
        changed=rewrite.changed,
        options=dict(request.options),
    )
    return after, result
