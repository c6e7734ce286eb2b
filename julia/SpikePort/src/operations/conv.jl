# The convolution, over one axis or two.

"""
    Conv(weights, bias = nothing; stride = 1, padding = 0, dilation = 1, groups = 1)

    I[c, p] = (Σ_{d, q} W[c, d, q]·x[g·(C/groups) + d, p·stride + q·dilation - padding]) + b[c]
    g       = floor(c·groups/out)

with d, then q ascending from +0 (all counted from 0), which is the order of the flat index that a term reads, and the
bias last; there is no term where a place lies in the padding. So it has the bits of the linear layer that does the
same.

Weights W have size (out, C/groups, taps) or (out, C/groups, rows, columns), a bias b has length out. Stride, padding
and dilation are a number for all axes, or one for each, rows first. Types and errors are those of [`Linear`](@ref).
"""
struct Conv{W<:Union{Float,Small},T<:Element,N} <: Operation
    weights::Array{W,N}
    bias::Union{Nothing,Vector{T}}
    window::Window
    groups::Int

    function Conv(
        weights::AbstractArray,
        bias::Union{Nothing,AbstractArray} = nothing;
        groups::Integer = 1,
        geometry...,
    )
        ndims(weights) in (3, 4) && !isempty(weights) || throw(
            KernelError("shape", "weights have size $(size(weights)): give (out, in/groups, taps), or rows, columns"),
        )
        check_groups(groups, size(weights, 1))
        W, window = as_weights(weights), Window(size(weights)[3:end]; geometry...)
        return new{eltype(W),current_type(eltype(W)),ndims(W)}(W, as_bias(bias, W), window, groups)
    end
end

check_groups(groups::Integer, channels::Int) =
    1 <= groups && channels % groups == 0 ||
    throw(KernelError("shape", "groups $groups does not divide $channels channels"))

function output_shape(operation::Conv, shapes::AbstractVector)
    shape, taken = one_shape(Conv, shapes), operation.groups * size(operation.weights, 2)
    sizes = places(operation.window, shape[2:end])
    shape[1] == taken ||
        throw(KernelError("shape", "a signal of $(shape[1]) channels feeds a convolution that takes $taken"))
    return (size(operation.weights, 1), sizes...)
end

current_bound(operation::Conv, largest) = weighted_bound(operation.weights, operation.bias, only(largest))

"""
Each value that is not 0 is scattered into the places that read it, all channels of its group at once.

Values come in ascending order of their flat index, and a place reads each of them by at most one tap, so every sum
gets its terms in the order of the contract.
"""
function currents!(currents, operation::Conv{<:Any,T}, signals::Vector{Signal}) where {T}
    signal, out = only(signals), size(operation.weights, 1)
    rows_columns = rows_and_columns(operation.window, signal.shape)
    W = reshape(operation.weights, out, length(operation.weights) ÷ out)
    total = zeros(T, out, rows_columns[1].o * rows_columns[2].o)
    for step in axes(currents, 2)
        fill!(total, zero(T))
        scatter!(total, W, view(signal.values, :, step), operation.groups, rows_columns...)
        write_channels!(view(currents, :, step), total, operation.bias)
    end
    return nothing
end

"Add every term to `total` (out, places); W is (out, terms of one sum)."
function scatter!(total::Matrix{T}, W::Matrix, x, groups::Int, rows::Axis, columns::Axis) where {T}
    at, in_group = 0, size(W, 2) ÷ (rows.taps * columns.taps)
    each = size(total, 1) ÷ groups
    for group in 0:groups-1, d in 1:in_group, row in rows.hits, column in columns.hits
        value = T(@inbounds x[at+=1])
        value == 0 && continue
        for (r, row_place) in row, (c, column_place) in column
            term = d + in_group * (r - 1 + rows.taps * (c - 1))
            place = column_place + columns.o * (row_place - 1)
            add_term!(total, W, group * each, each, term, place, value)
        end
    end
    return nothing
end

function add_term!(total::Matrix{T}, W::Matrix, before::Int, count::Int, term::Int, place::Int, value::T) where {T}
    @inbounds @simd ivdep for j in before+1:before+count
        total[j, place] += W[j, term] * value
    end
    return nothing
end

"Write `total` (out, places), and the bias with it, as a flat signal: the places of one channel after another's."
function write_channels!(currents, total::Matrix, bias)
    channels, places = size(total)
    @inbounds for c in 1:channels, p in 1:places
        currents[(c-1)*places+p] = bias === nothing ? total[c, p] : total[c, p] + bias[c]
    end
    return nothing
end

arrays(operation::Conv) = weight_and_bias(operation)

function attributes(operation::Conv)
    window = operation.window
    return Pair{String,Union{Int,Shape}}[
        "dilation" => window.dilation,
        "groups" => operation.groups,
        "kernel" => window.kernel,
        "padding" => window.padding,
        "stride" => window.stride,
    ]
end

function make(::Type{Conv}, find)
    given(name, default) = something(find(name), default)
    return Conv(
        find("weight"),
        find("bias");
        stride = given("stride", 1),
        padding = given("padding", 0),
        dilation = given("dilation", 1),
        groups = given("groups", 1),
    )
end

function array_shapes(::Type{Conv}, find, shapes, shape::Shape)
    read, groups = one_shape(Conv, shapes), find("groups")
    window = Window(find("kernel"); stride = find("stride"), padding = find("padding"), dilation = find("dilation"))
    foreach(channels -> check_groups(groups, channels), (first(read), first(shape)))
    check_output(Conv, (first(shape), places(window, read[2:end])...), shape)
    return Shape[(first(shape), first(read) ÷ groups, window.kernel...), (first(shape),)]
end
