# Nodes in order, each naming what it reads, and the network they make: checked once, run any number of times.

"The name by which a node reads the input of the network."
const INPUT = "input"

"""
    Node(operation, neuron; name = "", inputs = [])

Hold one node of a network: an [`Operation`](@ref) on the signals it reads, and the [`Neuron`](@ref)s behind it.

`inputs` names the nodes it reads, in order, or `"$INPUT"`; by default it reads the node before it, the first one the
input. A node that another one names has a `name` of its own. A neuron's parameter is one number, or one for each entry
of the first axis of the node's shape: a neuron of a vector, a channel of an image.
"""
struct Node
    operation::Operation
    neuron::Neuron
    name::String
    inputs::Vector{String}

    function Node(
        operation::Operation,
        neuron::Neuron;
        name::AbstractString = "",
        inputs::AbstractVector{<:AbstractString} = String[],
    )
        return new(operation, neuron, name, inputs)
    end
end

"""
    Layer(weights, bias, neuron)

Return the [`Node`](@ref) of a [`Linear`](@ref) operation: weights of size (out, in), a bias of length out or nothing,
and its [`Neuron`](@ref)s. Its `weights` and `bias` are those of the operation.
"""
const Layer = Node

Node(weights::AbstractMatrix, bias::Union{Nothing,AbstractVector}, neuron::Neuron) = Node(Linear(weights, bias), neuron)

function Base.getproperty(node::Node, name::Symbol)
    name === :weights && return getfield(node, :operation).weights
    name === :bias && return getfield(node, :operation).bias
    return getfield(node, name)
end

"""
    Network(nodes; input_shape)

Check a vector of [`Node`](@ref)s against each other and hold them, ready for [`network_run`](@ref).

`input_shape` is that of one sample, as the contract has it: (n,), (channels, length) or (channels, height, width); by
default what a first linear node takes. The shape of every node's signal follows from it.

Weights are of one type. Where that is Int8 or Int16 it is a network of integers: its currents and membranes are Int32,
its neurons `IF`, `ST-BIF` and `identity`, and no node averages.

Throws [`KernelError`](@ref) with `shape`, `dtype` or `inputs`, of integers `neuron` or `operation`, and
[`GraphError`](@ref) with `name` where two nodes have one name or one is called "$INPUT".
"""
struct Network{T<:Element}
    nodes::Vector{Node}
    input_shape::Shape
    shapes::Vector{Shape}
    sources::Vector{Vector{Int}}
end

function Network(nodes::AbstractVector{<:Node}; input_shape = nothing)
    isempty(nodes) && throw(KernelError("shape", "a network needs at least one node"))
    shape = input_shape === nothing ? taken_by(first(nodes)) : as_shape(input_shape)
    T, sources = common_type(nodes), places_read([node.name for node in nodes], [node.inputs for node in nodes])
    T <: Float || foreach(check_whole, nodes)
    return Network{T}(nodes, shape, shapes_of([node.operation for node in nodes], sources, shape), sources)
end

Base.length(network::Network) = length(network.nodes)

function taken_by(node::Node)
    node.operation isa Linear && return (size(node.operation.weights, 2),)
    throw(KernelError("shape", "the first node takes inputs of many shapes: give input_shape, channels first"))
end

function as_shape(input_shape)
    1 <= length(input_shape) <= 3 && all(n -> n isa Integer && n > 0, input_shape) ||
        throw(KernelError("shape", "input_shape $input_shape: give one to three whole numbers, such as (3, 32, 32)"))
    return Tuple(Int.(input_shape))
end

"Return the type of the currents that all weights make, Float64 where there are none, or throw `dtype` for several types."
function common_type(nodes)
    types = unique(filter(!isnothing, [array_type(node.operation) for node in nodes]))
    length(types) <= 1 ||
        throw(KernelError("dtype", "layers differ in dtype: give all weights in one type, not $(join(types, ", "))"))
    return isempty(types) ? Float64 : current_type(only(types))
end

"Throw `neuron` or `operation` for a node that cannot be one of integers."
function check_whole(node::Node)
    check_whole(node.operation)
    try
        check_whole_kind(node.neuron.kind)
    catch err
        err isa KernelError || rethrow()
        throw(KernelError("neuron", err.message))
    end
end

"""
Return for each node the places of what it reads, in order: 0 is the input, k the node at k, which stands before it.

A list in which no node reads by name may have any names, that of the input and one name twice among them.
"""
function places_read(names, inputs)
    all(isempty, inputs) && allunique(filter(!isempty, names)) && return [[k - 1] for k in eachindex(names)]
    place = Dict(INPUT => 0)
    return map(eachindex(names)) do k
        places = isempty(inputs[k]) ? [k - 1] : [place_of(name, place) for name in inputs[k]]
        names[k] == INPUT && throw(GraphError("name", "no node can be called \"$INPUT\": that is the network's input"))
        haskey(place, names[k]) &&
            throw(GraphError("name", "two nodes are called \"$(names[k])\": give each a name of its own"))
        isempty(names[k]) || (place[names[k]] = k)
        places
    end
end

function place_of(name, place)
    haskey(place, name) || throw(
        KernelError("inputs", "no node before it is called \"$name\": there are $(join(keys(place), ", "))"),
    )
    return place[name]
end

"Return the shape of every node's signal, or throw `shape` where an operation and what it reads do not fit."
function shapes_of(operations, sources, input_shape::Shape)
    shapes = Shape[input_shape]
    for (operation, places) in zip(operations, sources)
        push!(shapes, output_shape(operation, shapes[places.+1]))
    end
    return shapes[2:end]
end
