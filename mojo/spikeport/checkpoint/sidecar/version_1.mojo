"""Version 1 of the sidecar: a chain of linear layers.

`layer_names`, `layer_sizes` and `neuron_types` hold one entry for each layer,
`layer_sizes` as `[in, out]`.
"""
from ...checks import product, refusal
from ..strict_json import LIST, Json
from .fields import (
    demand,
    texts,
    whole,
    wholes,
    written,
    written_texts,
    written_wholes,
)
from .graph import read_shapes
from .nodes import LARGEST_SIZE, StoredNode

comptime KEYS_1: List[String] = [
    "archive",
    "format",
    "frozen_layers",
    "layer_names",
    "layer_sizes",
    "metadata",
    "n_layers",
    "neuron_types",
    "total_params",
    "version",
]
"""The keys of a sidecar of version 1, in their order."""


@fieldwise_init
struct LayerSize(Equatable, ImplicitlyCopyable):
    """The widths of a layer."""

    var n_in: Int
    """Number of inputs."""
    var n_out: Int
    """Number of neurons."""


@fieldwise_init
struct Chain(Copyable):
    """What version 1 says of the layers."""

    var names: List[String]
    """Names, input side first."""
    var sizes: List[LayerSize]
    """Widths of the layers."""
    var labels: List[String]
    """A label for each layer."""

    def nodes(self) raises -> List[StoredNode]:
        """Returns the layers as nodes; refuses by `sidecar_schema` what is not
        one of each for every layer."""
        var count = len(self.names)
        demand(
            len(self.labels) == count,
            String("neuron_types must hold ", count, " labels"),
        )
        demand(
            len(self.sizes) == count,
            String("layer_sizes must hold ", count, " pairs"),
        )
        var nodes = List[StoredNode](capacity=count)
        for k in range(count):
            var size = self.sizes[k]
            demand(
                1 <= size.n_in <= LARGEST_SIZE
                and 1 <= size.n_out <= LARGEST_SIZE,
                "layer_sizes must be whole numbers from 1 to 2^31 - 1",
            )
            nodes.append(
                StoredNode(
                    self.names[k].copy(),
                    "linear",
                    [k - 1],
                    self.labels[k].copy(),
                    [size.n_out],
                )
            )
        return nodes^

    def check(self) raises:
        """Refuses, as `layer_chain`, layers that do not feed each other."""
        for k in range(1, len(self.sizes)):
            if self.sizes[k - 1].n_out != self.sizes[k].n_in:
                raise refusal(
                    "layer_chain",
                    String(
                        self.names[k - 1],
                        " has ",
                        self.sizes[k - 1].n_out,
                        " outputs, ",
                        self.names[k],
                        " takes ",
                        self.sizes[k].n_in,
                    ),
                )


def chain_nodes(var chain: Chain) raises -> List[StoredNode]:
    """Returns layers that feed each other as nodes."""
    var nodes = chain.nodes()
    chain.check()
    return nodes^


def read_chain(json: Json, values: List[Int]) raises -> Chain:
    """Reads what is said of the layers; `values` has a value for each key."""
    demand(json.kind(values[4]) == LIST, "layer_sizes must be a list of pairs")
    var sizes = List[LayerSize]()
    for pair in json.children(values[4]):
        var widths = wholes(json, pair, "layer_sizes")
        demand(len(widths) == 2, "layer_sizes must hold pairs [in, out]")
        sizes.append(LayerSize(widths[0], widths[1]))
    var names = texts(json, values[3], "layer_names")
    demand(
        whole(json, values[6], "n_layers") == len(names),
        "n_layers must be the number of layers",
    )
    return Chain(names^, sizes^, texts(json, values[7], "neuron_types"))


def write_chain(
    input_shape: List[Int], nodes: List[StoredNode]
) -> Dict[String, String]:
    """Writes what is said of the layers, by the key."""
    var names = List[String]()
    var labels = List[String]()
    var sizes = List[String]()
    for k in range(len(nodes)):
        var n_in = product(read_shapes(input_shape, nodes, k)[0])
        names.append(nodes[k].name)
        labels.append(nodes[k].neuron)
        sizes.append(written_wholes([n_in, nodes[k].shape[0]]))
    return {
        "layer_names": written_texts(names),
        "layer_sizes": written(sizes),
        "n_layers": String(len(nodes)),
        "neuron_types": written_texts(labels),
    }
