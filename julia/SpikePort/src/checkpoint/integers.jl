# What a network of integers must have besides: neurons that integers can run, and no average.

"Return whether the weights of a checkpoint are of integers."
is_of_integers(checkpoint::Checkpoint) =
    any(node -> something(array_type(node.operation), Float64) <: Small, checkpoint.nodes)

"""
Throw [`CheckpointError`](@ref) where a network of integers has neurons (`neuron`) or an operation (`operation`) that
integers cannot have; one of floats may have all.
"""
function check_integers(checkpoint::Checkpoint)
    is_of_integers(checkpoint) || return nothing
    for node in checkpoint.nodes
        refused_as(() -> check_whole_kind(node.neuron_type), "neuron", node)
        node.neuron === nothing || refused_as(() -> check_whole(node.neuron), "neuron", node)
        refused_as(() -> check_whole(node.operation), "operation", node)
    end
    return nothing
end

"Throw [`KernelError`](@ref) for neurons that cannot run as ones of integers; of `identity` nothing is asked."
function check_whole(neuron::Neuron)
    n = maximum(length, (neuron.threshold, neuron.v_init, something(neuron.v_reset, 0.0)))
    neurons_of(neuron, Int32, n, 1)
    return nothing
end

function refused_as(check, code, node::StoredNode)
    try
        check()
    catch err
        err isa KernelError || rethrow()
        throw(CheckpointError(code, "$(node.name): $(err.message)"))
    end
end
