# The conformance runner: `NUMBER KERNEL KEY=VALUE…` lines in, `NUMBER KEY=VALUE…` lines out (conformance/SPEC.md).
#
#     julia --startup-file=no --project=julia/SpikePort julia/runner.jl CASES
#
# The contract's arrays are row-major, so a flat list read with its shape backwards is Julia's array.
module Runner

using SHA: sha256
using SpikePort
using SpikePort: ATTRIBUTE_KEYS, Float, LayerArrays, NodeEntry, OPERATIONS, Sidecar
using SpikePort: arrays_digest, as_elements, axes_reversed, check_version, checkpoint_paths, current_type, decimal
using SpikePort: expected_members, make
using SpikePort: neuron_rows_of, node_entries, read_checkpoint, read_sidecar, stored_node, version_of, write_sidecar

"The kernels by name: what answers the arguments of a line."
const KERNELS = Dict{String,Function}()

include("runner/words.jl")
include("runner/kernels.jl")
include("runner/checkpoints.jl")
include("runner/timing.jl")

function answer(kernel, args)
    haskey(KERNELS, kernel) || return "skip=unsupported"
    try
        return KERNELS[kernel](args)
    catch err
        err isa SpikePortError && return "error=$(err.code) message=$(word(err.message))"
        return "error=internal message=$(word(sprint(showerror, err)))"
    end
end

function main(path)
    for line in eachline(path)
        parts = split(line, ' ')
        number, kernel = parts[1], parts[2]
        args = Arguments(key => value for (key, value) in split.(parts[3:end], '='; limit = 2))
        println(number, ' ', answer(kernel, args))
        flush(stdout)
    end
end

end

Runner.main(ARGS[1])
