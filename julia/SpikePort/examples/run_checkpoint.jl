# Load a checkpoint, run it on one sample, fine-tune its head by a step, and save it again.
#
#     julia --project=julia/SpikePort julia/SpikePort/examples/run_checkpoint.jl [CHECKPOINT]
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
    checkpoint = load_checkpoint(path)
    println("layers: ", join(("$name $n_in → $n_out" for (name, (n_in, n_out)) in
                              zip(checkpoint.layer_names, layer_sizes(checkpoint))), ", "))

    n_in = first(layer_sizes(checkpoint))[1]
    input = reshape([(k % 3) / 2 for k in 1:n_in], n_in, 1)
    run = network_run(network(checkpoint), input; timesteps = 32)
    println("spikes of the output layer: ", join(last(run.counts), " "))
    println("class: ", argmax(vec(run.drive)) - 1)

    names = checkpoint.layer_names
    schedule = finetune_schedule(names; freeze_until = length(names) - 2, lr_head = 0.125)
    gradients = [fill(one(eltype(w)), size(w)) for w in checkpoint.weights]
    weights, _ = finetune_step(
        checkpoint.weights,
        gradients,
        schedule.rates;
        layer_names = names,
        frozen = schedule.frozen,
    )
    tuned = Checkpoint(
        weights,
        names;
        biases = checkpoint.biases,
        neurons = checkpoint.neurons,
        neuron_types = checkpoint.neuron_types,
        metadata = checkpoint.metadata,
        frozen_layers = schedule.frozen,
    )
    sidecar = save_checkpoint(tuned, joinpath(folder, "tuned"))
    println("frozen: ", join(load_checkpoint(sidecar).frozen_layers, ", "))
end

mktempdir(main)
