# The linear operation.

"""
    Linear(weights, bias = nothing)

    I[j] = (0 + W[j, 1]·x[1] + W[j, 2]·x[2] + … ) + b[j]

in this order and with no fused multiply-add.

Weights W have size (out, in), a bias b has length out. They are of one type, Float32 or Float64, that of the weights.
Throws [`KernelError`](@ref) with `shape` or `non_finite`.
"""
struct Linear{T<:Float} <: Operation{T}
    weights::Matrix{T}
    bias::Union{Nothing,Vector{T}}

    function Linear(weights::AbstractArray, bias::Union{Nothing,AbstractArray} = nothing)
        ndims(weights) == 2 || throw(KernelError("shape", "weights have size $(size(weights)): give (out, in)"))
        W = as_float("weights", weights)
        bias === nothing && return new{eltype(W)}(W, nothing)
        size(bias) == (size(W, 1),) || throw(
            KernelError("shape", "bias has size $(size(bias)), weights $(size(W)): give one bias for each row"),
        )
        b = convert(Vector{eltype(W)}, as_float("bias", bias))
        check_finite("bias", b)
        return new{eltype(W)}(W, b)
    end
end

function width(operation::Linear, widths)
    length(widths) == 1 ||
        throw(KernelError("shape", "$(length(widths)) signals feed a linear layer: it reads one"))
    weights = size(operation.weights)
    only(widths) == weights[2] ||
        throw(KernelError("shape", "a signal of $(only(widths)) values feeds weights $weights: give $(weights[2])"))
    return weights[1]
end

currents!(currents, operation::Linear, signal::Signal) = currents!(currents, operation, signal.values)
currents!(currents, operation::Linear, inputs::Matrix) =
    weighted_sum!(currents, operation.weights, operation.bias, inputs)

from_row_major(::Type{Linear}, find) = Linear(transposed(find("weight")), find("bias"))
