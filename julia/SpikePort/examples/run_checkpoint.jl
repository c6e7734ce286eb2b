# Load a checkpoint, run it with every input at one half and say what came out.
#
#     julia --project=julia/SpikePort julia/SpikePort/examples/run_checkpoint.jl [CHECKPOINT [TIMESTEPS]]
#
# Without a path, a small network is made first.

using SpikePort

function small_network(path)
    weights = [[0.5 -0.25 0.75; 0.25 0.5 -0.5], [1.0 -0.5; -0.25 0.75]]
    neurons = [Neuron("IF"; v_init = 0.5), Neuron("IF"; v_init = 0.5)]
    save_checkpoint(Checkpoint(weights, ["hidden", "output"]; neurons = neurons), path)
    return path
end

function main(folder)
    path = isempty(ARGS) ? small_network(joinpath(folder, "small")) : first(ARGS)
    timesteps = length(ARGS) < 2 ? 25 : parse(Int, ARGS[2])

    checkpoint = load_checkpoint(path)
    for (name, (n_in, n_out), kind) in zip(checkpoint.layer_names, layer_sizes(checkpoint), checkpoint.neuron_types)
        println(name, ": ", n_in, " -> ", n_out, ", ", kind)
    end

    input = fill(0.5, reverse(checkpoint.input_shape)..., 1)
    run = network_run(network(checkpoint), input; timesteps = timesteps)
    println("spikes of the last layer: ", vec(last(run.counts)))
    println("its drive: ", vec(run.drive))
end

mktempdir(main)
