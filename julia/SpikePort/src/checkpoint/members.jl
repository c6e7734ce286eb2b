# Version 1 of the format: a chain of linear layers, and the members that its archive has.
#
# Members, for i = 0, 1, …: `layer_<i>.weight`, then where they exist `layer_<i>.bias` and `layer_<i>.neuron`.

"The arrays of one layer: weight (out, in), bias (out) or nothing, neuron (7, 1) or (7, out) or nothing."
struct LayerArrays
    weight::Union{Matrix{Float32},Matrix{Float64}}
    bias::Union{Nothing,Vector{Float32},Vector{Float64}}
    neuron::Union{Nothing,Matrix{Float64}}
end

const PARTS = ("weight", "bias", "neuron")

"""
Return the members of an archive whose layers have these (in, out) sizes: three for each layer.

A neuron's rows are always Float64; that is checked with its layer, in [`layers_of`](@ref), since other checks come
before.
"""
function expected_members(sizes)
    members, rows = Member[], length(NEURON_ROWS)
    for (k, (n_in, n_out)) in enumerate(sizes)
        shapes = ([(n_out, n_in)], [(n_out,)], [(rows, 1), (rows, n_out)])
        for (part, allowed) in zip(PARTS, shapes)
            push!(members, Member("layer_$(k - 1).$part", allowed, [Float32, Float64], part == "weight"))
        end
    end
    return members
end

"Return the layers whose expected members these arrays are, or throw `dtype` where types do not go together."
function layers_of(arrays, file::AbstractString)
    layers = LayerArrays[]
    for (weight, bias, neuron) in Iterators.partition(arrays, length(PARTS))
        place = "$file: layer_$(length(layers))"
        bias === nothing ||
            eltype(bias) == eltype(weight) ||
            throw(CheckpointError("dtype", "$place: bias and weight differ in dtype"))
        neuron === nothing ||
            eltype(neuron) == Float64 ||
            throw(CheckpointError("dtype", "$place: neuron must be Float64"))
        push!(layers, LayerArrays(weight, bias, neuron))
    end
    return layers
end

"Return the arrays that there are, each with the name of its member, in the order of the archive."
function named_arrays(layers::AbstractVector{LayerArrays})
    arrays = Pair{String,Union{Vector,Matrix}}[]
    for (k, layer) in enumerate(layers), part in PARTS
        array = getfield(layer, Symbol(part))
        array === nothing || push!(arrays, "layer_$(k - 1).$part" => array)
    end
    return arrays
end
