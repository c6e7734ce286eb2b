# What a network is run on.

const ENCODINGS = ("current", "poisson", "spikes")

"Return `inputs` in the element type `T` of the network, or throw: the checks of `network_run`."
function as_inputs(::Type{T}, inputs::AbstractArray, steps::Int, encoding) where {T<:Float}
    encoding in ENCODINGS ||
        throw(KernelError("encoding", "encoding \"$encoding\" is not one of $(join(ENCODINGS, ", "))"))
    fits = encoding == "spikes" ? ndims(inputs) == 3 && size(inputs, 3) == steps : ndims(inputs) == 2
    fits || throw(
        KernelError(
            "shape",
            "inputs have size $(size(inputs)): give (in, batch$(encoding == "spikes" ? ", $steps" : "")) " *
            "for encoding \"$encoding\"",
        ),
    )
    x = convert(Array{T}, as_float("inputs", inputs))
    check_finite("inputs", x)
    encoding == "poisson" && check_rates(convert(Array{Float64}, x))
    return x
end

"Return a matrix for the signal by which `x` reaches the network, sample by sample."
function input_signal(x::Array{T}, steps::Int, encoding) where {T<:Float}
    n = size(x, 1)
    encoding == "current" && return Signal(zeros(T, n, 1), true)
    return Signal(zeros(encoding == "poisson" ? Int8 : T, n, steps), false)
end

"Write sample `b` of `x` into the `signal` by which it reaches the network."
function encode!(signal::Signal, x::Array, b::Int, encoding, seed::UInt64)
    encoding == "current" && return copyto!(signal.values, view(x, :, b))
    encoding == "spikes" && return copyto!(signal.values, view(x, :, b, :))
    rates = convert(Vector{Float64}, x[:, b])
    return draw!(signal.values, rates, sample_key(rates), seed)
end
