"""The nodes of a sidecar together: what they read, and whether it fits."""
from ...checks import refusal
from ...network import INPUT
from ...operations.operation import shown
from .nodes import StoredNode


def named_sources(
    names: List[String], reads: List[List[String]]
) raises -> List[List[Int]]:
    """Finds what every node reads: `input`, or nodes before it; raises
    `layer_chain`."""
    var places = Dict[String, Int]()
    var sources = List[List[Int]]()
    for k in range(len(names)):
        var own = List[Int]()
        for name in reads[k]:
            var place = places.get(name)
            if not place and name != "input":
                raise refusal(
                    "layer_chain",
                    String(
                        names[k],
                        " reads ",
                        name,
                        ", which is neither input nor a node before it",
                    ),
                )
            own.append(place.or_else(INPUT))
        sources.append(own^)
        places[names[k]] = k
    return sources^


def read_shapes(
    input_shape: List[Int], nodes: List[StoredNode], k: Int
) -> List[List[Int]]:
    """Returns the shapes that node k reads."""
    var shapes = List[List[Int]]()
    for source in nodes[k].sources:
        shapes.append(
            input_shape.copy() if source
            == INPUT else nodes[source].shape.copy()
        )
    return shapes^


def check_graph(input_shape: List[Int], nodes: List[StoredNode]) raises:
    """Refuses, as `layer_chain`, nodes that read what is not before them, and
    shapes that do not follow from what is read."""
    for k in range(len(nodes)):
        ref node = nodes[k]
        for source in node.sources:
            if not INPUT <= source < k:
                raise refusal(
                    "layer_chain",
                    String(node.name, " reads a node that is not before it"),
                )
        var shape: List[Int]
        try:
            shape = node.output_shape(read_shapes(input_shape, nodes, k))
        except e:
            raise refusal("layer_chain", String(node.name, ": ", e))
        if shape != node.shape:
            raise refusal(
                "layer_chain",
                String(
                    node.name,
                    " makes ",
                    shown(shape),
                    " of what it reads, not ",
                    shown(node.shape),
                ),
            )


def is_chain(input_shape: List[Int], nodes: List[StoredNode]) -> Bool:
    """Tells whether version 1 can hold these nodes: linear layers, each of
    which reads the one before, on inputs of one axis."""
    if len(input_shape) != 1:
        return False
    for k in range(len(nodes)):
        if nodes[k].operation != "linear" or nodes[k].sources != [k - 1]:
            return False
    return True
