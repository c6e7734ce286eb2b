# A whole network, node by node over all steps, one sample after the other.

"""
    network_run(network, inputs; timesteps, encoding = "current", seed = 0, record = false) -> RunResult
    network_run(nodes, inputs; input_shape, options...)

Run a [`Network`](@ref), or a vector of [`Node`](@ref)s, on `inputs` of size (reverse(input_shape)…, batch), or
(reverse(input_shape)…, batch, timesteps) with `encoding = "spikes"`: vectors are (in, batch), images (width, height,
channels, batch). The shape that nodes take is by default that of a first linear node, else that of the inputs.

    s_input = encode(x);   s_n = neurons_n(operation_n(s_i, s_j, …)) for every node n, which reads i, j, …
    drive = Σ_t I[t] of the last node

`"current"` feeds the value at every step, `"poisson"` draws spikes with the value as rate in [0, 1], `"spikes"` takes
the input as it is, step by step, `"pulse"` feeds the value, and the biases, at the first step alone. A sample has then
settled after s steps where at step s no node passes on anything but 0: nothing changes any more. `record` keeps the
spikes of every node. Throws [`KernelError`](@ref) with `timesteps`, `seed`, `shape`, `encoding`, `non_finite`,
`rate_range` or a code of the neurons, and what [`Network`](@ref) throws. A network of integers takes whole numbers, and
no `"poisson"`; it throws `not_whole`, or `overflow` before the first step where the run could pass 32 bits.
"""
function network_run(
    network::Network{T},
    inputs::AbstractArray;
    timesteps::Integer,
    encoding::AbstractString = "current",
    seed::Integer = 0,
    record::Bool = false,
) where {T<:Element}
    steps = check_timesteps(timesteps)
    stream = as_seed(seed)
    x = as_inputs(T, inputs, network.input_shape, steps, encoding)
    check_reach(network, x, steps)
    return walk(network, x, steps, encoding, stream, record)
end

function network_run(nodes::AbstractVector{<:Node}, inputs::AbstractArray; input_shape = nothing, options...)
    isempty(nodes) || first(nodes).operation isa Linear || input_shape !== nothing ||
        (input_shape = sample_shape(inputs, get(options, :encoding, "current")))
    return network_run(Network(nodes; input_shape = input_shape), inputs; options...)
end

"Run a network on checked inputs `x` (n, batch, …): every sample from the input to the last node."
function walk(network::Network{T}, x::Array{T}, steps::Int, encoding, seed::UInt64, record::Bool) where {T}
    batch, input = size(x, 2), input_signal(x, network.input_shape, steps, encoding)
    pulse = encoding == "pulse"
    parts = lay_out(network, input, batch, steps, record, pulse)
    output = last(parts)
    drive = zeros(T, size(output.membrane))
    moved, settled = zeros(Bool, pulse ? steps : 0), pulse ? zeros(Int, batch) : nothing
    for b in 1:batch
        encode!(input, x, b, encoding, seed)
        fill!(moved, false)
        for part in parts
            run!(part, b, steps)
            mark_moves!(moved, part.signal.values)
        end
        settled === nothing || (settled[b] = first_still(moved))
        add_steps!(view(drive, :, b), output.currents, steps)
    end
    shaped(array, shape) = reshape(array, reverse(shape)..., size(array)[2:end]...)
    return RunResult{T}(
        [shaped(part.counts, shape) for (part, shape) in zip(parts, network.shapes)],
        [shaped(part.membrane, shape) for (part, shape) in zip(parts, network.shapes)],
        shaped(drive, last(network.shapes)),
        steps,
        record ? [shaped(part.spikes, shape) for (part, shape) in zip(parts, network.shapes)] : nothing,
        settled,
    )
end

"Note the steps at which a signal (n, steps) is not 0 everywhere; `moved` is empty where nobody asks."
function mark_moves!(moved::Vector{Bool}, values::Matrix)
    for t in eachindex(moved)
        moved[t] |= any(!=(0), view(values, :, t))
    end
    return nothing
end

"Return the number of the first step behind the first one at which nothing moved, counted from 0, or -1."
function first_still(moved::Vector{Bool})
    place = length(moved) > 1 ? findnext(!, moved, 2) : nothing
    return place === nothing ? -1 : place - 1
end
