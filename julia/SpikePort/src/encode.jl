# Poisson encoding from a counter-based generator.
#
# Every draw is a hash of where it stands, so four languages, any number of threads and any order draw the same spikes.
# With SplitMix64's finaliser `mix` (Steele, Lea and Flood 2014), modulo 2^64:
#
#     h     = mix(mix(mix(mix(seed + G) ⊕ sample + G) ⊕ step + G) ⊕ index + G)      (⊕ binds before +)
#     u     = (h >> 11)·2^-53
#     spike = u < rate

const GOLDEN = 0x9e3779b97f4a7c15

"Return SplitMix64's finaliser of `z`."
function mix(z::UInt64)
    z = (z ⊻ (z >> 30)) * 0xbf58476d1ce4e5b9
    z = (z ⊻ (z >> 27)) * 0x94d049bb133111eb
    return z ⊻ (z >> 31)
end

"""
    sample_keys(x) -> Vector{UInt64}

Return a key for every column of `x` (n, batch): equal samples, equal keys, at any place in a batch.

    key = ⊕_k mix((bits(x[k]) ⊕ mix(k + G)) + G)        bits of a Float64, -0 taken as +0; k counts from 0
"""
function sample_keys(x::AbstractMatrix)
    values = as_float("x", x)
    return [sample_key(view(values, :, b)) for b in axes(values, 2)]
end

function sample_key(x::AbstractVector)
    key = zero(UInt64)
    for (k, value) in enumerate(x)
        key ⊻= mix((reinterpret(UInt64, Float64(value) + 0.0) ⊻ mix(UInt64(k - 1) + GOLDEN)) + GOLDEN)
    end
    return key
end

"""
    encode_poisson(rates; timesteps, seed = 0, samples = nothing) -> Array{Int8,3}

Draw spikes of size (n, batch, timesteps) from `rates` of size (n, batch) in [0, 1].

`samples` names each sample's stream of draws, one integer for each column; by default it is [`sample_keys`](@ref) of the
rates. Throws [`KernelError`](@ref) with `timesteps`, `seed`, `shape`, `non_finite` or `rate_range`.
"""
function encode_poisson(rates::AbstractArray; timesteps::Integer, seed::Integer = 0, samples = nothing)
    steps = check_timesteps(timesteps)
    stream = as_seed(seed)
    ndims(rates) == 2 || throw(KernelError("shape", "rates have size $(size(rates)): give (n, batch)"))
    p = convert(Matrix{Float64}, as_float("rates", rates))
    check_rates(p)
    keys = samples === nothing ? sample_keys(p) : Vector{UInt64}(samples)
    length(keys) == size(p, 2) ||
        throw(KernelError("shape", "there are $(length(keys)) samples: give one for each column, $(size(p, 2))"))
    spikes = zeros(Int8, size(p, 1), size(p, 2), steps)
    for b in axes(p, 2)
        draw!(view(spikes, :, b, :), view(p, :, b), keys[b], stream)
    end
    return spikes
end

"Draw the spikes (n, steps) of one sample."
function draw!(spikes, rates, key::UInt64, seed::UInt64)
    start = mix((mix(seed + GOLDEN) ⊻ key) + GOLDEN)
    for t in axes(spikes, 2)
        now = mix((start ⊻ UInt64(t - 1)) + GOLDEN)
        @inbounds @simd for k in axes(spikes, 1)
            h = mix((now ⊻ UInt64(k - 1)) + GOLDEN)
            spikes[k, t] = (h >> 11) * 2.0^-53 < rates[k]
        end
    end
    return nothing
end

function check_rates(rates::AbstractArray{Float64})
    for rate in rates
        0 <= rate <= 1 ||
            throw(KernelError("rate_range", "a rate is $rate: Poisson encoding wants [0, 1]; encoding = \"current\" takes values of any size"))
    end
    return nothing
end

function as_seed(seed::Integer)
    0 <= seed <= typemax(UInt64) ||
        throw(KernelError("seed", "seed must be a whole number in [0, 2^64), not $seed"))
    return UInt64(seed)
end
