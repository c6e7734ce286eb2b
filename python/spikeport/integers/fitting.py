"""Scales that hold: as fine as bits, 32-bit sums and what stands behind a node allow, with its weights rounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.integers import neurons
from spikeport.integers.budget import MOST, Budget, within
from spikeport.integers.inputs.step import InputStep
from spikeport.integers.joins import Joint, joint, stages
from spikeport.integers.outlook import room_behind
from spikeport.integers.rows import Rows, WholeRows, rounded
from spikeport.integers.signals import Carried
from spikeport.kernels import PlacedNetwork, PlacedNode
from spikeport.kernels.bounds import node_reach
from spikeport.neuron import Neuron

Array = npt.NDArray[Any]

SMALLER: Final = 0.97
"""By how much scales shrink, again and again, while rounded weights still pass a bound that real ones keep."""

TRIALS: Final = 100


class Alone(NamedTuple):
    """A node's own weights in whole numbers, its scale (units,), and its whole thresholds, None without neurons."""

    rows: WholeRows
    scale: Array
    thresholds: Array | None


class Together(NamedTuple):
    """What a node adds, on one scale: the weights among it in whole numbers, and the largest sum."""

    joint: Joint
    rows: list[WholeRows]
    most: float


@dataclass(frozen=True)
class Fitting:
    """Finds the scales of the nodes of a float network, which is given with all that it is made for."""

    network: PlacedNetwork
    budget: Budget
    input: InputStep

    def is_output(self, node: PlacedNode) -> bool:
        """Whether a node is the last one, whose units share one scale."""
        return node is self.network.nodes[-1]

    def alone(self, node: PlacedNode, rows: Rows) -> Alone:
        """Return a node's rows with the largest scales of their own; raise `GraphError` ``bits`` where none holds."""
        units = len(rows.bias)
        limit = within(self.budget, rows.reach, neurons.height(node.neuron, units), rows.scale(self.budget))
        limit = np.minimum(limit, self._room(node, rows.reach, rows.unit))
        if self.is_output(node):
            limit = np.full(units, limit.min())
        for _ in range(TRIALS):
            scale, θ = self._scales(node, limit)
            found = rounded(rows, scale, self.budget)
            if self._holds(node.neuron, θ, scale, float(found.reach.max())):
                return Alone(found, scale, θ)
            limit = limit * SMALLER
        raise self.too_coarse(node)

    def together(self, node: PlacedNode, free: Sequence[Rows], fixed: Sequence[Carried]) -> Together | None:
        """Return one scale for all that ``node`` reads: rows that may follow, and signals that have their step.

        None where no scale is fine enough.
        """
        reach = sum((rows.reach for rows in free), np.zeros(node.shape[0]))
        units = sum(rows.unit for rows in free) + sum(source.most for source in fixed)
        limit = self._room(node, sum((source.step * source.most for source in fixed), reach), units)
        for _ in range(TRIALS):
            found = joint(free, fixed, node.neuron, self.budget, limit, self.is_output(node))
            if found is None:
                return None
            whole = [rounded(rows, found.scale, self.budget) for rows in free]
            most = sum(float(rows.reach.max()) for rows in whole)
            for factor, source in zip(found.factors, fixed, strict=True):
                most += math.prod(int(stage.max()) for stage in stages(factor, self.budget)) * source.most
            if self._holds(node.neuron, found.thresholds, found.scale, most):
                return Together(found, whole, most)
            limit = np.minimum(limit, found.scale) * SMALLER
        return None

    def too_coarse(self, node: PlacedNode) -> GraphError:
        """Return the error that says that too few bits are left to a node, and what to do."""
        behind = "" if node.neuron.is_spiking else "; between layers without neurons nothing is rounded, so fold them"
        return GraphError(
            "bits",
            f"{node.name}: so few of {self.budget.bits} bits are left to its weights that it would be another network: "
            f"sums of a run of {self.budget.timesteps} steps, on inputs up to {self.input.largest:,}, must stay below "
            "2^31, or weights are too large beside a threshold. Take bits=16, fewer timesteps, or smaller "
            f"inputs{behind}",
        )

    def _scales(self, node: PlacedNode, limit: Array) -> tuple[Array, Array | None]:
        """Return scales up to ``limit`` with which thresholds are whole, and these; None without neurons."""
        if not node.neuron.is_spiking:
            return limit, None
        each = np.asarray(node.neuron.threshold)
        if self.is_output(node) and each.min() != each.max():  # one scale, whatever the thresholds are
            return limit, neurons.thresholds_near(node.neuron, limit)
        θ = neurons.thresholds_below(node.neuron, limit)
        if not θ.all():
            raise self.too_coarse(node)
        return np.asarray(θ / node.neuron.threshold), θ

    def _holds(self, neuron: Neuron, θ: Array | None, scale: Array, most: float) -> bool:
        whole = neuron if θ is None else neurons.whole(neuron, θ, scale)
        return node_reach(whole, self.budget.timesteps, most) <= MOST

    def _room(self, node: PlacedNode, reach: Array, unit: float) -> Array:
        """Return the scales with which a node without neurons hands on no more than what reads it has room for.

        ``unit`` is the largest value that it hands on where its largest weight is 1.
        """
        if node.neuron.is_spiking or self.is_output(node):
            return np.full(len(reach), np.inf)
        room = room_behind(self.network, node.name, unit, self.budget)
        return np.divide(room, reach, out=np.ones(len(reach)), where=reach > 0)
