# The members of an archive: for each node a weight, a bias and the rows of its neuron, as far as it has them.
#
# For i = 0, 1, …: `layer_<i>.weight`, then where they exist `layer_<i>.bias` and `layer_<i>.neuron`.

"An array of weights, in textbook form: (out, in), or (out, in/groups, taps…)."
const Weight = Union{[Array{T,N} for T in (Float32, Float64, Int8, Int16) for N in 2:4]...}
const Bias = Union{Vector{Float32},Vector{Float64},Vector{Int32}}

"The arrays of one node: weight, bias (out), and neuron (rows, 1) or (rows, first axis of its shape), or nothing."
struct LayerArrays
    weight::Union{Nothing,Weight}
    bias::Union{Nothing,Bias}
    neuron::Union{Nothing,Matrix{Float64}}
end

"Return the number of weights and biases."
n_params(layer::LayerArrays) =
    sum(array -> array === nothing ? 0 : length(array), (layer.weight, layer.bias))

"""
Return the members that the archive of such a sidecar may have, the neuron last of each node.

Integers are of version 2. A neuron's rows are always Float64; that is checked with its layer, in [`layers_of`](@ref),
since other checks come before. Throws [`CheckpointError`](@ref) with `too_large` for a weight of version 2 that is a giant.
"""
function expected_members(sidecar::Sidecar)
    members, floats = Member[], [Float32, Float64]
    of_weight, of_bias = sidecar.version > 1 ? ([floats; Int8; Int16], [floats; Int32]) : (floats, floats)
    for (k, node) in enumerate(sidecar.nodes)
        rows, n = length(neuron_rows_of(sidecar.version)), first(node.shape)
        if sidecar.version > 1 && !isempty(node.arrays) && prod(Int128.(first(node.arrays))) > LARGEST_WIDTH
            throw(CheckpointError("too_large", "$(node.name) has more than 2^31 - 1 weights: $(first(node.arrays))"))
        end
        for (part, types, shape) in zip(("weight", "bias"), (of_weight, of_bias), node.arrays)
            push!(members, Member("layer_$(k - 1).$part", [shape], types, part == "weight"))
        end
        push!(members, Member("layer_$(k - 1).neuron", [(rows, 1), (rows, n)], floats, false))
    end
    return members
end

"""
Return the layers whose expected members these arrays are, the neuron last of each, or throw `dtype`.

Bias and weight of a layer are of one type, a bias of Int32 beside weights of integers; with `one_type`, all weights
are of one type. A layer is looked at before the arrays
of the next one are.
"""
function layers_of(arrays, expected::Vector{Member}, file::AbstractString; one_type::Bool = false)
    layers, parts, T = LayerArrays[], Dict{String,Any}(), nothing
    for (member, array) in zip(expected, arrays)
        layer, part = split(member.name, '.')
        parts[part] = array
        part == "neuron" || continue
        weight, bias, neuron = (get(parts, name, nothing) for name in ("weight", "bias", "neuron"))
        differ(what) = throw(CheckpointError("dtype", "$file: $layer: $what"))
        bias === nothing ||
            eltype(bias) == current_type(eltype(weight)) ||
            differ("its bias is $(eltype(bias)), beside a weight of $(eltype(weight))")
        neuron === nothing || eltype(neuron) == Float64 || differ("neuron must be Float64")
        if one_type && weight !== nothing
            T = something(T, eltype(weight))
            eltype(weight) == T || differ("its weight is $(eltype(weight)), that of a layer before it $T")
        end
        push!(layers, LayerArrays(weight, bias, neuron))
        empty!(parts)
    end
    return layers
end

"Return the arrays that there are, each with the name of its member, in the order of the archive."
function named_arrays(layers::AbstractVector{LayerArrays})
    arrays = Pair{String,Array}[]
    for (k, layer) in enumerate(layers), part in (:weight, :bias, :neuron)
        array = getfield(layer, part)
        array === nothing || push!(arrays, "layer_$(k - 1).$part" => array)
    end
    return arrays
end
