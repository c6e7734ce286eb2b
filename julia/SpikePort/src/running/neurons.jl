# The neurons of a layer, whatever their kind, ready to run.

"What takes the place of neurons in an `identity` layer."
struct PassOn end

"Return the checked neurons of a layer, for `batch` samples: `each` side by side for each of `n` parameters."
function neurons_of(neuron::Neuron, ::Type{T}, n::Int, batch::Int, each::Int = 1) where {T<:Element}
    T <: Float || check_whole_kind(neuron.kind)
    neuron.kind == "identity" && return PassOn()
    θ, v0 = neuron.threshold, neuron.v_init
    neuron.kind == "ST-BIF" && return Bipolar(T, n, batch, θ, v0, neuron.tracer_min, neuron.tracer_max, each)
    return integrate_fire(T, n, batch, θ, v0, neuron.v_reset, neuron.beta, neuron.max_spikes, each)
end

"Throw `neuron_kind` for a kind of neurons that cannot be ones of integers."
check_whole_kind(kind::AbstractString) =
    kind != "LIF" ||
    throw(KernelError("neuron_kind", "LIF leaks, so it is not for integers: take IF, ST-BIF or identity"))

fire(::PassOn, currents::Array{T}) where {T<:Element} =
    Trace(currents, zeros(T, size(currents)[1:end-1]), sum_in_order(currents))

"Currents pass on as they are, so there is no signal to write: `counts` is what they add up to."
function fire!(signal, v, counts, ::PassOn, currents, steps::Int)
    add_steps!(counts, currents, steps)
    check_finite("currents, added up,", counts)
    return nothing
end
