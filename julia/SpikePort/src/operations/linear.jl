# The linear operation.

"""
    Linear(weights, bias = nothing)

    I[j] = (0 + W[j, 1]·x[1] + W[j, 2]·x[2] + … ) + b[j]

in this order and with no fused multiply-add; a signal of several axes is read flat.

Weights W have size (out, in), a bias b has length out. Both are of one type, Float32 or Float64, that of the weights;
to weights of integers, Int8 or Int16, belong a bias and currents of Int32. Throws [`KernelError`](@ref) with `shape`,
`non_finite`, `not_whole` or `overflow`.
"""
struct Linear{W<:Union{Float,Small},T<:Element} <: Operation
    weights::Matrix{W}
    bias::Union{Nothing,Vector{T}}

    function Linear(weights::AbstractArray, bias::Union{Nothing,AbstractArray} = nothing)
        ndims(weights) == 2 || throw(KernelError("shape", "weights have size $(size(weights)): give (out, in)"))
        W = as_weights(weights)
        return new{eltype(W),current_type(eltype(W))}(W, as_bias(bias, W))
    end
end

function output_shape(operation::Linear, shapes::AbstractVector)
    shape, (n_out, n_in) = one_shape(Linear, shapes), size(operation.weights)
    prod(shape) == n_in || throw(
        KernelError("shape", "a signal of shape $shape feeds weights ($n_out, $n_in): it must have $n_in values"),
    )
    return (n_out,)
end

current_bound(operation::Linear, largest) = weighted_bound(operation.weights, operation.bias, only(largest))

currents!(currents, operation::Linear, signals::Vector{Signal}) = currents!(currents, operation, only(signals).values)
currents!(currents, operation::Linear, inputs::Matrix) =
    weighted_sum!(currents, operation.weights, operation.bias, inputs)

arrays(operation::Linear) = weight_and_bias(operation)

make(::Type{Linear}, find) = Linear(find("weight"), find("bias"))

function array_shapes(::Type{Linear}, find, shapes, shape::Shape)
    length(shape) == 1 || throw(KernelError("shape", "Linear gives a signal of one axis, not $shape"))
    return Shape[(shape[1], prod(one_shape(Linear, shapes))), shape]
end
