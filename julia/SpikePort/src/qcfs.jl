# QCFS, the quantisation-clip-floor-shift activation.

"""
    qcfs(x; timesteps, threshold = 1)

Return QCFS of `x` of size (neurons, …), `timesteps` + 1 levels in [0, θ]; Float32 stays Float32.

    qcfs(x) = clip(floor((x·T)/θ + 1/2), 0, T)·θ/T

computed from left to right. It is the rate, times θ, of an IF neuron with `v_init = 1/2` under a constant current x
for T steps (Bu et al. 2022, eq. 15). Throws [`KernelError`](@ref) with `timesteps` (below 1), `non_finite`, `threshold`
or `shape`.
"""
function qcfs(x::AbstractArray; timesteps::Integer, threshold = 1.0)
    timesteps >= 1 || throw(
        KernelError("timesteps", "timesteps must be at least 1, not $timesteps: with none there is no level but 0"),
    )
    ndims(x) >= 1 || throw(KernelError("shape", "x is a single number: give an array"))
    values = as_float("x", x)
    θ = as_parameter(eltype(values), "threshold", threshold, size(values, 1))
    all(>(0), θ) || throw(KernelError("threshold", "threshold must be above 0, not $threshold"))
    return quantise.(values, eltype(values)(timesteps), θ)
end

quantise(x::F, T::F, θ::F) where {F<:Float} = clamp(floor((x * T) / θ + F(0.5)), zero(F), T) * θ / T
