"""Version 2 of the sidecar: nodes of any kind that name what they read.

`nodes` has an object for each, with the keys of its operation in alphabetical
order, one line for each node.
"""
from ..strict_json import LIST, OBJECT, Json, escape
from ...network import INPUT
from ...operations.any_operation import has_window, is_operation
from .fields import (
    demand,
    members,
    text,
    texts,
    whole,
    wholes,
    written_texts,
    written_wholes,
)
from .nodes import StoredNode

comptime KEYS_2: List[String] = [
    "archive",
    "format",
    "frozen_layers",
    "input_shape",
    "metadata",
    "nodes",
    "total_params",
    "version",
]
"""The keys of a sidecar of version 2, in their order."""


@fieldwise_init
struct Graph(Copyable):
    """What version 2 says of the nodes."""

    var nodes: List[StoredNode]
    """The nodes, which do not know yet what they read."""
    var reads: List[List[String]]
    """The names that each of them reads."""


def keys_of(operation: String) -> List[String]:
    """Returns the keys of a node, in their order."""
    if operation == "conv":
        return [
            "dilation",
            "groups",
            "inputs",
            "kernel",
            "name",
            "neuron",
            "operation",
            "padding",
            "shape",
            "stride",
        ]
    if has_window(operation):
        return [
            "inputs",
            "kernel",
            "name",
            "neuron",
            "operation",
            "padding",
            "shape",
            "stride",
        ]
    return ["inputs", "name", "neuron", "operation", "shape"]


def read_graph(json: Json, list: Int) raises -> Graph:
    """Reads the list of nodes."""
    demand(json.kind(list) == LIST, "nodes must be a list")
    var graph = Graph([], [])
    for item in json.children(list):
        demand(json.kind(item) == OBJECT, "a node must be a JSON object")
        var found = json.member(item, "operation")
        demand(Bool(found), "a node has no operation")
        var operation = text(json, found.value(), "operation")
        demand(
            is_operation(operation),
            String("there is no operation '", operation, "'"),
        )
        var keys = keys_of(operation)
        var values = members(json, item, keys)
        var node = StoredNode("", operation, [], "", [])
        for k in range(len(keys)):
            ref key = keys[k]
            if key == "name":
                node.name = text(json, values[k], key)
            elif key == "neuron":
                node.neuron = text(json, values[k], key)
            elif key == "inputs":
                graph.reads.append(texts(json, values[k], key))
            elif key == "groups":
                node.groups = whole(json, values[k], key)
            elif key == "shape":
                node.shape = wholes(json, values[k], key)
            elif key == "kernel":
                node.kernel = wholes(json, values[k], key)
            elif key == "stride":
                node.stride = wholes(json, values[k], key)
            elif key == "padding":
                node.padding = wholes(json, values[k], key)
            elif key == "dilation":
                node.dilation = wholes(json, values[k], key)
        # Known once all names are; until then it reads something or nothing.
        node.sources = List[Int](
            length=len(graph.reads[len(graph.nodes)]), fill=INPUT
        )
        graph.nodes.append(node^)
    return graph^


def read_names(nodes: List[StoredNode], k: Int) -> List[String]:
    """Returns the names that node k reads."""
    var names = List[String]()
    for source in nodes[k].sources:
        names.append(String("input") if source == INPUT else nodes[source].name)
    return names^


def write_graph(nodes: List[StoredNode]) -> String:
    """Writes the list of nodes."""
    var list = String("[")
    for k in range(len(nodes)):
        ref node = nodes[k]
        list += "\n    {" if k == 0 else ",\n    {"
        var keys = keys_of(node.operation)
        for i in range(len(keys)):
            ref key = keys[i]
            var value: String
            if key == "inputs":
                value = written_texts(read_names(nodes, k))
            elif key == "name":
                value = escape(node.name)
            elif key == "neuron":
                value = escape(node.neuron)
            elif key == "operation":
                value = escape(node.operation)
            elif key == "groups":
                value = String(node.groups)
            elif key == "shape":
                value = written_wholes(node.shape)
            elif key == "kernel":
                value = written_wholes(node.kernel)
            elif key == "stride":
                value = written_wholes(node.stride)
            elif key == "padding":
                value = written_wholes(node.padding)
            else:
                value = written_wholes(node.dilation)
            list += String(", " if i > 0 else "", escape(key), ": ", value)
        list += "}"
    return list + "\n  ]"
