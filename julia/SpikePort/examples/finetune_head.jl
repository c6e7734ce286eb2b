# Fine-tune the head of a checkpoint by a step, with the layers before it frozen, and save the tuned copy beside it.
#
#     julia --project=julia/SpikePort julia/SpikePort/examples/finetune_head.jl CHECKPOINT COPY

using SpikePort

function main(path, copy)
    checkpoint = load_checkpoint(path)
    names = checkpoint.layer_names
    schedule = finetune_schedule(names; freeze_until = length(names) - 2, lr_head = 0.125)
    # Gradients of a loss of yours stand here; with ones, every weight of the head goes down by its rate.
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
    sidecar = save_checkpoint(tuned, copy)
    println("frozen in the tuned copy: ", join(load_checkpoint(sidecar).frozen_layers, ", "))
end

main(ARGS...)
