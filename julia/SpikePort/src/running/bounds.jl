# What a call of integers could reach at most. Where that is above 2^31 - 1 it is refused before it starts, so that
# nothing ever overflows; floats have no bound.
#
# A bound is a Float64: sums and products of numbers that are not negative, exact as far as Int32 goes, and what is above
# stays above. What an operation adds up to stands with the operation, `current_bound`; what neurons reach by themselves
# and pass on stands with them, `reach` and `passed_on`.

"Return the largest absolute value, 0 where there is none."
function largest(values::AbstractArray{T}) where {T<:Real}
    low, high = zero(T), zero(T)
    @inbounds @simd for i in eachindex(values)
        low, high = ifelse(values[i] < low, values[i], low), ifelse(values[i] > high, values[i], high)
    end
    return max(-Float64(low), Float64(high))
end

function check_bound(what::AbstractString, bound::Float64)
    bound <= typemax(Int32) && return nothing
    remedy = "take fewer steps, or smaller inputs, weights or thresholds"
    throw(KernelError("overflow", "$what could reach $bound, and 32 bits hold $(typemax(Int32)): $remedy"))
end

"Return what neurons could reach in so many steps of currents of at most `current`."
neuron_bound(neurons::Steps, current::Float64, steps::Int) = reach(neurons) + steps * current
neuron_bound(::PassOn, current::Float64, steps::Int) = steps * current
passed_on(::PassOn, current::Float64) = current

"""
    check_reach(neurons, currents, steps)
    check_reach(operation, signals, steps)
    check_reach(operation, neurons, inputs, steps)
    check_reach(network, inputs, steps)

Throw `overflow` where a call of integers could pass 32 bits: neurons, an operation, both as a layer, or a network.
"""
check_reach(neurons::Steps, currents::AbstractArray{Int32}, steps::Int) =
    check_bound("a membrane", neuron_bound(neurons, largest(currents), steps))

function check_reach(operation::Operation, signals::Vector{<:Array{Int32}}, steps::Int)
    bound = current_bound(operation, largest.(signals))
    return check_bound("a current", remembers(operation) ? steps * bound : bound) # what remembers adds up over the steps
end

check_reach(operation::Operation, neurons, inputs::Array{Int32}, steps::Int) =
    check_bound("a membrane", neuron_bound(neurons, current_bound(operation, [largest(inputs)]), steps))

function check_reach(network::Network{Int32}, inputs::Array{Int32}, steps::Int)
    most = [largest(inputs)]
    for (k, node) in enumerate(network.nodes)
        neurons = neurons_of(node.neuron, Int32, first(network.shapes[k]), 1)
        current = current_bound(node.operation, most[network.sources[k].+1])
        check_bound("node $k$(isempty(node.name) ? "" : ", $(node.name),")", neuron_bound(neurons, current, steps))
        push!(most, passed_on(neurons, current))
    end
    return nothing
end

check_reach(::Steps, ::AbstractArray{<:Float}, ::Int) = nothing
check_reach(::Operation, ::Vector{<:Array{<:Float}}, ::Int) = nothing
check_reach(::Operation, neurons, ::Array{<:Float}, ::Int) = nothing
check_reach(::Network{<:Float}, ::Array, ::Int) = nothing
