# A whole network, node by node over all steps, one sample after the other.

"The name by which a node reads the input of the network; no node may bear it."
const INPUT = "input"

"""
    Node(operation, neuron; name = "", inputs = [])

Hold one node of a network: an [`Operation`](@ref) on the signals it reads, and the [`Neuron`](@ref)s behind it.

`inputs` names the nodes it reads, in order, or `"$INPUT"`; by default it reads the node before it, the first one the
input. A node that another one names has a `name` of its own. Throws [`GraphError`](@ref) with `name`.
"""
struct Node{T<:Float}
    operation::Operation{T}
    neuron::Neuron
    name::String
    inputs::Vector{String}

    function Node(
        operation::Operation{T},
        neuron::Neuron;
        name::AbstractString = "",
        inputs::AbstractVector{<:AbstractString} = String[],
    ) where {T<:Float}
        name == INPUT && throw(GraphError("name", "no node can be called \"$INPUT\": that is the input of the network"))
        return new{T}(operation, neuron, name, inputs)
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
    network_run(nodes, inputs; timesteps, encoding = "current", seed = 0, record = false) -> RunResult

Run a vector of [`Node`](@ref)s on `inputs` of size (in, batch), or (in, batch, timesteps) with `encoding = "spikes"`.

    s⁰ = encode(x);   sˡ = neurons(operation(sˡ⁻¹))  for l = 1 … L;   drive = Σ_t I[t] of the last node

`"current"` feeds the value at every step, `"poisson"` draws spikes with the value as rate in [0, 1], `"spikes"` takes
the input as it is, step by step. `record` keeps the spikes of every node. Throws [`KernelError`](@ref) with
`timesteps`, `seed`, `shape`, `dtype`, `encoding`, `non_finite`, `rate_range`, `unknown_layer` or a code of the neurons,
and [`GraphError`](@ref) with `name` where two nodes have one name.
"""
function network_run(
    nodes::AbstractVector{<:Node},
    inputs::AbstractArray;
    timesteps::Integer,
    encoding::AbstractString = "current",
    seed::Integer = 0,
    record::Bool = false,
)
    steps = check_timesteps(timesteps)
    stream = as_seed(seed)
    network = of_one_type(nodes)
    x = as_inputs(number_type(first(network)), inputs, steps, encoding)
    return walk(network, x, steps, encoding, stream, record)
end

"Run a network on checked inputs `x`: every sample from the input to the last node."
function walk(nodes::Vector{Node{T}}, x::Array{T}, steps::Int, encoding, seed::UInt64, record::Bool) where {T}
    batch, input = size(x, 2), input_signal(x, steps, encoding)
    parts = lay_out(nodes, input, batch, steps, record)
    output = last(parts)
    drive = zeros(T, size(output.membrane))
    for b in 1:batch
        encode!(input, x, b, encoding, seed)
        for part in parts
            run!(part, b, steps)
        end
        add_steps!(view(drive, :, b), output.currents, steps)
    end
    return RunResult{T}(
        [part.counts for part in parts],
        [part.membrane for part in parts],
        drive,
        steps,
        record ? [part.spikes for part in parts] : nothing,
    )
end

"Return the nodes, all of one element type, or throw `shape` where there are none and `dtype` where types differ."
function of_one_type(nodes::AbstractVector{<:Node})
    isempty(nodes) && throw(KernelError("shape", "a network needs at least one layer"))
    T = number_type(first(nodes))
    all(node -> node isa Node{T}, nodes) ||
        throw(KernelError("dtype", "layers differ in dtype: give all weights as Float32 or all as Float64"))
    return convert(Vector{Node{T}}, nodes)
end

number_type(::Node{T}) where {T} = T

"Return for each node the places of what it reads, in order: 0 is the input, k the node at k, which stands before it."
function places_read(nodes)
    all(node -> isempty(node.inputs) && isempty(node.name), nodes) && return [[k - 1] for k in eachindex(nodes)]
    place = Dict(INPUT => 0)
    return map(enumerate(nodes)) do (k, node)
        places = isempty(node.inputs) ? [k - 1] : [place_of(name, place) for name in node.inputs]
        haskey(place, node.name) &&
            throw(GraphError("name", "two nodes are called \"$(node.name)\": give each a name of its own"))
        isempty(node.name) || (place[node.name] = k)
        places
    end
end

function place_of(name, place)
    haskey(place, name) || throw(
        KernelError("unknown_layer", "no node before it is called \"$name\": there are $(join(keys(place), ", "))"),
    )
    return place[name]
end
