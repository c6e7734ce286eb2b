"""Version 2 of the format: nodes that name what they read, each with an operation; what version 1 cannot hold.

Members, for i = 0, 1, …, the number of the node: ``layer_<i>.weight`` and perhaps ``layer_<i>.bias`` of an operation
with weights, and where it exists ``layer_<i>.neuron``, of eight rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from spikeport.checks import is_whole
from spikeport.errors import GraphError
from spikeport.kernels import INPUT
from spikeport.operations import OPERATIONS, Operation, Shape
from spikeport.operations.window import LARGEST, Window
from spikeport.transfer.errors import CheckpointError
from spikeport.transfer.files.archive import Member
from spikeport.transfer.files.fields import LARGEST_WIDTH, MOST_LAYERS, Demand, is_texts, is_wholes
from spikeport.transfer.files.members import BIASES, FLOATS, NEURON_ROWS, WEIGHTS

KEYS: Final = ("input_shape", "nodes")
ROWS: Final = len(NEURON_ROWS) + 1
WINDOW: Final = ("kernel", "padding", "stride")
ATTRIBUTES: Final = {
    "linear": (),
    "conv": ("dilation", "groups", *WINDOW),
    "sum_pool": WINDOW,
    "avg_pool": WINDOW,
    "max_pool": WINDOW,
    "add": (),
    "concat": (),
}


@dataclass(frozen=True)
class NodeStructure:
    """What a sidecar says of one node beside its name and label.

    Attributes
    ----------
    operation : the word for it
    inputs : names of what it reads
    shape : of what it passes on
    attributes : as `Operation.attributes` gives them
    """

    operation: str
    inputs: tuple[str, ...]
    shape: Shape
    attributes: Mapping[str, int | tuple[int, ...]]

    def weight_shape(self, reads: Shape) -> Shape | None:
        """Return the shape of its weight where it reads a signal of shape ``reads``, or None where it has none."""
        if self.operation == "linear":
            return (self.shape[0], math.prod(reads))
        if self.operation == "conv":
            kernel, groups = self.attributes["kernel"], self.attributes["groups"]
            assert isinstance(kernel, tuple) and isinstance(groups, int)
            return (self.shape[0], reads[0] // groups, *kernel)
        return None

    def output_shape(self, reads: Sequence[Shape]) -> Shape:
        """Return the shape that it passes on by the rules of its operation, or raise `GraphError` ``shape``."""
        if self.operation in ("linear", "conv") and len(reads) != 1:
            raise GraphError("shape", f"{self.operation} reads one signal, not {len(reads)}")
        if self.operation == "linear":
            return self.shape[:1]
        if self.operation == "conv":
            given = dict(self.attributes)
            groups = given.pop("groups")
            assert isinstance(groups, int)
            if reads[0][0] % groups or self.shape[0] % groups:
                raise GraphError("shape", f"groups {groups} does not divide {reads[0][0]} and {self.shape[0]} channels")
            return (self.shape[0], *Window.of(given.pop("kernel"), **given).places(reads[0][1:]))  # type: ignore[arg-type]
        return OPERATIONS[self.operation](**self.attributes).output_shape(*reads)

    def build(self, arrays: Mapping[str, Any]) -> Operation:
        """Return the operation with these arrays."""
        rest = {name: value for name, value in self.attributes.items() if self.operation != "conv" or name != "kernel"}
        return OPERATIONS[self.operation](**arrays, **rest)


class Structure(NamedTuple):
    """What a sidecar says of a network beside names and labels: the shape of the input, and the nodes."""

    input_shape: Shape
    nodes: tuple[NodeStructure, ...]

    def fields(self, names: Sequence[str], kinds: Sequence[str]) -> list[dict[str, Any]]:
        """Return the object of each node, keys sorted."""
        objects = []
        for name, kind, node in zip(names, kinds, self.nodes, strict=True):
            about = {"name": name, "neuron": kind, "operation": node.operation, "inputs": list(node.inputs)}
            about |= {"shape": list(node.shape)} | {key: _plain(value) for key, value in node.attributes.items()}
            objects.append(dict(sorted(about.items())))
        return objects

    def is_linear_chain(self, names: Sequence[str]) -> bool:
        """Whether it is a list of linear layers, each fed by the one before, on inputs of one axis."""
        linear = all(node.operation == "linear" for node in self.nodes)
        chained = all(node.inputs == (name,) for node, name in zip(self.nodes, [INPUT, *names], strict=False))
        return linear and chained and len(self.input_shape) == 1

    def reads(self, names: Sequence[str]) -> list[list[Shape]]:
        """Return the shapes of what each node reads."""
        shapes = {INPUT: self.input_shape} | {name: node.shape for name, node in zip(names, self.nodes, strict=True)}
        return [[shapes[name] for name in node.inputs] for node in self.nodes]


class Nodes(NamedTuple):
    """What a sidecar of version 2 says of the nodes: names, labels, and the structure."""

    names: list[str]
    kinds: list[str]
    structure: Structure

    def check_chain(self, file: str) -> list[tuple[int, int]]:
        """Return how many values each node reads and passes on.

        Raises `CheckpointError` ``layer_chain`` where a node reads what is not before it, or its shape is not what its
        operation makes of what it reads.
        """
        shapes = {INPUT: self.structure.input_shape}
        for name, node in zip(self.names, self.structure.nodes, strict=True):
            if missing := [source for source in node.inputs if source not in shapes]:
                raise CheckpointError("layer_chain", f"{file}: {name} reads {missing[0]!r}, which is not before it")
            try:
                shape = node.output_shape([shapes[source] for source in node.inputs])
            except GraphError as error:
                raise CheckpointError("layer_chain", f"{file}: {name}: {error}") from None
            if shape != node.shape:
                raise CheckpointError("layer_chain", f"{file}: {name} has the shape {node.shape}, and gives {shape}")
            shapes[name] = shape
        reads = self.structure.reads(self.names)
        return [
            (sum(map(math.prod, shapes)), math.prod(node.shape))
            for shapes, node in zip(reads, self.structure.nodes, strict=True)
        ]


def checked_fields(raw: Mapping[str, Any], demand: Demand) -> Nodes:
    """Return the fields of version 2, or raise `CheckpointError` ``sidecar_schema``."""
    demand(_is_shape(raw["input_shape"]), "input_shape", "one to three whole numbers above 0")
    nodes = raw["nodes"]
    demand(isinstance(nodes, list) and 1 <= len(nodes) <= MOST_LAYERS, "nodes", f"1 to {MOST_LAYERS} objects")
    structures = [_node(node, f"nodes[{k}]", demand) for k, node in enumerate(nodes)]
    names = [node["name"] for node in nodes]
    demand(len(set(names)) == len(names) and INPUT not in names, "nodes", f"of unique names, none of them {INPUT!r}")
    return Nodes(names, [node["neuron"] for node in nodes], Structure(tuple(raw["input_shape"]), tuple(structures)))


def _node(node: Any, place: str, demand: Demand) -> NodeStructure:
    demand(isinstance(node, dict), place, "an object")
    word = node.get("operation")
    demand(isinstance(word, str) and word in ATTRIBUTES, f"{place}.operation", f"one of {', '.join(ATTRIBUTES)}")
    keys = {"inputs", "name", "neuron", "operation", "shape", *ATTRIBUTES[word]}
    demand(set(node) == keys, f"the keys of {place}", ", ".join(sorted(keys)))
    demand(is_texts([node["name"], node["neuron"]]), f"{place}: name and neuron", "texts that are not empty")
    demand(is_texts(node["inputs"]) and bool(node["inputs"]), f"{place}.inputs", "a list of names")
    demand(_is_shape(node["shape"]), f"{place}.shape", "one to three whole numbers above 0")
    for key in ATTRIBUTES[word]:
        value, least = node[key], 0 if key == "padding" else 1
        if key == "groups":
            demand(is_whole(value) and 1 <= value <= LARGEST_WIDTH, f"{place}.groups", "a whole number above 0")
        else:
            fits = is_wholes(value, least, LARGEST) and len(value) in (1, 2)
            alike = isinstance(node["kernel"], list) and fits and len(value) == len(node["kernel"])
            demand(alike, f"{place}.{key}", f"one or two whole numbers from {least} to {LARGEST}, all as many")
    attributes = {key: tuple(value) if isinstance(value := node[key], list) else value for key in ATTRIBUTES[word]}
    return NodeStructure(word, tuple(node["inputs"]), tuple(node["shape"]), attributes)


def _is_shape(value: Any) -> bool:
    return is_wholes(value, 1, LARGEST_WIDTH) and 1 <= len(value) <= 3 and math.prod(value) <= LARGEST_WIDTH


def _plain(value: int | tuple[int, ...]) -> Any:
    return list(value) if isinstance(value, tuple) else value


def expected_members(structure: Structure, names: Sequence[str]) -> list[Member]:
    """Return the members of an archive of such a network; raise `CheckpointError` ``too_large`` for a giant weight."""
    members = []
    for index, (node, reads) in enumerate(zip(structure.nodes, structure.reads(names), strict=True)):
        weight, first = node.weight_shape(reads[0]), node.shape[0]
        if weight is not None:
            if math.prod(weight) > LARGEST_WIDTH:
                raise CheckpointError("too_large", f"{names[index]} has more than 2^31 - 1 weights: {weight}")
            members.append(Member(f"layer_{index}.weight", (weight,), WEIGHTS, True))
            members.append(Member(f"layer_{index}.bias", ((first,),), BIASES, False))
        members.append(Member(f"layer_{index}.neuron", ((ROWS, 1), (ROWS, first)), FLOATS, False))
    return members
