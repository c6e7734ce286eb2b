"""The walk over a float graph that says what each node is in whole numbers.

Input side first. A signal's step is handed on until weights read it, and goes into them. Weights that one sum alone
reads wait for it: all that it adds gets one scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.graph import LayerNode
from spikeport.integers import neurons
from spikeport.integers.before import Before
from spikeport.integers.budget import LARGEST_THRESHOLD, Budget
from spikeport.integers.evidence import Evidence
from spikeport.integers.fitting import Fitting
from spikeport.integers.inputs.step import InputStep
from spikeport.integers.rows import Rows, WholeRows
from spikeport.integers.signals import Carried, largest_sent, unweighted
from spikeport.kernels import INPUT, PlacedNetwork, PlacedNode
from spikeport.neuron import PASS_ON
from spikeport.operations import Add, Operation, Weighted

Array = npt.NDArray[Any]


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
        self.carried[INPUT] = Carried(self.input.steps(shape[0]), self.input.largest, shape)
        reads = Counter(name for node in self.network.nodes for name in node.inputs)
        adds = [node for node in self.network.nodes if isinstance(node.operation, Add)]
        self._free = {name for node in adds for name in node.inputs if reads[name] == 1}
        self._fitting = Fitting(self.network, self.budget, self.input)
        self._before = Before(self.budget, {INPUT, *(node.name for node in self.network.nodes)})
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

    @property
    def steps(self) -> dict[str, Array]:
        """What 1 stands for, (channels,), in what each node hands on, those that were put before a sum among them."""
        return self._before.steps | {name: self.carried[name].step for name in self.parts}

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
        found, scale, θ = self._fitting.alone(node, rows)
        self._put(node, found, found.operation(self.budget), node.inputs, θ, scale, found.shift)

    def _added(self, node: PlacedNode, waiting: dict[str, tuple[PlacedNode, Rows]]) -> None:
        """Give one scale to all that a sum reads: to the weights that wait for it, by factors to all else."""
        fixed = [name for name in node.inputs if name not in waiting]
        sources = [self.carried[name] for name in fixed]
        joined = self._fitting.together(node, [rows for _, rows in waiting.values()], sources)
        if joined is None and waiting:  # what is fixed is too fine for these weights: they are multiplied as well
            for member, rows in waiting.values():
                self._by_itself(member, rows)
            self._added(node, {})
            return
        if joined is None:
            raise self._fitting.too_coarse(node)
        found, whole, most = joined
        for (member, _), made in zip(waiting.values(), whole, strict=True):
            self._put(member, made, made.operation(self.budget), member.inputs, None, found.scale, made.shift)
        before, names = list[LayerNode](), {}
        for name, factor in zip(fixed, found.factors, strict=True):
            if (factor != 1).any() and name not in names:
                names[name] = self._before.named(f"{node.name}.{name}")
                before += self._before.multiplied(name, names[name], node.shape, factor, self.carried[name].step)
        off = sum((rows.shift for rows in whole), found.shift(sources))
        read = tuple(names.get(name, name) for name in node.inputs)
        self._put(node, None, node.operation, read, found.thresholds, found.scale, off, before, most)

    def _handed_on(self, node: PlacedNode) -> None:
        """Take a pool or a concatenation as it is; what neurons read, or the output says, gets one scale behind it."""
        operation, raw = unweighted(node.operation, [self.carried[name] for name in node.inputs], node.shape)
        if not node.neuron.is_spiking and not self._fitting.is_output(node):
            self._put(node, None, operation, node.inputs, None, 1 / raw.step, np.zeros(len(raw.step)), most=raw.most)
            return
        joined = self._fitting.together(node, [], [raw])
        if joined is None:
            raise self._fitting.too_coarse(node)
        found, _, most = joined
        before, inputs, (factor,) = list[LayerNode](), node.inputs, found.factors
        if (factor != 1).any():
            pooled = self._before.named(f"{node.name}.{operation.kind}")
            self._before.steps[pooled] = raw.step
            before = [LayerNode.of(pooled, operation, PASS_ON, node.inputs)]
            before += self._before.multiplied(pooled, node.name, node.shape, factor, raw.step)
            operation, inputs = before[-1].operation, before.pop().inputs
        self._put(node, None, operation, inputs, found.thresholds, found.scale, found.shift([raw]), before, most)

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
            raise self._fitting.too_coarse(node)
        if θ is None:
            neuron, shift = PASS_ON, off * scale / max(1.0, most)
            self.carried[node.name] = Carried(1 / scale, int(most), node.shape)
        else:
            neuron = neurons.whole(node.neuron, θ, scale)
            shift = off / node.neuron.threshold + neurons.moved(node.neuron, neuron, scale)
            self.carried[node.name] = Carried(np.ones(len(scale)), largest_sent(neuron), node.shape)
        layer = LayerNode.of(node.name, operation, neuron, inputs)
        self.parts[node.name] = Part([*before, layer], rows, shift)
        if self._fitting.is_output(node):
            self.output_step = float(1 / scale[0])
