"""What need not stand in the network: batch normalisation goes into weights, activations to what they stand behind.

All of it is exact up to rounding. A normalisation that no weights beside it can take, as one before a convolution whose
padding would have to be padded with its shift, stays as a convolution of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikeport.kernels import INPUT
from spikeport.operations import AvgPool, Concat, Conv, Linear, MaxPool, Operation, Weighted
from spikeport.reading.builder import Affine, Builder, Through
from spikeport.reading.network import ReadNode


def folded(build: Builder, output: str) -> list[ReadNode]:
    """Return the nodes that the node ``output`` needs, the last one, as few as may be."""
    network = _Network(build, output)
    network.prune()
    while any(rule(network, node) for rule in RULES for node in list(network.nodes.values())):
        network.prune()
    shapes = {name: node.shape for name, node in network.nodes.items()}
    for node in network.nodes.values():
        held = shapes.get(node.inputs[0], network.input_shape)
        node.operation = build.lowered(node, held)
    return list(network.nodes.values())


class _Network:
    def __init__(self, build: Builder, output: str) -> None:
        self.build, self.nodes, self.output = build, build.nodes, output
        self.input_shape = build.input_shape

    def prune(self) -> None:
        needed, waiting = set(), [self.output]
        while waiting:
            name = waiting.pop()
            if name not in needed and name in self.nodes:
                needed.add(name)
                waiting += self.nodes[name].inputs
        for name in [name for name in self.nodes if name not in needed]:
            del self.nodes[name]

    def readers(self, name: str) -> list[ReadNode]:
        return [node for node in self.nodes.values() if name in node.inputs]

    def source(self, node: ReadNode) -> ReadNode | None:
        return self.nodes.get(node.inputs[0])

    def is_only_reader(self, node: ReadNode, source: ReadNode | None) -> bool:
        """Whether nothing but ``node`` sees what ``source`` gives."""
        return source is not None and source.name != self.output and self.readers(source.name) == [node]

    def replace(self, node: ReadNode, name: str) -> bool:
        """Have the node ``name`` read in the place of ``node``."""
        for reader in self.readers(node.name):
            reader.inputs = tuple(name if source == node.name else source for source in reader.inputs)
        if self.output == node.name:
            self.output = name
        del self.nodes[node.name]
        return True

    def is_positive(self, name: str) -> bool:
        node = self.nodes.get(name)
        if node is None:
            return False
        passes = isinstance(node.operation, MaxPool | AvgPool | Concat | Through)
        return node.activation is not None or (passes and all(map(self.is_positive, node.inputs)))


def _affine_into_source(network: _Network, node: ReadNode) -> bool:
    source = network.source(node)
    if not isinstance(node.operation, Affine) or source is None or not network.is_only_reader(node, source):
        return False
    if source.activation is not None or not isinstance(source.operation, Affine | Weighted):
        return False
    scale, shift = node.operation.scale, node.operation.shift
    source.operation = _behind(network.build, source.operation, scale, shift)
    source.activation = node.activation
    return network.replace(node, source.name)


def _behind(build: Builder, operation: Operation, scale: np.ndarray, shift: np.ndarray) -> Operation:
    if isinstance(operation, Affine):
        return Affine(operation.scale * scale, operation.shift * scale + shift)
    assert isinstance(operation, Weighted)
    W = operation.weight.astype(np.float64) * scale.reshape(-1, *(1,) * (operation.weight.ndim - 1))
    b = (0 if operation.bias is None else operation.bias.astype(np.float64)) * scale + shift
    return operation.with_arrays({"weight": build.array(W), "bias": build.array(b)})


def _affine_into_readers(network: _Network, node: ReadNode) -> bool:
    readers = network.readers(node.name)
    if not isinstance(node.operation, Affine) or node.activation is not None or node.name == network.output:
        return False
    scale, shift = node.operation.scale, node.operation.shift
    for reader in readers:
        pads = isinstance(reader.operation, Conv) and any(reader.operation.window.padding) and shift.any()
        if not isinstance(reader.operation, Weighted) or pads:
            return False
    for reader in readers:
        assert isinstance(reader.operation, Weighted)
        reader.operation = _before(network.build, reader.operation, scale, shift)
    return network.replace(node, node.inputs[0])


def _before(build: Builder, operation: Weighted, scale: np.ndarray, shift: np.ndarray) -> Operation:
    W = operation.weight.astype(np.float64)
    each = per_term(operation, scale)
    b = 0 if operation.bias is None else operation.bias.astype(np.float64)
    offset = (W * per_term(operation, shift)).reshape(len(W), -1).sum(1)
    bias = build.array(b + offset) if operation.bias is not None or shift.any() else None
    return operation.with_arrays({"weight": build.array(W * each), **({} if bias is None else {"bias": bias})})


def per_term(operation: Weighted, values: np.ndarray) -> np.ndarray:
    """Return one value for each entry of the first axis it reads, as what each of its weights meets."""
    W = operation.weight
    if isinstance(operation, Linear):
        return np.repeat(values, W.shape[1] // len(values))[None]
    assert isinstance(operation, Conv)
    groups = operation.groups
    own = values.reshape(groups, -1).repeat(len(W) // groups, axis=0)  # (out, in/groups)
    return own.reshape(*own.shape, *(1,) * (W.ndim - 2))


def _activation_into_source(network: _Network, node: ReadNode) -> bool:
    source = network.source(node)
    if not isinstance(node.operation, Through) or node.activation is None or source is None:
        return False
    if node.activation.kind == "relu" and network.is_positive(source.name):
        return network.replace(node, source.name)
    free = source.activation is None or source.activation.kind == "relu"
    if source.shape != node.shape or not free or not network.is_only_reader(node, source):
        return False
    source.activation = node.activation
    return network.replace(node, source.name)


def _activation_before_max_pool(network: _Network, node: ReadNode) -> bool:
    source = network.source(node)
    if not isinstance(node.operation, MaxPool) or node.activation is None or source is None:
        return False
    if source.activation is not None or not network.is_only_reader(node, source):
        return False
    source.activation, node.activation = node.activation, None
    return True


def _reshape(network: _Network, node: ReadNode) -> bool:
    if not isinstance(node.operation, Through) or node.activation is not None or node.name == network.output:
        return False
    readers, source = network.readers(node.name), network.source(node)
    same = (network.input_shape if source is None else source.shape) == node.shape
    if not same and not all(isinstance(reader.operation, Linear) for reader in readers):
        return False
    return network.replace(node, INPUT if source is None else source.name)


RULES: tuple[Callable[[_Network, ReadNode], bool], ...] = (
    _activation_into_source,
    _affine_into_source,
    _activation_before_max_pool,
    _reshape,
    _affine_into_readers,
)
