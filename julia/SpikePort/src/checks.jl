# What every kernel asks of its arguments, before any work.

"The element types of the contract that are rounded."
const Float = Union{Float32,Float64}

"The element types of the contract: those of currents and membranes."
const Element = Union{Float,Int32}

"What weights of integers may be; their currents are Int32."
const Small = Union{Int8,Int16}

"Return the type of the currents that weights of this type make."
current_type(::Type{T}) where {T<:Float} = T
current_type(::Type{<:Small}) = Int32

"Return the type of a sum of currents over all steps, where it counts what a node passed on."
count_type(::Type{T}) where {T<:Float} = T
count_type(::Type{Int32}) = Int

float_type(::AbstractArray{Float32}) = Float32
float_type(::AbstractArray) = Float64
element_type(values::AbstractArray) = float_type(values)
element_type(::AbstractArray{Int32}) = Int32

"Return `values` as a finite array: Float32 stays Float32, everything else becomes Float64."
as_float(name::AbstractString, values::AbstractArray) = as_elements(float_type(values), name, values)

"Return `values` as a checked array: Float32 and Int32 stay, everything else becomes Float64."
as_elements(name::AbstractString, values::AbstractArray) = as_elements(element_type(values), name, values)

"Return `values` as an array of `T`, or throw: floats are finite, integers whole and of the range of their type."
function as_elements(::Type{T}, name::AbstractString, values::AbstractArray) where {T<:Float}
    array = convert(Array{T}, values)
    check_finite(name, array)
    return array
end

as_elements(::Type{T}, ::AbstractString, values::AbstractArray{T}) where {T<:Union{Int32,Small}} =
    convert(Array{T}, values)

function as_elements(::Type{T}, name::AbstractString, values::AbstractArray) where {T<:Union{Int32,Small}}
    least, most = T === Int32 ? (-typemax(T), typemax(T)) : (typemin(T), typemax(T))
    numbers = eltype(values) <: Integer ? values : as_float(name, values)
    check_all(isinteger, numbers, "not_whole", name, "integers are whole numbers: round them, or take floats")
    check_all(x -> least <= x <= most, numbers, "overflow", name, "give whole numbers from $least to $most")
    return convert(Array{T}, numbers)
end

function check_finite(name::AbstractString, values::AbstractArray{<:Float})
    all_finite(values) && return nothing
    place = findfirst(!isfinite, values)
    throw(KernelError("non_finite", "$name holds NaN or infinity: $(values[place]) at index $(Tuple(place))"))
end

check_finite(::AbstractString, ::AbstractArray{<:Integer}) = nothing

function check_all(is_good, values::AbstractArray, code, name, remedy)
    all(is_good, values) && return nothing
    place = findfirst(!is_good, values)
    throw(KernelError(code, "$name holds $(values[place]) at index $(Tuple(place)): $remedy"))
end

all_finite(::AbstractArray{<:Integer}) = true

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
    return as_elements("currents", currents)
end

"Return a neuron parameter as a vector of `T`: one number, or one for each of the `n` neurons."
function as_parameter(::Type{T}, name::AbstractString, value, n::Int) where {T<:Element}
    array = as_elements(T, name, value isa Real ? [value] : value)
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
