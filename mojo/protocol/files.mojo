"""Answers to the cases of the family `checkpoint`."""
from spikeport.checkpoint import (
    Checkpoint,
    LayerArrays,
    LayerSize,
    StoredArray,
    StoredNode,
    load_checkpoint,
    save_checkpoint,
)
from spikeport.checkpoint.members import bias_type
from spikeport.checkpoint.neurons import NEURON_ROWS
from spikeport.checkpoint.sha256 import sha256
from spikeport.checkpoint.sidecar import Sidecar, read_shapes
from spikeport.checkpoint.sidecar.version_2 import read_names
from spikeport.checkpoint.store import checkpoint_paths
from spikeport.checks import refusal
from spikeport.network import INPUT
from spikeport.operations.any_operation import has_window

from .words import Arguments, Reply


def answer_read(arguments: Arguments, mut reply: Reply) raises:
    """Answers `checkpoint.read` and `checkpoint.reject`."""
    var loaded = load_checkpoint(arguments.text("path"))
    ref checkpoint = loaded.checkpoint
    reply.texts("names", checkpoint.layer_names())
    if checkpoint.version() == 1:
        var sizes = List[Int]()
        for size in checkpoint.layer_sizes():
            sizes.append(size.n_in)
            sizes.append(size.n_out)
        _wholes(reply, "sizes", sizes)
    else:
        _nodes(checkpoint, reply)
    reply.texts("kinds", checkpoint.neuron_types())
    reply.texts("frozen", checkpoint.frozen_layers)
    reply.text("metadata", checkpoint.metadata)
    reply.text("params", String(checkpoint.total_params()))
    reply.text("digest", loaded.digest)
    reply.text("arrays", checkpoint.arrays_digest())


def answer_write(arguments: Arguments, mut reply: Reply) raises:
    """Answers `checkpoint.write`."""
    var checkpoint = _given_nodes(arguments) if arguments.has(
        "input_shape"
    ) else _given_chain(arguments)
    var path = arguments.text("path")
    save_checkpoint(checkpoint, path)
    # Digested as they stand on the disk.
    var paths = checkpoint_paths(path)
    reply.text("archive", _digest(paths.archive))
    reply.text("sidecar", _digest(paths.sidecar))


def _nodes(checkpoint: Checkpoint, mut reply: Reply) raises:
    """Writes what is said of the nodes of version 2."""
    _wholes(reply, "input_shape", checkpoint.input_shape)
    reply.texts(
        "operations", [node.operation.copy() for node in checkpoint.nodes]
    )
    for k in range(len(checkpoint.nodes)):
        ref node = checkpoint.nodes[k]
        reply.texts(String("reads.", k), read_names(checkpoint.nodes, k))
        _wholes(reply, String("shape.", k), node.shape)
        if has_window(node.operation):
            _wholes(reply, String("kernel.", k), node.kernel)
            _wholes(reply, String("stride.", k), node.stride)
            _wholes(reply, String("padding.", k), node.padding)
        if node.operation == "conv":
            _wholes(reply, String("dilation.", k), node.dilation)
            _wholes(reply, String("groups.", k), [node.groups])


def _wholes(mut reply: Reply, key: StringSpan, values: List[Int]):
    reply.integers(key, [Int64(value) for value in values])


def _given_chain(arguments: Arguments) raises -> Checkpoint:
    """Returns the content of a case of version 1."""
    var names = arguments.texts("names")
    var flat = arguments.integers("sizes")
    if len(flat) != 2 * len(names):
        raise refusal("sidecar_schema", "sizes must hold two for each layer")
    var count = 0
    while arguments.has(String("weight.", count)):
        count += 1
    if count != len(names):
        raise refusal("shape", String(count, " weights for the layers named"))
    var sizes = List[LayerSize]()
    var arrays = List[LayerArrays]()
    for k in range(len(names)):
        var size = LayerSize(flat[2 * k], flat[2 * k + 1])
        arrays.append(
            _arrays(
                arguments, k, [size.n_out, size.n_in], NEURON_ROWS, size.n_out
            )
        )
        sizes.append(size)
    return Checkpoint(
        names^,
        sizes^,
        arguments.texts("kinds"),
        arrays^,
        arguments.texts("frozen"),
        arguments.text("metadata", "{}"),
    )


def _given_nodes(arguments: Arguments) raises -> Checkpoint:
    """Returns the content of a case of version 2."""
    var names = arguments.texts("names")
    var labels = arguments.texts("kinds")
    var operations = arguments.texts("operations")
    if len(labels) != len(names) or len(operations) != len(names):
        raise refusal("sidecar_schema", "names, kinds and operations differ")
    var input_shape = arguments.integers("input_shape")
    var nodes = List[StoredNode]()
    var reads = List[List[String]]()
    for k in range(len(names)):
        reads.append(arguments.texts(String("reads.", k)))
        nodes.append(
            StoredNode(
                names[k].copy(),
                operations[k].copy(),
                [],
                labels[k].copy(),
                _axes(arguments, "shape", k),
                kernel=_axes(arguments, "kernel", k),
                stride=_axes(arguments, "stride", k),
                padding=_axes(arguments, "padding", k),
                dilation=_axes(arguments, "dilation", k),
                groups=arguments.integer(String("groups.", k), 1),
            )
        )
        # Known once all names are; until then it reads something or nothing.
        nodes[k].sources = List[Int](length=len(reads[k]), fill=INPUT)
    var sidecar = Sidecar(input_shape^, nodes^, [], 1, 0, "", "{}", 2)
    sidecar.connect(reads)
    ref known = sidecar.nodes
    var arrays = List[LayerArrays]()
    for k in range(len(known)):
        var shape = known[k].weight_shape(
            read_shapes(sidecar.input_shape, known, k)
        )
        arrays.append(
            _arrays(arguments, k, shape, NEURON_ROWS + 1, known[k].shape[0])
        )
    if arguments.has(String("weight.", len(known))):
        raise refusal("shape", "there are more weights than nodes")
    var checkpoint = Checkpoint(
        sidecar.input_shape.copy(),
        known.copy(),
        arrays^,
        arguments.texts("frozen"),
        arguments.text("metadata", "{}"),
    )
    checkpoint.check_version(2)
    return checkpoint^


def _arrays(
    arguments: Arguments,
    k: Int,
    weight_shape: List[Int],
    rows: Int,
    first: Int,
) raises -> LayerArrays:
    """Returns the arrays of one node, as they are given."""
    var dtype = arguments.dtype()
    var layer = LayerArrays()
    var weight = String("weight.", k)
    if arguments.has(weight):
        layer.weight = StoredArray.rounded(
            arguments.numbers(weight), dtype, weight_shape.copy()
        )
    var bias = String("bias.", k)
    if arguments.has(bias):
        layer.bias = StoredArray.rounded(
            arguments.numbers(bias), bias_type(dtype), [first]
        )
    var neuron = String("neuron.", k)
    if arguments.has(neuron):
        var values = arguments.numbers(neuron)
        if len(values) != rows and len(values) != rows * first:
            raise refusal(
                "shape", "a neuron has rows of 1 or of the first axis"
            )
        layer.neuron = StoredArray.of(values, [rows, len(values) // rows])
    return layer^


def _axes(arguments: Arguments, key: StringSpan, k: Int) raises -> List[Int]:
    """Returns numbers of a node, none where they are not given."""
    var own = String(key, ".", k)
    return arguments.integers(own) if arguments.has(own) else List[Int]()


def _digest(path: String) raises -> String:
    with open(path, "r") as file:
        return sha256(file.read_bytes())
