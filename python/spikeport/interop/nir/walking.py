"""A NIR graph in time: residual ones, nested ones and those with circles among them.

Steps of ``dt``; each node once a step, behind what feeds it. Several edges into a node add. What a Delay of one step
or more sends is known when the step begins; an edge that closes a circle without one brings the value of the step
before. Membranes start at 0 (`spikeport.interop.nir.neurons`), fire for ``v > θ``, and sums are taken in the order of
our contract, in float32 where all weights are of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.interop.nir.geometry import computes_in
from spikeport.interop.nir.stepping import Late, step_of
from spikeport.interop.nir.view import in_order, view_of

Array = npt.NDArray[Any]


def run_nir(graph: Any, x: npt.ArrayLike, *, dt: float = 1.0) -> Array:
    """Run a ``nir.NIRGraph`` and return what its Output receives, shape (T, batch, *output_shape).

    ``x`` is what its Input sends at each step, shape (T, batch, *input_shape). Raises as `signals_of`.
    """
    output = view_of(graph).output
    return signals_of(graph, x, [output], dt=dt)[output]


def signals_of(
    graph: Any, x: npt.ArrayLike, names: Iterable[str] | None = None, *, dt: float = 1.0
) -> dict[str, Array]:
    """Run a ``nir.NIRGraph`` and return what the named nodes, or all,
    pass on: (T, batch, …) each.

    Parameters
    ----------
    x : what the Input sends at each step, shape (T, batch, *input_shape)
    names : of nodes; those of nested graphs are called ``<graph>.<node>``
    dt : the length of a step, in the unit of the graph's time constants and delays

    Raises `GraphError` ``operation`` for nodes that NIR has not, ``shape`` where signals do not fit, ``not_exact`` for
    a delay of no whole number of steps, ``inputs`` for a graph without one Input and one Output.
    """
    view = view_of(graph)
    dtype = computes_in(view.nodes)
    wanted = list(view.nodes) if names is None else list(names)
    if missing := [name for name in wanted if name not in view.nodes]:
        raise GraphError("name", f"no node is called {', '.join(missing)}: there are {', '.join(view.nodes)}")
    fed = np.asarray(x, dtype)
    shape = tuple(int(n) for n in np.ravel(view.nodes[view.input].input_type["input"]))
    if fed.shape[2:] != shape or fed.ndim < 2 or not len(fed):
        sizes = ", ".join(map(str, shape))
        raise GraphError("shape", f"x has shape {fed.shape}: give (T, batch, {sizes}), T at least 1")
    steps = {name: step_of(name, node, dtype, dt) for name, node in view.nodes.items() if name != view.input}
    late = {name: step for name, step in steps.items() if isinstance(step, Late) and step.is_late}
    order, _ = in_order({n: [] if n in late else view.sources[n] for n in view.sources})
    order = [name for name in order if name != view.input and name not in late]
    kept: dict[str, list[Array]] = {name: [] for name in wanted}
    signals: dict[str, Array] = {}
    for frame in fed:
        signals |= {name: step.due(len(frame), 1) for name, step in late.items()} | {view.input: frame}
        for name in [*order, *late]:
            arriving = [signals[source] for source in view.sources[name] if source in signals]
            if not arriving:
                raise GraphError("inputs", f"{name} is fed by nothing")
            sent = steps[name].step(arriving)
            if name not in late:
                signals[name] = sent
        for name in wanted:
            kept[name].append(signals[name])
    return {name: np.array(frames) for name, frames in kept.items()}
