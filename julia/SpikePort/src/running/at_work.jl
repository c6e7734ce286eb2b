# Nodes at work: laid out once for a run, then taken through one sample after the other.

"Return a matrix of this type and size to write into: one of the `free` ones, which is so no longer, or a new one."
function take_matrix!(free::Vector{Matrix}, ::Type{S}, rows::Int, columns::Int) where {S}
    for k in length(free):-1:1
        matrix = free[k]
        matrix isa Matrix{S} && size(matrix) == (rows, columns) && return (deleteat!(free, k); matrix)
    end
    return zeros(S, rows, columns)
end

"""
A node of a run: what it reads, and room for what it does.

- `reads`, `currents`, `signal`: of one sample, those of the last sample until the next one comes
- `counts`, `membrane`, `spikes`: of all samples, as in [`RunResult`](@ref)
- `bias_once`: what is added to the currents of the first step alone, under a pulse; else nothing
"""
struct AtWork{T<:Element,O<:Operation,P,S,C}
    operation::O
    neurons::P
    reads::Vector{Signal}
    currents::Matrix{T}
    signal::Signal{S}
    counts::Matrix{C}
    membrane::Matrix{T}
    spikes::Union{Nothing,Array{S,3}}
    bias_once::Union{Nothing,Vector{T}}
end

"Return a node at work that gives a signal of `shape`; its matrices of one sample are `free` ones where these are fit."
function AtWork(
    ::Type{T},
    operation::O,
    neurons::P,
    reads::Vector{Signal},
    shape::Shape,
    free::Vector{Matrix},
    batch::Int,
    steps::Int,
    record::Bool,
    bias_once::Union{Nothing,Vector{T}},
) where {T<:Element,O<:Operation,P}
    n, is_steady = prod(shape), all(signal -> signal.is_steady, reads) && !remembers(operation)
    currents = take_matrix!(free, T, n, is_steady ? 1 : steps)
    S, C = P == PassOn ? (T, count_type(T)) : (Int8, Int)
    signal = P == PassOn ? Signal(currents, shape, is_steady) : Signal(take_matrix!(free, Int8, n, steps), shape, false)
    counts, membrane = zeros(C, n, batch), zeros(T, n, batch)
    spikes = record ? zeros(S, n, batch, steps) : nothing
    return AtWork{T,O,P,S,C}(operation, neurons, reads, currents, signal, counts, membrane, spikes, bias_once)
end

"""
Return the nodes laid out for a run of which `input` is the first signal.

A signal is forgotten after the last node that reads it, and its matrix serves again for a later one of the same size.
Under a `pulse` biases act at the first step alone.
"""
function lay_out(
    network::Network{T},
    input::Signal,
    batch::Int,
    steps::Int,
    record::Bool,
    pulse::Bool = false,
) where {T}
    forgotten = places_forgotten(network.sources)
    free, signals, parts = Matrix[], Signal[input], AtWork{T}[]
    for (k, node) in enumerate(network.nodes)
        reads, shape = signals[network.sources[k].+1], network.shapes[k]
        neurons = neurons_of(node.neuron, T, shape[1], 1, prod(shape[2:end]))
        operation, bias = pulse ? bias_apart(node.operation, shape) : (node.operation, nothing)
        part = AtWork(T, operation, neurons, reads, shape, free, batch, steps, record, bias)
        push!(parts, part)
        push!(signals, part.signal)
        part.signal.values === part.currents || push!(free, part.currents)
        for place in forgotten[k]
            push!(free, signals[place+1].values)
        end
    end
    return parts
end

"Return for each node the places of the signals that no later node reads; `sources` are the places that each reads."
function places_forgotten(sources)
    last_reader = collect(0:length(sources))
    for (k, places) in enumerate(sources), place in places
        last_reader[place+1] = k
    end
    forgotten = [Int[] for _ in sources]
    for (index, k) in enumerate(last_reader)
        push!(forgotten[max(k, 1)], index - 1)
    end
    return forgotten
end

"Return the operation without its bias, and the bias for each value of a signal of this `shape`, or nothing."
function bias_apart(operation::Operation, shape::Shape)
    find = finder([arrays(operation); attributes(operation)])
    find("bias") === nothing && return operation, nothing
    alone = make(typeof(operation).name.wrapper, name -> name == "bias" ? nothing : find(name))
    return alone, repeat(find("bias"); inner = prod(shape[2:end]))
end

"Take sample `b` through one node: from the signals it reads to the one it passes on."
function run!(part::AtWork, b::Int, steps::Int)
    currents!(part.currents, part.operation, part.reads)
    part.bias_once === nothing || steps == 0 || (view(part.currents, :, 1) .+= part.bias_once)
    steps == 0 || check_finite("currents", part.currents) # without a step no current flows, a steady one neither
    signal, v, counts = part.signal.values, view(part.membrane, :, b), view(part.counts, :, b)
    fire!(signal, v, counts, part.neurons, part.currents, steps)
    part.spikes === nothing || (part.spikes[:, b, :] .= signal)
    return nothing
end
