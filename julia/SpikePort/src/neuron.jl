# The neuron: what turns a current into spikes.

"The kinds of neurons; `identity` is none at all: what comes in goes out."
const KINDS = ("IF", "LIF", "ST-BIF", "identity")

const LARGEST_TRACER = 2^31 - 1

"Spikes of one neuron in one step, at most: a spike array holds bytes."
const MOST_SPIKES = 127

"One number for all neurons of a layer, or one for each."
const PerNeuron = Union{Float64,Vector{Float64}}

"""
    Neuron(kind = "LIF"; threshold = 1, v_init = 0, v_reset = nothing, beta = 1, tracer_min = 0, tracer_max = 31,
           max_spikes = 1)

Hold the parameters of one layer's neurons: a number for all of them, or a vector with one for each.

`IF` and `LIF`, for each step t:

    v = β·v + I[t]              β = 1 for IF
    s = v >= θ
    v = v - θ·s                 soft reset (v_reset is nothing), or  v = v_reset where s

`IF` with soft reset may send up to `max_spikes` in a step: s is then how many m in 1, …, max_spikes have v >= m·θ.

`ST-BIF` (You et al. 2024, "SpikeZIP-TF"), v in units of θ:

    v = v + I[t]/θ
    s = +1 where v >= 1 and S < tracer_max;  else -1 where v < 0 and S > tracer_min;  else 0
    S = S + s;  v = v - s

The membrane starts at `v_init·θ`. Throws [`GraphError`](@ref) with `neuron_kind`, `threshold`, `beta`, `v_reset`,
`tracer`, `max_spikes`, `shape` or `non_finite`.
"""
struct Neuron
    kind::String
    threshold::PerNeuron
    v_init::PerNeuron
    v_reset::Union{Nothing,PerNeuron}
    beta::PerNeuron
    tracer_min::Int
    tracer_max::Int
    max_spikes::Int

    function Neuron(
        kind::AbstractString = "LIF";
        threshold = 1.0,
        v_init = 0.0,
        v_reset = nothing,
        beta = 1.0,
        tracer_min::Integer = 0,
        tracer_max::Integer = 31,
        max_spikes::Integer = 1,
    )
        kind in KINDS || throw(GraphError("neuron_kind", "neuron kind \"$kind\" is not one of $(join(KINDS, ", "))"))
        θ, v0, β = per_neuron("threshold", threshold), per_neuron("v_init", v_init), per_neuron("beta", beta)
        reset = v_reset === nothing ? nothing : per_neuron("v_reset", v_reset)
        all(>(0), θ) || throw(GraphError("threshold", "threshold $θ is not above 0 everywhere"))
        all(b -> 0 <= b <= 1, β) ||
            throw(GraphError("beta", "beta $β is not in [0, 1]: it is the share of v that one step keeps"))
        kind == "LIF" ||
            all(==(1), β) ||
            throw(GraphError("beta", "$kind has no leak, so beta must be 1, not $β: use \"LIF\""))
        if reset !== nothing
            kind in ("IF", "LIF") ||
                throw(GraphError("v_reset", "$kind has no hard reset: leave v_reset = nothing"))
            length(θ) == 1 || length(reset) == 1 || length(θ) == length(reset) ||
                throw(GraphError("shape", "threshold and v_reset differ in length"))
            all(reset .< θ) || throw(GraphError("v_reset", "v_reset $reset is not below the threshold $θ"))
        end
        -LARGEST_TRACER <= tracer_min <= 0 <= tracer_max <= LARGEST_TRACER || throw(
            GraphError("tracer", "tracer bounds [$tracer_min, $tracer_max] do not hold 0, where the tracer starts"),
        )
        1 <= max_spikes <= MOST_SPIKES ||
            throw(GraphError("max_spikes", "max_spikes $max_spikes is not a whole number from 1 to $MOST_SPIKES"))
        max_spikes == 1 ||
            (kind == "IF" && reset === nothing) ||
            throw(GraphError("max_spikes", "only IF with soft reset sends more than one spike in a step"))
        return new(kind, θ, v0, reset, β, tracer_min, tracer_max, max_spikes)
    end
end

per_neuron(name, value::Real) = only(per_neuron(name, [value]))

function per_neuron(name, values::AbstractVector)
    isempty(values) && throw(GraphError("shape", "$name is empty: give one number, or one for each neuron"))
    array = Vector{Float64}(values)
    all(isfinite, array) || throw(GraphError("non_finite", "$name $values is not finite"))
    return array
end

"""
    is_uniform(neuron)

Return whether every parameter is a single number, the same for all neurons.
"""
is_uniform(neuron::Neuron) =
    all(value -> !(value isa Vector), (neuron.threshold, neuron.v_init, neuron.v_reset, neuron.beta))

function Base.:(==)(a::Neuron, b::Neuron)
    return all(getfield(a, name) == getfield(b, name) for name in fieldnames(Neuron))
end

Base.hash(neuron::Neuron, seed::UInt) =
    foldl((h, name) -> hash(getfield(neuron, name), h), fieldnames(Neuron); init = seed)
