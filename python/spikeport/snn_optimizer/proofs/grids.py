"""On which grid the values of every signal of a graph lie, node by node.

Spikes are whole numbers. What a node without neurons passes on lies on a grid where its sums are exact; `concat` passes
on the finer of its grids, a pool adds so many values, and an average divides by a power of two or leaves the grid. What
arrives from outside lies on none, nor does what a max pool makes of graded values, whose running sums round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode, SNNGraph
from spikeport.graph.signals import dtype_of
from spikeport.kernels import INPUT
from spikeport.operations import Pool
from spikeport.snn_optimizer.proofs.arithmetic import Grid, output_grid
from spikeport.snn_optimizer.proofs.bounds import Ends, InputRange, ends_without_proofs, input_bounds
from spikeport.snn_optimizer.surgery.units import is_rewritable

Array = npt.NDArray[Any]


def input_grids(graph: SNNGraph, input_range: InputRange | None) -> tuple[dict[str, Grid], str]:
    """Return the grid of what every node with weights reads, by the node's name, and the words for it.

    A range that is open is taken to end at ±1.
    """
    low, high = input_bounds(graph.n_inputs, input_range)
    is_open = not (np.isfinite(low).all() and np.isfinite(high).all())
    low = np.where(np.isfinite(low), low, np.minimum(-1.0, np.where(np.isfinite(high), high, 0.0)))
    high = np.where(np.isfinite(high), high, np.maximum(1.0, low))
    return grids_from_ends(graph, ends_without_proofs(graph, (low, high))), (
        "inputs of magnitude at most 1" if is_open else "inputs in range"
    )


def grids_from_ends(graph: SNNGraph, ends: Mapping[str, Sequence[Ends]]) -> dict[str, Grid]:
    """Return the grid of what every node reads, by its name: of `concat` the first signal's, of `add` none, and the
    magnitudes of all in sum.

    ``ends`` are (low, high) of every signal that a node reads.
    """
    units: dict[str, float | None] = {INPUT: None}
    found: dict[str, Grid] = {}
    for k, node in enumerate(graph.layers):
        bounds = [np.maximum(np.abs(low), np.abs(high)) for low, high in ends[node.name]]
        grids = [Grid(units[source], bound) for source, bound in zip(graph.reads(k), bounds, strict=True)]
        found[node.name] = grids[0]
        if node.operation.kind == "add":
            found[node.name] = Grid(None, np.sum(bounds, axis=0))
        units[node.name] = _passed_on(node, grids, dtype_of(graph))
    return found


def _passed_on(node: LayerNode, grids: Sequence[Grid], dtype: np.dtype[Any]) -> float | None:
    """Return the unit of what a node passes on, or None."""
    if node.neuron.is_spiking:
        return 1.0
    units = [grid.unit for grid in grids]
    if any(unit is None for unit in units):
        return None
    finest, kind = min(unit for unit in units if unit is not None), node.operation.kind
    if is_rewritable(node):
        return output_grid(node, grids[0], grids[0].bound).unit
    if kind == "concat":
        return finest
    if kind == "max_pool":
        return finest if finest == 1 and float(grids[0].bound.max()) <= 1 else None
    if kind == "add":
        return finest if _fits(sum(grid.bound for grid in grids), finest, dtype) else None
    if kind in ("sum_pool", "avg_pool") and isinstance(node.operation, Pool):
        places = math.prod(node.operation.window.kernel)
        if not _fits(places * grids[0].bound.max(), finest, dtype):
            return None
        if kind == "sum_pool":
            return finest
        return finest / places if places & (places - 1) == 0 and finest / places > np.finfo(dtype).tiny else None
    return None


def _fits(mass: Any, unit: float, dtype: np.dtype[Any]) -> bool:
    """Whether every sum of multiples of ``unit`` of so great magnitudes is exact."""
    most = float(np.max(mass)) * (1 + 1e-9)
    return bool(most <= unit * 2.0 ** (np.finfo(dtype).nmant + 1))
