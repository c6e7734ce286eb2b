"""Loads a checkpoint, runs it with every input at one half, or at one if it is of
integers, and says what came out.

    mojo run --fp-mode contract=off -I mojo mojo/examples/run_checkpoint.mojo \\
        conformance/vectors/checkpoint/files/networks/lif 25

The same file gives the same counts in Python, Rust and Julia.
"""
from std.sys import argv

from spikeport import Checkpoint, load_checkpoint, network_run


def run[
    dtype: DType
](checkpoint: Checkpoint, timesteps: Int, value: Scalar[dtype]) raises:
    """Runs the network of a checkpoint with every input at a value."""
    var network = checkpoint.network[dtype]()
    var x = List[Scalar[dtype]](length=network.n_inputs(), fill=value)
    var result = network_run(network, x, 1, timesteps=timesteps)
    var last = len(network.nodes) - 1
    print("spikes of the last layer:", result.counts[last])
    print("its drive:", result.drive)


def main() raises:
    """Runs the example."""
    var arguments = argv()
    if len(arguments) != 2 and len(arguments) != 3:
        raise Error("usage: run_checkpoint CHECKPOINT [TIMESTEPS]")
    var timesteps = atol(arguments[2]) if len(arguments) == 3 else 25
    var loaded = load_checkpoint(String(arguments[1]))
    ref checkpoint = loaded.checkpoint
    var sizes = checkpoint.layer_sizes()
    for k in range(len(sizes)):
        print(
            checkpoint.nodes[k].name,
            ": ",
            sizes[k].n_in,
            " -> ",
            sizes[k].n_out,
            ", ",
            checkpoint.nodes[k].neuron,
            sep="",
        )

    if checkpoint.dtype() == DType.float64:
        run[DType.float64](checkpoint, timesteps, 0.5)
    elif checkpoint.dtype() == DType.float32:
        run[DType.float32](checkpoint, timesteps, 0.5)
    else:
        run[DType.int32](checkpoint, timesteps, 1)
