# `Checkpoint`: a network with what is needed to use it again.

"""
    Checkpoint(nodes, input_shape; metadata = "{}", frozen_layers = [])
    Checkpoint(weights, layer_names; biases, neurons, neuron_types, metadata = "{}", frozen_layers = [])

A spiking network at rest: [`StoredNode`](@ref)s, in an order in which each reads the input or nodes before it, on
inputs of a shape as the contract has it: (n,), (channels, length) or (channels, height, width).

- `metadata`: the text of a JSON object, carried byte for byte
- `frozen_layers`: names of nodes that fine-tuning leaves alone

The second form makes a chain of [`Linear`](@ref) nodes:

- `weights`: for each layer a matrix of size (out, in), Float32 or Float64; of integers Int8 or Int16
- `layer_names`: unique, input side first
- `biases`: for each layer a vector of length out, or nothing; none by default. Of the type of the weights, Int32
  beside weights of integers
- `neurons`: for each layer a [`Neuron`](@ref), or nothing; none by default
- `neuron_types`: for each layer a label; by default the kind of its neuron, or "LIF"

These lists can be read of any checkpoint; where an operation has no weight or bias, nothing stands in its place. Throws
[`CheckpointError`](@ref) for content that would not load again.
"""
struct Checkpoint
    nodes::Vector{StoredNode}
    input_shape::Shape
    frozen_layers::Vector{String}
    metadata::String
end

function Checkpoint(
    nodes::AbstractVector{StoredNode},
    input_shape;
    metadata::AbstractString = "{}",
    frozen_layers::AbstractVector = String[],
)
    names = [node.name for node in nodes]
    unknown = setdiff(frozen_layers, names)
    isempty(unknown) ||
        throw(CheckpointError("sidecar_schema", "frozen_layers names no layer: $(join(unknown, ", "))"))
    checkpoint = Checkpoint(nodes, Tuple(input_shape), filter(in(Set(frozen_layers)), names), metadata)
    validate(checkpoint)
    return checkpoint
end

function Checkpoint(
    weights::AbstractVector,
    layer_names::AbstractVector{<:AbstractString};
    biases::AbstractVector = fill(nothing, length(weights)),
    neurons::AbstractVector = fill(nothing, length(weights)),
    neuron_types::AbstractVector = [neuron === nothing ? "LIF" : neuron.kind for neuron in neurons],
    options...,
)
    lists = (weights = weights, biases = biases, neurons = neurons, neuron_types = neuron_types)
    for (part, given) in pairs(lists)
        length(given) == length(layer_names) || throw(
            CheckpointError("sidecar_schema", "$part has $(length(given)) entries for $(length(layer_names)) layers"),
        )
    end
    nodes = [
        StoredNode(name, stored_linear(name, W, b); neuron = neuron, neuron_type = kind) for
        (name, W, b, neuron, kind) in zip(layer_names, weights, biases, neurons, neuron_types)
    ]
    isempty(nodes) && throw(CheckpointError("sidecar_schema", "a checkpoint needs at least one layer"))
    return Checkpoint(nodes, (size(first(weights), 2),); options...)
end

function stored_linear(name, weight, bias)
    T = eltype(weight) <: Small ? Int32 : eltype(weight)
    bias === nothing ||
        eltype(bias) == T ||
        throw(CheckpointError("dtype", "$name: bias is $(eltype(bias)), weight $(eltype(weight)): give a bias of $T"))
    try
        return Linear(weight, bias)
    catch err
        err isa KernelError || rethrow()
        throw(CheckpointError(err.code, "$name: $(err.message)"))
    end
end

function Base.getproperty(checkpoint::Checkpoint, name::Symbol)
    nodes = getfield(checkpoint, :nodes)
    name === :layer_names && return [node.name for node in nodes]
    name === :neuron_types && return [node.neuron_type for node in nodes]
    name === :neurons && return [node.neuron for node in nodes]
    name === :weights && return [finder(arrays(node.operation))("weight") for node in nodes]
    name === :biases && return [finder(arrays(node.operation))("bias") for node in nodes]
    return getfield(checkpoint, name)
end

Base.propertynames(::Checkpoint) =
    (fieldnames(Checkpoint)..., :layer_names, :neuron_types, :neurons, :weights, :biases)

"Return for every node how many values it reads and how many it passes on: (in, out) of a linear layer."
function layer_sizes(checkpoint::Checkpoint)
    sources, shapes = sources_and_shapes(checkpoint)
    sizes = prod.([checkpoint.input_shape; shapes])
    return [(sum(sizes[places.+1]), sizes[k+1]) for (k, places) in enumerate(sources)]
end

"Return the number of weights and biases."
total_params(checkpoint::Checkpoint) =
    sum(sum(Int[length(array) for (_, array) in arrays(node.operation)]) for node in checkpoint.nodes)

"Return the places of what each node reads and the shapes of what they give, or throw `layer_chain`."
function sources_and_shapes(checkpoint::Checkpoint)
    nodes = checkpoint.nodes
    try
        sources = places_read([node.name for node in nodes], [node.inputs for node in nodes])
        return sources, shapes_of([node.operation for node in nodes], sources, checkpoint.input_shape)
    catch err
        err isa Union{GraphError,KernelError} || rethrow()
        throw(CheckpointError(err.code == "name" ? "sidecar_schema" : "layer_chain", err.message))
    end
end

"""
    network(checkpoint) -> Network

Return the network that runs; a layer without a stored neuron gets its label's kind with default parameters.

Throws [`CheckpointError`](@ref) with `neuron` for a label that is no kind of [`Neuron`](@ref), or not one of integers
where the weights are, and with `dtype` where the layers' weights differ in type.
"""
function network(checkpoint::Checkpoint)
    for node in checkpoint.nodes
        node.neuron_type in KINDS || throw(
            CheckpointError(
                "neuron",
                "$(node.name): no neuron is called \"$(node.neuron_type)\": there are $(join(KINDS, ", "))",
            ),
        )
    end
    nodes = [
        Node(node.operation, something(node.neuron, Neuron(node.neuron_type)); name = node.name, inputs = node.inputs)
        for node in checkpoint.nodes
    ]
    try
        return Network(nodes; input_shape = checkpoint.input_shape)
    catch err
        err isa KernelError || rethrow()
        throw(CheckpointError(err.code, err.message))
    end
end
