"""Answers to the cases of the family `checkpoint`."""
from spikeport.checkpoint import (
    Checkpoint,
    LayerArrays,
    LayerSize,
    StoredArray,
    load_checkpoint,
    save_checkpoint,
)
from spikeport.checkpoint.neurons import NEURON_ROWS
from spikeport.checkpoint.sha256 import sha256
from spikeport.checkpoint.store import checkpoint_paths
from spikeport.checks import refusal

from .words import Arguments, Reply


def answer_read(arguments: Arguments, mut reply: Reply) raises:
    """Answers `checkpoint.read` and `checkpoint.reject`."""
    var loaded = load_checkpoint(arguments.text("path"))
    ref checkpoint = loaded.checkpoint
    var sizes = List[Int64]()
    for size in checkpoint.layer_sizes:
        sizes.append(Int64(size.n_in))
        sizes.append(Int64(size.n_out))
    reply.texts("names", checkpoint.layer_names)
    reply.integers("sizes", sizes)
    reply.texts("kinds", checkpoint.neuron_types)
    reply.texts("frozen", checkpoint.frozen_layers)
    reply.text("metadata", checkpoint.metadata)
    reply.text("params", String(checkpoint.total_params()))
    reply.text("digest", loaded.digest)
    reply.text("arrays", checkpoint.arrays_digest())


def answer_write[dtype: DType](arguments: Arguments, mut reply: Reply) raises:
    """Answers `checkpoint.write`."""
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
        var weight = arguments.floats[dtype](String("weight.", k))
        var layer = LayerArrays(StoredArray.of(weight, [size.n_out, size.n_in]))
        var bias = String("bias.", k)
        if arguments.has(bias):
            layer.bias = StoredArray.of(
                arguments.floats[dtype](bias), [size.n_out]
            )
        var neuron = String("neuron.", k)
        if arguments.has(neuron):
            var rows = arguments.floats(neuron)
            if len(rows) != 7 and len(rows) != 7 * size.n_out:
                raise refusal("shape", "a neuron has 7 numbers or 7 for each")
            layer.neuron = StoredArray.of(
                rows, [NEURON_ROWS, len(rows) // NEURON_ROWS]
            )
        sizes.append(size)
        arrays.append(layer^)
    var checkpoint = Checkpoint(
        names^,
        sizes^,
        arguments.texts("kinds"),
        arrays^,
        arguments.texts("frozen"),
        arguments.text("metadata", "{}"),
    )
    var path = arguments.text("path")
    save_checkpoint(checkpoint, path)
    # Digested as they stand on the disk.
    var paths = checkpoint_paths(path)
    reply.text("archive", _digest(paths.archive))
    reply.text("sidecar", _digest(paths.sidecar))


def _digest(path: String) raises -> String:
    with open(path, "r") as file:
        return sha256(file.read_bytes())
