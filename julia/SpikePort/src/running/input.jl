# What a network is run on.

const ENCODINGS = ("current", "poisson", "spikes", "pulse")

"Return `inputs` in the element type `T` of the network, samples of `shape` as columns, or throw: see `network_run`."
function as_inputs(::Type{T}, inputs::AbstractArray, shape::Shape, steps::Int, encoding) where {T<:Element}
    encoding in ENCODINGS ||
        throw(KernelError("encoding", "encoding \"$encoding\" is not one of $(join(ENCODINGS, ", "))"))
    T <: Float || encoding != "poisson" ||
        throw(KernelError("encoding", "rates are not whole numbers, so encoding \"poisson\" is not for integers"))
    behind = encoding == "spikes" ? (steps,) : ()
    batch = size(inputs, length(shape) + 1)
    size(inputs) == (reverse(shape)..., batch, behind...) || throw(
        KernelError(
            "shape",
            "inputs have size $(size(inputs)): give ($(join((reverse(shape)..., "batch", behind...), ", "))) " *
            "for encoding \"$encoding\"",
        ),
    )
    x = reshape(as_elements(T, "inputs", inputs), prod(shape), batch, behind...)
    encoding == "poisson" && check_rates(convert(Array{Float64}, x))
    return x
end

"Return the shape of one sample of `inputs`, channels first."
sample_shape(inputs::AbstractArray, encoding) = reverse(size(inputs)[1:end-(encoding == "spikes" ? 2 : 1)])

"Return a matrix for the signal by which `x` reaches the network, sample by sample."
function input_signal(x::Array{T}, shape::Shape, steps::Int, encoding) where {T<:Element}
    n = size(x, 1)
    encoding == "current" && return Signal(zeros(T, n, 1), shape, true)
    return Signal(zeros(encoding == "poisson" ? Int8 : T, n, steps), shape, false)
end

"Write sample `b` of `x` into the `signal` by which it reaches the network."
function encode!(signal::Signal, x::Array, b::Int, encoding, seed::UInt64)
    encoding == "current" && return copyto!(signal.values, view(x, :, b))
    encoding == "spikes" && return copyto!(signal.values, view(x, :, b, :))
    encoding == "pulse" && return pulse!(signal.values, view(x, :, b))
    rates = convert(Vector{Float64}, x[:, b])
    return draw!(signal.values, rates, sample_key(rates), seed)
end

function pulse!(values, x)
    fill!(values, 0)
    isempty(values) || (values[:, 1] .= x)
    return values
end
