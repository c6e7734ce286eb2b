# One layer: spikes in, weighted sums, neurons, spikes out.

"""
    Layer(weights, bias, neuron)

Hold one layer: weights of size (out, in), a bias of length out or nothing, and its [`Neuron`](@ref)s.
"""
struct Layer{T<:Float}
    weights::Matrix{T}
    bias::Union{Nothing,Vector{T}}
    neuron::Neuron

    function Layer(weights::AbstractMatrix, bias::Union{Nothing,AbstractVector}, neuron::Neuron)
        W = as_float("weights", weights)
        b = bias === nothing ? nothing : convert(Vector{eltype(W)}, as_float("bias", bias))
        b === nothing ||
            length(b) == size(W, 1) ||
            throw(KernelError("shape", "bias has $(length(b)) values, weights $(size(W)): give one bias a row"))
        return new{eltype(W)}(W, b, neuron)
    end
end

"What takes the place of neurons in an `identity` layer."
struct PassOn end

"Return the checked neurons of a layer of `n`, for `batch` samples."
function neurons_of(neuron::Neuron, ::Type{T}, n::Int, batch::Int) where {T<:Float}
    neuron.kind == "identity" && return PassOn()
    given = (threshold = neuron.threshold, v_init = neuron.v_init)
    neuron.kind == "ST-BIF" &&
        return Bipolar(T, n, batch; given..., tracer_min = neuron.tracer_min, tracer_max = neuron.tracer_max)
    return IntegrateFire(T, n, batch; given..., v_reset = neuron.v_reset, beta = neuron.beta)
end

"""
    layer_forward(inputs, weights, bias, neuron) -> Trace

Run one layer over `inputs` of size (in, batch, steps) and return its spikes of size (out, batch, steps).

    I[j] = (0 + W[j, 1]·x[1] + W[j, 2]·x[2] + … ) + b[j]

in this order, with no fused multiply-add, which makes a current independent of the batch and of the language. The sum
starts at +0 and so is never -0, which is why terms with `x[k] = 0` may be left out. Throws [`KernelError`](@ref) with
`shape`, `non_finite`, and the codes of the neuron's own kernel.
"""
function layer_forward(
    inputs::AbstractArray,
    weights::AbstractMatrix,
    bias::Union{Nothing,AbstractVector},
    neuron::Neuron,
)
    layer = Layer(weights, bias, neuron)
    x = as_float("inputs", inputs)
    n_out, n_in = size(layer.weights)
    ndims(x) == 3 && size(x, 1) == n_in ||
        throw(KernelError("shape", "inputs $(size(x)) do not fit weights $(size(weights)): give ($n_in, batch, steps)"))
    batch, steps = size(x, 2), size(x, 3)
    currents = zeros(eltype(layer.weights), n_out, batch * steps)
    weighted_sum!(currents, layer, reshape(x, n_in, batch * steps))
    return fire(neurons_of(neuron, eltype(currents), n_out, batch), reshape(currents, n_out, batch, steps))
end

"Set `currents` (out, columns) to `W·x + b` for inputs of size (in, columns), or throw `non_finite`."
function weighted_sum!(currents::Matrix{T}, layer::Layer{T}, inputs::Matrix) where {T}
    active, values = Vector{Int}(undef, size(inputs, 1)), Vector{T}(undef, size(inputs, 1))
    for column in axes(inputs, 2)
        count = 0
        @inbounds for k in axes(inputs, 1)
            x = T(inputs[k, column])
            active[count+1], values[count+1] = k, x
            count += x != 0
        end
        add_columns!(view(currents, :, column), layer.weights, active, values, count)
        layer.bias === nothing || (view(currents, :, column) .+= layer.bias)
    end
    check_finite("currents", currents)
    return nothing
end

"""
Set `total[j] = 0 + W[j, active[1]]·values[1] + …` over the first `count` inputs, in their order.

Four at a time, so that `total` is read and written a quarter as often; every output keeps its own order of additions.
"""
function add_columns!(total, W::Matrix{T}, active::Vector{Int}, values::Vector{T}, count::Int) where {T}
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

function fire(::PassOn, currents::Array{T}) where {T<:Float}
    return Trace(currents, zeros(T, size(currents)[1:end-1]), sum_in_order(currents))
end
