# Integrate-and-fire over many steps.

"Checked parameters of `IF` and `LIF`, one value for each neuron; `reset` is nothing under soft reset."
struct IntegrateFire{T<:Float,R<:Union{Nothing,Vector{T}}} <: Steps{T}
    threshold::Vector{T}
    v_init::Vector{T}
    reset::R
    beta::Vector{T}
end

"Check parameters of one number, or of one for each of `n`, each of which holds for `each` neurons side by side."
function IntegrateFire(
    ::Type{T},
    n::Int,
    batch::Int,
    threshold,
    v_init,
    v_reset,
    beta,
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
    θ, v0, β = (spread(parameter, n, batch, each) for parameter in (θ, v0, β))
    return IntegrateFire(θ, v0, reset, β)
end

"""
    if_multistep(currents; threshold = 1, v_init = 0.5, v_reset = nothing, beta = 1) -> Trace

Run integrate-and-fire neurons over `currents` of size (neurons, …, steps); Float32 stays Float32.

For every step and neuron, in this order, with no fused multiply-add:

    v = β·v + I[t]
    s = v >= θ
    v = v - θ where s          soft reset, or  v = v_reset where s

The membrane starts at `v_init·θ`. Parameters are numbers, or vectors with one value for each neuron. Throws
[`KernelError`](@ref) with `shape`, `non_finite`, `threshold`, `beta` or `v_reset`.
"""
function if_multistep(currents::AbstractArray; threshold = 1.0, v_init = 0.5, v_reset = nothing, beta = 1.0)
    I = as_currents(currents)
    n, batch = size(I, 1), prod(size(I)[2:end-1])
    neurons = IntegrateFire(eltype(I), n, batch, threshold, v_init, v_reset, beta)
    return fire(neurons, I)
end

"""
    if_constant(current; timesteps, threshold = 1, v_init = 0.5, v_reset = nothing, beta = 1) -> Trace

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
)
    steps = check_timesteps(timesteps)
    ndims(current) >= 1 || throw(KernelError("shape", "current is a single number: give an array"))
    I = as_float("current", current)
    n, batch = size(I, 1), prod(size(I)[2:end])
    neurons = IntegrateFire(eltype(I), n, batch, threshold, v_init, v_reset, beta)
    return multistep(neurons, reshape(I, n * batch, 1), size(I), steps)
end

start!(v, neurons::IntegrateFire) = v .= neurons.v_init .* neurons.threshold

Base.@propagate_inbounds function advance(neurons::IntegrateFire, i, v, count, current)
    θ = neurons.threshold[i]
    u = neurons.beta[i] * v + current
    s = u >= θ
    return ifelse(s, after_spike(neurons.reset, i, u, θ), u), s
end

after_spike(::Nothing, i, u, θ) = u - θ
Base.@propagate_inbounds after_spike(reset::Vector, i, u, θ) = reset[i]
