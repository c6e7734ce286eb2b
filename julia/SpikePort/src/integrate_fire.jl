# Integrate-and-fire over many steps.

"Checked parameters of `IF` neurons that send up to `max_spikes` in a step, one threshold and start for each neuron."
struct SeveralSpikes{T<:Element} <: Steps{T}
    threshold::Vector{T}
    start::Vector{T}
    max_spikes::Int
end

"Checked parameters of `IF` and `LIF`, one value for each neuron; `reset` is nothing under soft reset."
struct IntegrateFire{T<:Element,R<:Union{Nothing,Vector{T}}} <: Steps{T}
    threshold::Vector{T}
    start::Vector{T}
    reset::R
    beta::Vector{T}
end

"""
Check parameters of one number, or of one for each of `n`, each of which holds for `each` neurons side by side.

Returns [`IntegrateFire`](@ref) neurons, or [`SeveralSpikes`](@ref) where `max_spikes` is above 1.
"""
function integrate_fire(
    ::Type{T},
    n::Int,
    batch::Int,
    threshold,
    v_init,
    v_reset,
    beta,
    max_spikes::Integer,
    each::Int = 1,
) where {T<:Element}
    θ = as_parameter(T, "threshold", threshold, n)
    start = start_of(v_init, θ, n)
    reset = v_reset === nothing ? nothing : as_parameter(T, "v_reset", v_reset, n)
    β = as_parameter(T <: Float ? T : Float64, "beta", beta, n)
    all(>(0), θ) || throw(KernelError("threshold", "threshold must be above 0, not $threshold"))
    all(b -> 0 <= b <= 1, β) || throw(KernelError("beta", "beta must be in [0, 1], not $beta"))
    T <: Float || all(==(1), β) || throw(KernelError("beta", "integers have no leak, so beta must be 1, not $beta"))
    if reset !== nothing
        all(reset .< θ) ||
            throw(KernelError("v_reset", "v_reset must be below the threshold $threshold, not $v_reset"))
        reset = spread(reset, n, batch, each)
    end
    1 <= max_spikes <= MOST_SPIKES ||
        throw(KernelError("max_spikes", "max_spikes must be a whole number from 1 to $MOST_SPIKES, not $max_spikes"))
    max_spikes == 1 ||
        (reset === nothing && all(==(1), β)) ||
        throw(KernelError("max_spikes", "max_spikes $max_spikes needs soft reset and no leak"))
    θ, start, β = (spread(parameter, n, batch, each) for parameter in (θ, start, convert(Vector{T}, β)))
    return max_spikes == 1 ? IntegrateFire(θ, start, reset, β) : SeveralSpikes(θ, start, Int(max_spikes))
end

"""
    if_multistep(currents; threshold = 1, v_init = 0.5, v_reset = nothing, beta = 1, max_spikes = 1) -> Trace

Run integrate-and-fire neurons over `currents` of size (neurons, …, steps); Float32 and Int32 stay what they are.

For every step and neuron, in this order, with no fused multiply-add:

    v = β·v + I[t]
    s = how many m in 1, …, max_spikes have v >= m·θ;   with max_spikes = 1:  s = v >= θ
    v = v - s·θ          soft reset, or  v = v_reset where s > 0

The membrane starts at `v_init·θ`. Parameters are numbers, or vectors with one value for each neuron. Throws
[`KernelError`](@ref) with `shape`, `non_finite`, `threshold`, `beta`, `v_reset` or `max_spikes`; of Int32, where all
but `v_init` are whole numbers and β is 1, with `not_whole`, or `overflow` where the run could pass 32 bits.
"""
function if_multistep(
    currents::AbstractArray;
    threshold = 1.0,
    v_init = 0.5,
    v_reset = nothing,
    beta = 1.0,
    max_spikes::Integer = 1,
)
    I = as_currents(currents)
    n, batch = size(I, 1), prod(size(I)[2:end-1])
    neurons = integrate_fire(eltype(I), n, batch, threshold, v_init, v_reset, beta, max_spikes)
    check_reach(neurons, I, size(I)[end])
    return fire(neurons, I)
end

"""
    if_constant(current; timesteps, threshold = 1, v_init = 0.5, v_reset = nothing, beta = 1, max_spikes = 1) -> Trace

Run integrate-and-fire neurons for `timesteps` steps on one `current` of size (neurons, …): [`if_multistep`](@ref) on
copies of it, which are not made. Throws as that does, and `timesteps` for a negative number.
"""
function if_constant(
    current::AbstractArray;
    timesteps::Integer,
    threshold = 1.0,
    v_init = 0.5,
    v_reset = nothing,
    beta = 1.0,
    max_spikes::Integer = 1,
)
    steps = check_timesteps(timesteps)
    ndims(current) >= 1 || throw(KernelError("shape", "current is a single number: give an array"))
    I = as_elements("current", current)
    n, batch = size(I, 1), prod(size(I)[2:end])
    neurons = integrate_fire(eltype(I), n, batch, threshold, v_init, v_reset, beta, max_spikes)
    check_reach(neurons, I, steps)
    return multistep(neurons, reshape(I, n * batch, 1), size(I), steps)
end

reach(neurons::IntegrateFire) =
    max(largest(neurons.start), neurons.reset === nothing ? 0.0 : largest(neurons.reset), largest(neurons.threshold))
reach(neurons::SeveralSpikes) = max(largest(neurons.start), neurons.max_spikes * largest(neurons.threshold))
passed_on(::IntegrateFire, current) = 1.0
passed_on(neurons::SeveralSpikes, current) = Float64(neurons.max_spikes)

Base.@propagate_inbounds function advance(neurons::IntegrateFire, i, v, count, current)
    θ = neurons.threshold[i]
    u = neurons.beta[i] * v + current
    s = u >= θ
    return ifelse(s, after_spike(neurons.reset, i, u, θ), u), s
end

Base.@propagate_inbounds function advance(neurons::SeveralSpikes, i, v, count, current)
    θ, u, s = neurons.threshold[i], v + current, 0
    for m in 1:neurons.max_spikes
        s += u >= times(m, θ)
    end
    return ifelse(s > 0, u - times(s, θ), u), s
end

after_spike(::Nothing, i, u, θ) = u - θ
Base.@propagate_inbounds after_spike(reset::Vector, i, u, θ) = reset[i]
