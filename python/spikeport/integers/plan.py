"""The walk over a float graph that says what each node is in whole numbers.

Input side first. A signal's step is handed on until weights read it, and goes into them. Weights that one sum alone
reads wait for it: all that it adds gets one scale.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.graph import LayerNode
from spikeport.integers import neurons
from spikeport.integers.budget import LARGEST_THRESHOLD, MOST, Budget, within
from spikeport.integers.evidence import Evidence
from spikeport.integers.inputs import InputStep
from spikeport.integers.joins import Joint, joint, stages
from spikeport.integers.outlook import room_behind
from spikeport.integers.rows import Rows, WholeRows, diagonal, rounded
from spikeport.integers.signals import Carried, largest_sent, unweighted
from spikeport.kernels import INPUT, PlacedNetwork, PlacedNode
from spikeport.kernels.bounds import node_reach
from spikeport.neuron import PASS_ON, Neuron
from spikeport.operations import Add, Operation, Shape, Weighted

Array = npt.NDArray[Any]

SMALLER: Final = 0.97
"""By how much scales shrink, again and again, while rounded weights still pass a bound that real ones keep."""

TRIALS: Final = 100


@dataclass
class Part:
    """What became of one node.

    Attributes
    ----------
    nodes : the node in whole numbers, behind those that were put before it
    rows : its weights, None where it has none
    shift : how far a current may be from the real one while the same whole numbers arrive, (units,): in thresholds,
        or without neurons as a share of the largest current
    """

    nodes: list[LayerNode]
    rows: WholeRows | None
    shift: Array


@dataclass
class Plan:
    """The network in whole numbers, of a float network that is given with all that it is made for."""

    network: PlacedNetwork
    budget: Budget
    input: InputStep
    evidence: Evidence | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    carried: dict[str, Carried] = field(default_factory=dict)
    output_step: float = 1.0
    _waiting: dict[str, tuple[PlacedNode, Rows]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.network.input_shape
        self.carried[INPUT] = Carried(np.full(shape[0], self.input.step), self.input.largest, shape)
        reads = Counter(name for node in self.network.nodes for name in node.inputs)
        adds = [node for node in self.network.nodes if isinstance(node.operation, Add)]
        self._free = {name for node in adds for name in node.inputs if reads[name] == 1}
        self._names = {INPUT, *(node.name for node in self.network.nodes)}
        for node in self.network.nodes:
            neurons.check_kind(node.name, node.neuron)
            if isinstance(node.operation, Weighted):
                self._weighted(node, node.operation)
            elif isinstance(node.operation, Add):
                self._added(node, {name: self._waiting.pop(name) for name in node.inputs if name in self._waiting})
            else:
                self._handed_on(node)

    @property
    def nodes(self) -> list[LayerNode]:
        """All nodes, in order."""
        return [layer for node in self.network.nodes for layer in self.parts[node.name].nodes]

    def _weighted(self, node: PlacedNode, operation: Weighted) -> None:
        source = self.carried[node.inputs[0]]
        evidence = self.evidence
        moments = None if evidence is None else evidence.moments(operation, node.inputs[0], source, node.shape)
        rows = Rows.of(operation, source, moments)
        if node.name in self._free and not node.neuron.is_spiking:
            self._waiting[node.name] = node, rows
        else:
            self._by_itself(node, rows)

    def _by_itself(self, node: PlacedNode, rows: Rows) -> None:
        """Take rows with the largest scales of their own."""
        units = len(rows.bias)
        limit = within(self.budget, rows.reach, neurons.height(node.neuron, units), rows.scale(self.budget))
        limit = np.minimum(limit, self._room(node, rows.reach, rows.unit))
        if self._is_output(node):
            limit = np.full(units, limit.min())
        for _ in range(TRIALS):
            scale, θ = self._scales(node, limit)
            found = rounded(rows, scale, self.budget)
            if self._holds(node.neuron, θ, scale, float(found.reach.max())):
                self._put(node, found, found.operation(self.budget), node.inputs, θ, scale, found.shift)
                return
            limit = limit * SMALLER
        raise self._too_coarse(node)

    def _scales(self, node: PlacedNode, limit: Array) -> tuple[Array, Array | None]:
        """Return scales up to ``limit`` with which thresholds are whole, and these; None without neurons."""
        if not node.neuron.is_spiking:
            return limit, None
        each = np.asarray(node.neuron.threshold)
        if self._is_output(node) and each.min() != each.max():  # one scale, whatever the thresholds are
            return limit, neurons.thresholds_near(node.neuron, limit)
        θ = neurons.thresholds_below(node.neuron, limit)
        if not θ.all():
            raise self._too_coarse(node)
        return np.asarray(θ / node.neuron.threshold), θ

    def _holds(self, neuron: Neuron, θ: Array | None, scale: Array, most: float) -> bool:
        whole = neuron if θ is None else neurons.whole(neuron, θ, scale)
        return node_reach(whole, self.budget.timesteps, most) <= MOST

    def _room(self, node: PlacedNode, reach: Array, unit: float) -> Array:
        """Return the scales with which a node without neurons hands on no more than what reads it has room for.

        ``unit`` is the largest value that it hands on where its largest weight is 1.
        """
        if node.neuron.is_spiking or self._is_output(node):
            return np.full(len(reach), np.inf)
        room = room_behind(self.network, node.name, unit, self.budget)
        return np.divide(room, reach, out=np.ones(len(reach)), where=reach > 0)

    def _added(self, node: PlacedNode, waiting: dict[str, tuple[PlacedNode, Rows]]) -> None:
        """Give one scale to all that a sum reads: to the weights that wait for it, by factors to all else."""
        inputs = node.inputs
        fixed = [name for name in inputs if name not in waiting]
        free, sources = [rows for _, rows in waiting.values()], [self.carried[name] for name in fixed]
        joined = self._joint(node, free, sources)
        if joined is None and waiting:  # what is fixed is too fine for these weights: they are multiplied as well
            for member, rows in waiting.values():
                self._by_itself(member, rows)
            self._added(node, {})
            return
        if joined is None:
            raise self._too_coarse(node)
        found, whole, most = joined
        for (member, _), made in zip(waiting.values(), whole, strict=True):
            self._put(member, made, made.operation(self.budget), member.inputs, None, found.scale, made.shift)
        before, names = list[LayerNode](), {}
        for name, factor in zip(fixed, found.factors, strict=True):
            if (factor != 1).any() and name not in names:
                names[name] = self._name(f"{node.name}.{name}")
                before += self._multiplied(name, names[name], node.shape, factor)
        off = sum((rows.shift for rows in whole), found.shift(sources))
        read = tuple(names.get(name, name) for name in inputs)
        self._put(node, None, node.operation, read, found.thresholds, found.scale, off, before, most)

    def _multiplied(self, source: str, name: str, shape: Shape, factor: Array) -> list[LayerNode]:
        """Return what multiplies the units of ``source``, in one node or two; the last one is called ``name``."""
        made = list[LayerNode]()
        for stage in stages(factor, self.budget):
            operation = diagonal(shape, stage.astype(self.budget.weight_type))
            made.append(LayerNode.of(name, operation, PASS_ON, (made[-1].name if made else source,)))
            made[-1].name = self._name(f"{name}.{len(made)}")
        made[-1].name = name
        return made

    def _handed_on(self, node: PlacedNode) -> None:
        """Take a pool or a concatenation as it is; what neurons read, or the output says, gets one scale behind it."""
        operation, raw = unweighted(node.operation, [self.carried[name] for name in node.inputs], node.shape)
        if not node.neuron.is_spiking and not self._is_output(node):
            self._put(node, None, operation, node.inputs, None, 1 / raw.step, np.zeros(len(raw.step)), most=raw.most)
            return
        joined = self._joint(node, [], [raw])
        if joined is None:
            raise self._too_coarse(node)
        found, _, most = joined
        before, inputs, (factor,) = list[LayerNode](), node.inputs, found.factors
        if (factor != 1).any():
            before = [LayerNode.of(self._name(f"{node.name}.{operation.kind}"), operation, PASS_ON, node.inputs)]
            before += self._multiplied(before[0].name, node.name, node.shape, factor)
            operation, inputs = before[-1].operation, before.pop().inputs
        self._put(node, None, operation, inputs, found.thresholds, found.scale, found.shift([raw]), before, most)

    def _joint(
        self, node: PlacedNode, free: list[Rows], fixed: list[Carried]
    ) -> tuple[Joint, list[WholeRows], float] | None:
        """Return one scale for all that ``node`` reads, the weights among it in whole numbers, the largest current.

        None where no scale is fine enough.
        """
        reach = sum((rows.reach for rows in free), np.zeros(node.shape[0]))
        units = sum(rows.unit for rows in free) + sum(source.most for source in fixed)
        limit = self._room(node, sum((source.step * source.most for source in fixed), reach), units)
        for _ in range(TRIALS):
            found = joint(free, fixed, node.neuron, self.budget, limit, self._is_output(node))
            if found is None:
                return None
            whole = [rounded(rows, found.scale, self.budget) for rows in free]
            most = sum(float(rows.reach.max()) for rows in whole)
            for factor, source in zip(found.factors, fixed, strict=True):
                most += math.prod(int(stage.max()) for stage in stages(factor, self.budget)) * source.most
            if self._holds(node.neuron, found.thresholds, found.scale, most):
                return found, whole, most
            limit = np.minimum(limit, found.scale) * SMALLER
        return None

    def _put(
        self,
        node: PlacedNode,
        rows: WholeRows | None,
        operation: Operation,
        inputs: tuple[str, ...],
        θ: Array | None,
        scale: Array,
        off: Array,
        before: Sequence[LayerNode] = (),
        most: float = 0,
    ) -> None:
        """Take down what became of ``node``, and what it hands on."""
        most = most if rows is None else float(rows.reach.max(initial=0))
        if rows is not None and rows.is_coarse and (θ is None or θ.max() < LARGEST_THRESHOLD / 2):
            raise self._too_coarse(node)
        if θ is None:
            neuron, shift = PASS_ON, off * scale / max(1.0, most)
            self.carried[node.name] = Carried(1 / scale, int(most), node.shape)
        else:
            neuron = neurons.whole(node.neuron, θ, scale)
            shift = off / node.neuron.threshold + neurons.moved(node.neuron, neuron, scale)
            self.carried[node.name] = Carried(np.ones(len(scale)), largest_sent(neuron), node.shape)
        layer = LayerNode.of(node.name, operation, neuron, inputs)
        self.parts[node.name] = Part([*before, layer], rows, shift)
        if self._is_output(node):
            self.output_step = float(1 / scale[0])

    def _is_output(self, node: PlacedNode) -> bool:
        return node is self.network.nodes[-1]

    def _name(self, wanted: str) -> str:
        while wanted in self._names:
            wanted += "'"
        self._names.add(wanted)
        return wanted

    def _too_coarse(self, node: PlacedNode) -> GraphError:
        behind = "" if node.neuron.is_spiking else "; between layers without neurons nothing is rounded, so fold them"
        return GraphError(
            "bits",
            f"{node.name}: so few of {self.budget.bits} bits are left to its weights that it would be another network: "
            f"sums of a run of {self.budget.timesteps} steps, on inputs up to {self.input.largest:,}, must stay below "
            "2^31, or weights are too large beside a threshold. Take bits=16, fewer timesteps, or smaller "
            f"inputs{behind}",
        )
