# Operations with weights, and the one loop that adds.
#
# The order of a sum is part of the contract: it makes a current independent of the batch, of the number of threads and
# of the language. A sum starts at +0 and so can never be -0, which is why terms whose input is 0 may be left out; the
# bias comes last.

"Return weights as an array, or throw: Float32, Int8 and Int16 stay, everything else becomes Float64."
as_weights(weights::AbstractArray) = as_float("weights", weights)
as_weights(weights::AbstractArray{T}) where {T<:Small} = as_elements(T, "weights", weights)

"Return `bias` in the type of the currents that the weights W make, whose first axis counts its values, or throw."
function as_bias(bias::Union{Nothing,AbstractArray}, W::Array{T}) where {T<:Union{Float,Small}}
    bias === nothing && return nothing
    size(bias) == (size(W, 1),) || throw(
        KernelError("shape", "bias has size $(size(bias)), weights $(size(W)): give one bias for each row"),
    )
    return as_elements(current_type(T), "bias", bias)
end

"Return the largest Σ |W[c, …]|·m + |b[c]| over the rows c of W, for inputs of at most m."
function weighted_bound(W::Array, bias::Union{Nothing,Vector}, m::Float64)
    rows, terms = zeros(size(W, 1)), reshape(W, size(W, 1), prod(size(W)[2:end]))
    for column in axes(terms, 2)
        @inbounds @simd for row in axes(terms, 1)
            rows[row] += abs(Float64(terms[row, column]))
        end
    end
    rows .*= m
    bias === nothing || (rows .+= abs.(Float64.(bias)))
    return largest(rows)
end

function weight_and_bias(operation)
    named = Pair{String,Array}["weight" => operation.weights]
    operation.bias === nothing || push!(named, "bias" => operation.bias)
    return named
end

"Set `currents` (out, columns) to `W·x + b` for each column x of `inputs` (in, columns)."
function weighted_sum!(currents::Matrix{T}, W::Matrix, bias::Union{Nothing,Vector{T}}, inputs::Matrix) where {T}
    active, values = Vector{Int}(undef, size(inputs, 1)), Vector{T}(undef, size(inputs, 1))
    for column in axes(inputs, 2)
        count = 0
        @inbounds for k in axes(inputs, 1)
            x = T(inputs[k, column])
            active[count+1], values[count+1] = k, x
            count += x != 0
        end
        total = view(currents, :, column)
        add_columns!(total, W, active, values, count)
        bias === nothing || (total .+= bias)
    end
    return nothing
end

"""
Set `total[j] = 0 + W[j, active[1]]·values[1] + …` over the first `count` inputs, in their order.

Four at a time, so that `total` is read and written a quarter as often; every output keeps its own order of additions.
"""
function add_columns!(total, W::Matrix, active::Vector{Int}, values::Vector{T}, count::Int) where {T}
    fill!(total, zero(T))
    blocked = count - count % 4
    @inbounds for i in 1:4:blocked
        a, b, c, d = active[i], active[i+1], active[i+2], active[i+3]
        x, y, z, w = values[i], values[i+1], values[i+2], values[i+3]
        @simd for j in eachindex(total)
            total[j] = (((total[j] + W[j, a] * x) + W[j, b] * y) + W[j, c] * z) + W[j, d] * w
        end
    end
    @inbounds for i in blocked+1:count
        a, x = active[i], values[i]
        @simd for j in eachindex(total)
            total[j] += W[j, a] * x
        end
    end
    return nothing
end
