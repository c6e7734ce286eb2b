# A whole network, layer by layer over all steps, one sample after the other.

const ENCODINGS = ("current", "poisson", "spikes")

"""
    network_run(layers, inputs; timesteps, encoding = "current", seed = 0, record = false) -> RunResult

Run a vector of [`Layer`](@ref)s on `inputs` of size (in, batch), or (in, batch, timesteps) with `encoding = "spikes"`.

    s⁰ = encode(x);   sˡ = layer(sˡ⁻¹)  for l = 1 … L;   drive = Σ_t I[t] of the last layer

`"current"` feeds the value at every step, `"poisson"` draws spikes with the value as rate in [0, 1], `"spikes"` takes
the input as it is, step by step. `record` keeps every layer's spikes. Throws [`KernelError`](@ref) with `timesteps`,
`encoding`, `shape`, `non_finite`, `rate_range` or `seed`.
"""
function network_run(
    layers::AbstractVector{Layer{T}},
    inputs::AbstractArray;
    timesteps::Integer,
    encoding::AbstractString = "current",
    seed::Integer = 0,
    record::Bool = false,
) where {T<:Float}
    steps = check_timesteps(timesteps)
    stream = as_seed(seed)
    x = as_inputs(layers, inputs, steps, encoding)
    batch, widths = size(x, 2), [size(layer.weights, 1) for layer in layers]
    columns = [k == 1 && encoding == "current" ? 1 : steps for k in eachindex(layers)]
    parts = [LayerRun(layer, batch, columns[k], steps, record) for (k, layer) in enumerate(layers)]
    drive = zeros(T, last(widths), batch)
    for b in 1:batch
        signal = first_signal(x, b, steps, encoding, stream)
        for part in parts
            signal = run!(part, b, signal, steps)
        end
        add_steps!(view(drive, :, b), last(parts).currents, steps)
    end
    return RunResult{T}(
        [part.counts for part in parts],
        [part.membrane for part in parts],
        drive,
        steps,
        record ? [part.spikes for part in parts] : nothing,
    )
end

"Return `inputs` in the element type of the weights, or throw: the checks of `network_run`."
function as_inputs(layers::AbstractVector{Layer{T}}, inputs::AbstractArray, steps::Int, encoding) where {T}
    encoding in ENCODINGS ||
        throw(KernelError("encoding", "encoding \"$encoding\" is not one of $(join(ENCODINGS, ", "))"))
    isempty(layers) && throw(KernelError("shape", "a network needs at least one layer"))
    for (before, after) in zip(layers, layers[2:end])
        size(after.weights, 2) == size(before.weights, 1) ||
            throw(KernelError("shape", "a layer of $(size(before.weights, 1)) feeds weights $(size(after.weights))"))
    end
    n_in = size(first(layers).weights, 2)
    fits = encoding == "spikes" ? ndims(inputs) == 3 && size(inputs, 3) == steps : ndims(inputs) == 2
    fits && size(inputs, 1) == n_in || throw(
        KernelError(
            "shape",
            "inputs have size $(size(inputs)): give ($n_in, batch$(encoding == "spikes" ? ", $steps" : "")) " *
            "for encoding \"$encoding\"",
        ),
    )
    x = convert(Array{T}, as_float("inputs", inputs))
    check_finite("inputs", x)
    encoding == "poisson" && check_rates(convert(Array{Float64}, x))
    return x
end

"Return what the first layer receives of sample `b`: one column where every step is the same, else (in, steps)."
function first_signal(x::Array, b::Int, steps::Int, encoding, seed::UInt64)
    encoding == "current" && return x[:, b:b]
    encoding == "spikes" && return x[:, b, :]
    spikes = zeros(Int8, size(x, 1), steps)
    rates = convert(Vector{Float64}, x[:, b])
    draw!(spikes, rates, sample_key(rates), seed)
    return spikes
end

"One layer of a run: what it is, and room for what it does."
struct LayerRun{T<:Float,P,C,S}
    layer::Layer{T}
    neurons::P
    counts::Matrix{C}
    membrane::Matrix{T}
    currents::Matrix{T}
    passed::Matrix{S}
    spikes::Union{Nothing,Array{S,3}}
end

function LayerRun(layer::Layer{T}, batch::Int, columns::Int, steps::Int, record::Bool) where {T}
    n = size(layer.weights, 1)
    neurons = neurons_of(layer.neuron, T, n, 1)
    C, S = neurons isa PassOn ? (T, T) : (Int, Int8)
    spikes = record ? zeros(S, n, batch, steps) : nothing
    room = (zeros(C, n, batch), zeros(T, n, batch), zeros(T, n, columns), zeros(S, n, steps))
    return LayerRun{T,typeof(neurons),C,S}(layer, neurons, room..., spikes)
end

"Run sample `b` through one layer and return the spikes (n, steps) for the next."
function run!(part::LayerRun{T}, b::Int, signal, steps::Int) where {T}
    weighted_sum!(part.currents, part.layer, signal)
    v, counts = zeros(T, size(part.membrane, 1)), zeros(eltype(part.counts), size(part.counts, 1))
    fire!(part.passed, v, counts, part.neurons, part.currents, steps)
    part.membrane[:, b] = v
    part.counts[:, b] = counts
    part.spikes === nothing || (part.spikes[:, b, :] = part.passed)
    return part.passed
end

function fire!(passed, v, counts, ::PassOn, currents, steps::Int)
    for t in 1:steps
        passed[:, t] = current_at(currents, t)
    end
    add_steps!(counts, currents, steps)
    check_finite("currents, added up,", counts)
    return nothing
end
