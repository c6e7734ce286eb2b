# Integrate-and-fire over many steps.

"Checked parameters of `IF` neurons that send up to `max_spikes` in a step, one threshold and start for each neuron."
struct SeveralSpikes{T<:Float} <: Steps{T}
    threshold::Vector{T}
    v_init::Vector{T}
    max_spikes::Int
end

"Checked parameters of `IF` and `LIF`, one value for each neuron; `reset` is nothing under soft reset."
struct IntegrateFire{T<:Float,R<:Union{Nothing,Vector{T}}} <: Steps{T}
    threshold::Vector{T}
    v_init::Vector{T}
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
) where {T<:Float}
    θ, v0 = as_parameter(T, "threshold", threshold, n), as_parameter(T, "v_init", v_init, n)
    reset = v_reset === nothing ? nothing : as_parameter(T, "v_reset", v_reset, n)
    β = as_parameter(T, "beta", beta, n)
    all(>(0), θ) || throw(KernelError("threshold", "threshold must be above 0, not $threshold"))
    all(b -> 0 <= b <= 1, β) || throw(KernelError("beta", "beta must be in [0, 1], not $beta"))
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
    θ, v0, β = (spread(parameter, n, batch, each) for parameter in (θ, v0, β))
    return max_spikes == 1 ? IntegrateFire(θ, v0, reset, β) : SeveralSpikes(θ, v0, Int(max_spikes))
end

"""
    if_multistep(currents; threshold = 1, v_init = 0.5, v_reset = nothing, beta = 1, max_spikes = 1) -> Trace

Run integrate-and-fire neurons over `currents` of size (neurons, …, steps); Float32 stays Float32.

For every step and neuron, in this order, with no fused multiply-add:

    v = β·v + I[t]
    s = how many m in 1, …, max_spikes have v >= m·θ;   with max_spikes = 1:  s = v >= θ
    v = v - s·θ          soft reset, or  v = v_reset where s > 0

The membrane starts at `v_init·θ`. Parameters are numbers, or vectors with one value for each neuron. Throws
[`KernelError`](@ref) with `shape`, `non_finite`, `threshold`, `beta`, `v_reset` or `max_spikes`.
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
    I = as_float("current", current)
    n, batch = size(I, 1), prod(size(I)[2:end])
    neurons = integrate_fire(eltype(I), n, batch, threshold, v_init, v_reset, beta, max_spikes)
    return multistep(neurons, reshape(I, n * batch, 1), size(I), steps)
end

start!(v, neurons::Union{IntegrateFire,SeveralSpikes}) = v .= neurons.v_init .* neurons.threshold

Base.@propagate_inbounds function advance(neurons::IntegrateFire, i, v, count, current)
    θ = neurons.threshold[i]
    u = neurons.beta[i] * v + current
    s = u >= θ
    return ifelse(s, after_spike(neurons.reset, i, u, θ), u), s
end

Base.@propagate_inbounds function advance(neurons::SeveralSpikes{T}, i, v, count, current) where {T}
    θ, u, s = neurons.threshold[i], v + current, 0
    for m in 1:neurons.max_spikes
        s += u >= T(m) * θ
    end
    return ifelse(s > 0, u - T(s) * θ, u), s
end

after_spike(::Nothing, i, u, θ) = u - θ
Base.@propagate_inbounds after_spike(reset::Vector, i, u, θ) = reset[i]
