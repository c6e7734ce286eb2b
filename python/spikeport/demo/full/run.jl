# Run a checkpoint on samples: counts of every layer, then the drive, as bytes on standard output.
#
#     julia run.jl PACKAGE CHECKPOINT SAMPLES TIMESTEPS
#
# SAMPLES holds float64 or int32 as the network takes them, in C order; Julia's arrays have the same order read backwards.

pushfirst!(LOAD_PATH, ARGS[1])
using SpikePort

function main(path, samples, timesteps)
    checkpoint = load_checkpoint(path)
    whole = eltype(first(w for w in checkpoint.weights if w !== nothing)) <: Integer
    values = reinterpret(whole ? Int32 : Float64, read(samples))
    shape = reverse(checkpoint.input_shape)
    x = reshape(collect(values), shape..., length(values) ÷ prod(shape))
    run = network_run(network(checkpoint), x; timesteps = timesteps)
    for counts in run.counts
        write(stdout, Int64.(counts))
    end
    write(stdout, Float64.(run.drive))
end

main(ARGS[2], ARGS[3], parse(Int, ARGS[4]))
