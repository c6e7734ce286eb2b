# A network at rest: its nodes, with the labels and the neurons that a file has of them.

"""
    StoredNode(name, operation; neuron_type, neuron = nothing, inputs = [])

Hold one node of a [`Checkpoint`](@ref): its [`Operation`](@ref), a [`Neuron`](@ref) or nothing, and the names of what
it reads, by default the node before it.

`neuron_type` is the label of its neurons; by default the kind of `neuron`, or "LIF".
"""
struct StoredNode
    name::String
    operation::Operation
    neuron_type::String
    neuron::Union{Nothing,Neuron}
    inputs::Vector{String}
end

function StoredNode(
    name::AbstractString,
    operation::Operation;
    neuron::Union{Nothing,Neuron} = nothing,
    neuron_type::AbstractString = neuron === nothing ? "LIF" : neuron.kind,
    inputs::AbstractVector{<:AbstractString} = String[],
)
    return StoredNode(name, operation, neuron_type, neuron, inputs)
end

"Return the node that a sidecar's entry and its arrays describe; an entry of version 1 names nothing that it reads."
function stored_node(entry::NodeEntry, arrays::LayerArrays)
    given = [entry.attributes; "weight" => arrays.weight; "bias" => arrays.bias]
    neuron = arrays.neuron === nothing ? nothing : neuron_from_rows(entry.kind, arrays.neuron)
    return StoredNode(entry.name, make(OPERATIONS[entry.operation], finder(given)), entry.kind, neuron, entry.inputs)
end

"Return what the archive holds of a node whose signal has this first axis, in a version."
function layer_arrays(node::StoredNode, n::Int, version::Int)
    find = finder(arrays(node.operation))
    rows = node.neuron === nothing ? nothing : neuron_rows(node.neuron, n, version)
    return LayerArrays(find("weight"), find("bias"), rows)
end

"Throw [`CheckpointError`](@ref) unless a node's arrays and neuron, of a signal with this first axis, would load again."
function check_node(node::StoredNode, n::Int)
    for (name, array) in arrays(node.operation)
        all_finite(array) || throw(CheckpointError("non_finite", "$(node.name): $name holds NaN or infinity"))
    end
    neuron = node.neuron
    neuron === nothing && return nothing
    neuron.kind == node.neuron_type || throw(
        CheckpointError("neuron", "$(node.name): a neuron of kind $(neuron.kind) is labelled $(node.neuron_type)"),
    )
    for value in (neuron.threshold, neuron.v_init, neuron.v_reset, neuron.beta)
        value isa Vector && length(value) != n &&
            throw(CheckpointError("shape", "$(node.name): $(length(value)) values for $n neurons"))
    end
    return nothing
end
