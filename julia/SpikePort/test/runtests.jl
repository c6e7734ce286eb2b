# julia --project=julia/SpikePort julia/SpikePort/test/runtests.jl

using SpikePort
using Test

"Return the code of the error that `call` throws, or nothing."
function code_of(call)
    try
        call()
    catch err
        err isa SpikePortError || rethrow()
        return err.code
    end
    return nothing
end

"Small numbers of few bits, the same on every version of Julia: k/16 from a counter-based generator."
dyadic(seed, dims...; low = -32, high = 32) = reshape(
    [(low + Int(SpikePort.mix(UInt64(seed) << 32 + UInt64(i)) % UInt64(high - low + 1))) / 16 for i in 1:prod(dims)],
    dims...,
)

@testset "SpikePort" begin
    include("neurons.jl")
    include("networks.jl")
    include("operations.jl")
    include("windows.jl")
    include("graphs.jl")
    include("settling.jl")
    include("finetuning.jl")
    include("json.jl")
    include("archives.jl")
    include("checkpoints.jl")
    include("graph_checkpoints.jl")
    include("hostile_graphs.jl")
    include("callers.jl")
    include("integers/neurons.jl")
    include("integers/operations.jl")
    include("integers/networks.jl")
    include("integers/checkpoints.jl")
end
