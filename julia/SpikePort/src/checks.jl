# What every kernel asks of its arguments, before any work.

"The element types of the contract."
const Float = Union{Float32,Float64}

element_type(::AbstractArray{Float32}) = Float32
element_type(::AbstractArray) = Float64

"Return `values` as a finite array: Float32 stays Float32, everything else becomes Float64."
function as_float(name::AbstractString, values::AbstractArray)
    array = convert(Array{element_type(values)}, values)
    check_finite(name, array)
    return array
end

function check_finite(name::AbstractString, values::AbstractArray{<:Float})
    all_finite(values) && return nothing
    place = findfirst(!isfinite, values)
    throw(KernelError("non_finite", "$name holds NaN or infinity: $(values[place]) at index $(Tuple(place))"))
end

function all_finite(values::AbstractArray{<:Float})
    finite = true
    @inbounds @simd for i in eachindex(values)
        finite &= isfinite(values[i])
    end
    return finite
end

"Return `currents` as a finite array of size (neurons, …, steps)."
function as_currents(currents::AbstractArray)
    ndims(currents) >= 2 || throw(
        KernelError("shape", "currents has size $(size(currents)): give (neurons, steps), or (neurons, batch, steps)"),
    )
    return as_float("currents", currents)
end

"Return a neuron parameter as a vector of `T`: one number, or one for each of the `n` neurons."
function as_parameter(::Type{T}, name::AbstractString, value, n::Int) where {T<:Float}
    array = value isa Real ? T[value] : Vector{T}(value)
    check_finite(name, array)
    length(array) in (1, n) ||
        throw(KernelError("shape", "$name has $(length(array)) values: give one number, or $n"))
    return array
end

"Return a checked parameter with one value for each neuron: `each` for each of `n`, in each of `batch` samples."
spread(parameter::Vector, n::Int, batch::Int, each::Int = 1) =
    length(parameter) == n ? repeat(parameter; inner = each, outer = batch) : fill(only(parameter), n * each * batch)

function check_timesteps(timesteps::Integer)
    timesteps >= 0 ||
        throw(KernelError("timesteps", "timesteps must be a whole number of at least 0, not $timesteps"))
    return Int(timesteps)
end
