"""
Spiking networks that were converted from trained ones: read, run, fine-tuned and written, bit for bit as in Python.

`conformance/SPEC.md` is the contract. Arrays are Julia's: the first index varies fastest, so a size is the contract's
shape read backwards. Shapes, windows and weights are the exception and keep their textbook form.

    currents (neurons, …, steps)    inputs (in, batch) or (in, batch, steps)    weights (out, in)
    images (width, height, channels, batch)    shapes (channels, height, width)    kernels (out, in, rows, columns)

```julia
using SpikePort

checkpoint = load_checkpoint("mnist_snn")
run = network_run(network(checkpoint), inputs; timesteps = 32)
argmax(run.drive[:, 1])
```
"""
module SpikePort

using Base: Filesystem
using SHA: SHA2_256_CTX, digest!, sha256, update!

export Checkpoint, CheckpointError, GraphError, KernelError, SpikePortError
export Add, AvgPool, Concat, Conv, Linear, MaxPool, Operation, SumPool
export Layer, Network, Neuron, Node, RunResult, Schedule, Signal, StoredNode, Trace
export encode_poisson, finetune_schedule, finetune_step, finetune_unfreeze, if_constant, if_multistep, layer_forward
export layer_sizes, load_checkpoint, network, network_run, operation_currents, qcfs, sample_keys, save_checkpoint
export st_bif_multistep
export total_params

include("errors.jl")
include("checks.jl")
include("row_major.jl")
include("neuron.jl")
include("trace.jl")
include("running/steps.jl")
include("integrate_fire.jl")
include("st_bif.jl")
include("operations/operations.jl")
include("running/neurons.jl")
include("layer.jl")
include("encode.jl")
include("running/input.jl")
include("running/nodes.jl")
include("running/bounds.jl")
include("running/at_work.jl")
include("network.jl")
include("qcfs.jl")
include("finetune.jl")
include("checkpoint/strict_json.jl")
include("checkpoint/sidecar.jl")
include("checkpoint/version_1.jl")
include("checkpoint/version_2.jl")
include("checkpoint/crc32.jl")
include("checkpoint/archive.jl")
include("checkpoint/npy.jl")
include("checkpoint/neurons.jl")
include("checkpoint/members.jl")
include("checkpoint/stored.jl")
include("checkpoint/checkpoint.jl")
include("checkpoint/integers.jl")
include("checkpoint/describe.jl")
include("checkpoint/store.jl")
include("checkpoint/saving.jl")
include("python.jl")
include("workload.jl")

end
