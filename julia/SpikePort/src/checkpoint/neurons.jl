# Neurons as the rows of `layer_<i>.neuron`.

const NEURON_ROWS = ("threshold", "v_init", "hard_reset", "v_reset", "beta", "tracer_min", "tracer_max")

"Return the names of the rows in a version: the second has `max_spikes`, the most of one neuron in one step."
neuron_rows_of(version::Int) = version == 1 ? NEURON_ROWS : (NEURON_ROWS..., "max_spikes")

"""
Return a neuron's parameters as the array of `layer_<i>.neuron.npy`: (rows, 1) where uniform, else (rows, n).

There are those of [`neuron_rows_of`](@ref) the `version`; `n` is the first axis of the shape of the node.
"""
function neuron_rows(neuron::Neuron, n::Int, version::Int)
    reset = something(neuron.v_reset, 0.0)
    hard = Float64(neuron.v_reset !== nothing)
    tracer = (Float64(neuron.tracer_min), Float64(neuron.tracer_max))
    rows = ones(length(neuron_rows_of(version)), is_uniform(neuron) ? 1 : n)
    values = (neuron.threshold, neuron.v_init, hard, reset, neuron.beta, tracer..., Float64(neuron.max_spikes))
    for (row, value) in zip(axes(rows, 1), values)
        rows[row, :] .= value
    end
    return rows
end

"""
Return the neuron that [`neuron_rows`](@ref) describes, or throw [`CheckpointError`](@ref) with `neuron`.

A zero must be +0, so that equal contents have equal bytes.
"""
function neuron_from_rows(kind::AbstractString, rows::Matrix{Float64})
    row = Dict(zip(neuron_rows_of(2), (rows[k, :] for k in axes(rows, 1))))
    get!(row, "max_spikes", [1.0])
    for name in ("hard_reset", "tracer_min", "tracer_max", "max_spikes")
        value = first(row[name])
        all(v -> v === value, row[name]) && isinteger(value) && value !== -0.0 && abs(value) <= LARGEST_TRACER ||
            throw(CheckpointError("neuron", "$name must be one whole number for the layer"))
    end
    hard = first(row["hard_reset"])
    hard == 1 || (hard == 0 && all(v -> v === 0.0, row["v_reset"])) ||
        throw(CheckpointError("neuron", "hard_reset must be 0 (with v_reset 0) or 1"))
    values(name) = size(rows, 2) > 1 ? row[name] : only(row[name])
    try
        return Neuron(
            kind;
            threshold = values("threshold"),
            v_init = values("v_init"),
            v_reset = hard == 1 ? values("v_reset") : nothing,
            beta = values("beta"),
            tracer_min = Int(first(row["tracer_min"])),
            tracer_max = Int(first(row["tracer_max"])),
            max_spikes = Int(first(row["max_spikes"])),
        )
    catch err
        err isa GraphError || rethrow()
        throw(CheckpointError("neuron", err.message))
    end
end
