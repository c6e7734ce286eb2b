# Bipolar integrate-and-fire with a tracer.

"Checked parameters of `ST-BIF`, one value for each neuron."
struct Bipolar{T<:Element} <: Steps{T}
    threshold::Vector{T}
    start::Vector{T}
    tracer_min::Int
    tracer_max::Int
end

"Check parameters of one number, or of one for each of `n`, each of which holds for `each` neurons side by side."
function Bipolar(
    ::Type{T},
    n::Int,
    batch::Int,
    threshold,
    v_init,
    tracer_min,
    tracer_max,
    each::Int = 1,
) where {T<:Element}
    θ = as_parameter(T, "threshold", threshold, n)
    start = T <: Float ? as_parameter(T, "v_init", v_init, n) : start_of(v_init, θ, n)
    all(>(0), θ) || throw(KernelError("threshold", "threshold must be above 0, not $threshold"))
    tracer_min <= 0 <= tracer_max ||
        throw(KernelError("tracer", "tracer bounds must hold 0, where it starts, not [$tracer_min, $tracer_max]"))
    return Bipolar(spread(θ, n, batch, each), spread(start, n, batch, each), Int(tracer_min), Int(tracer_max))
end

"""
    st_bif_multistep(currents; threshold = 1, tracer_min = 0, tracer_max = 31, v_init = 0.5) -> Trace

Run bipolar neurons over `currents` of size (neurons, …, steps); `counts` is the tracer after the last step.

For every step and neuron, v in units of θ and starting at `v_init`, the tracer S at 0:

    v = v + I[t]/θ
    s = +1 where v >= 1 and S < tracer_max;  else -1 where v < 0 and S > tracer_min;  else 0
    S = S + s
    v = v - s

Int32 currents are not divided: v is in their units and starts at `v_init·θ`, a whole number.

    v = v + I[t]
    s = +1 where v >= θ and S < tracer_max;  else -1 where v < 0 and S > tracer_min;  else 0
    S = S + s
    v = v - s·θ

Once the input has ended and no neuron moves any more, with `v_init = 1/2`, `S = clip(floor(ΣI/θ + 1/2), tracer_min,
tracer_max)` (You et al. 2024, "SpikeZIP-TF"). Throws [`KernelError`](@ref) with `shape`, `non_finite`, `threshold` or
`tracer`; of Int32 with `not_whole`, or `overflow` where the run could pass 32 bits.
"""
function st_bif_multistep(
    currents::AbstractArray;
    threshold = 1.0,
    tracer_min::Integer = 0,
    tracer_max::Integer = 31,
    v_init = 0.5,
)
    I = as_currents(currents)
    n, batch = size(I, 1), prod(size(I)[2:end-1])
    neurons = Bipolar(eltype(I), n, batch, threshold, v_init, tracer_min, tracer_max)
    check_reach(neurons, I, size(I)[end])
    return fire(neurons, I)
end

reach(neurons::Bipolar) = max(largest(neurons.start), largest(neurons.threshold))
passed_on(::Bipolar, current) = 1.0

Base.@propagate_inbounds function advance(neurons::Bipolar{T}, i, v, S, current) where {T}
    u = v + current / neurons.threshold[i]
    s = ((u >= 1) & (S < neurons.tracer_max)) - ((u < 0) & (S > neurons.tracer_min))
    return u - T(s), s
end

Base.@propagate_inbounds function advance(neurons::Bipolar{Int32}, i, v, S, current)
    θ, u = neurons.threshold[i], v + current
    s = ((u >= θ) & (S < neurons.tracer_max)) - ((u < 0) & (S > neurons.tracer_min))
    return u - times(s, θ), s
end
