# Neurons of one kind over many steps, whatever their equation.

"""
Checked neurons that do a step at a time, in `T`: one for each membrane, whatever their kind.

A kind has what its membranes are before the first step, `start`, and says what one neuron does in one step,
[`advance`](@ref).
"""
abstract type Steps{T<:Element} end

"""
    advance(neurons, i, v, count, current) -> (v, spike)

Return the membrane and the spike of neuron `i` after one step, from its membrane, its count so far and its current.
"""
function advance end

"Run `neurons` for `steps` steps; `spikes` is (neurons, steps), `currents` as much or one column for all steps."
function fire!(spikes, v, counts, neurons::Steps, currents, steps::Int)
    v .= neurons.start
    fill!(counts, 0)
    for t in 1:steps
        advance!(view(spikes, :, t), v, counts, current_at(currents, t), neurons)
    end
    return nothing
end

function advance!(spikes, v, counts, currents, neurons::Steps)
    @inbounds @simd ivdep for i in eachindex(v)
        u, s = advance(neurons, i, v[i], counts[i], currents[i])
        v[i] = u
        counts[i] += s
        spikes[i] = s % Int8
    end
    return nothing
end

"Return the trace of `neurons` over currents of size (neurons, …, steps)."
function fire(neurons::Steps, currents::Array)
    inner, steps = size(currents)[1:end-1], size(currents)[end]
    return multistep(neurons, reshape(currents, prod(inner), steps), inner, steps)
end

"Return the trace of neurons of size `inner`; `currents` has a column for each step, or one for all."
function multistep(neurons::Steps{T}, currents::Matrix{T}, inner::Tuple, steps::Int) where {T}
    n = prod(inner)
    spikes, v, counts = zeros(Int8, n, steps), zeros(T, n), zeros(Int, n)
    fire!(spikes, v, counts, neurons, currents, steps)
    return Trace(reshape(spikes, inner..., steps), reshape(v, inner), reshape(counts, inner))
end

"Return the current of step `t`, a column; where there is one column only, it holds for every step."
current_at(currents::AbstractMatrix, t::Int) = view(currents, :, min(t, size(currents, 2)))

"Return `Σ_t currents[t]`, added step by step from +0."
function sum_in_order(currents::Array{T}) where {T<:Element}
    inner, steps = size(currents)[1:end-1], size(currents)[end]
    total = zeros(count_type(T), prod(inner))
    add_steps!(total, reshape(currents, length(total), steps), steps)
    return reshape(total, inner)
end

"Return `count·θ` in the type of θ, rounded once."
times(count::Int, θ::T) where {T<:Float} = T(count) * θ
times(count::Int, θ::Int32) = (count % Int32) * θ

"""
Return `v_init·θ`, where membranes start: of the type of θ, which has one value or one for each of `n`.

Of integers it is the product of Float64s, rounded once, and has to be a whole number; `v_init` itself need not be one.
"""
start_of(v_init, θ::Vector{T}, n::Int) where {T<:Float} = as_parameter(T, "v_init", v_init, n) .* θ
start_of(v_init, θ::Vector{Int32}, n::Int) =
    as_elements(Int32, "v_init·threshold", as_parameter(Float64, "v_init", v_init, n) .* θ)

function add_steps!(total, currents, steps::Int)
    fill!(total, 0)
    for t in 1:steps
        total .+= current_at(currents, t)
    end
    return nothing
end
