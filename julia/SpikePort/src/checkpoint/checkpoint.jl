# `Checkpoint`: weights with what is needed to use them again, and the network they make.

const Weight = Union{Matrix{Float32},Matrix{Float64}}
const Bias = Union{Nothing,Vector{Float32},Vector{Float64}}

"""
    Checkpoint(weights, layer_names; biases, neurons, neuron_types, metadata = "{}", frozen_layers = [])

A spiking network at rest.

- `weights`: for each layer a matrix of size (out, in), Float32 or Float64
- `layer_names`: unique, input side first
- `biases`: for each layer a vector of length out, or nothing; none by default
- `neurons`: for each layer a [`Neuron`](@ref), or nothing; none by default
- `neuron_types`: for each layer a label; by default the kind of its neuron, or "LIF"
- `metadata`: the text of a JSON object, carried byte for byte
- `frozen_layers`: names of layers that fine-tuning leaves alone

Throws [`CheckpointError`](@ref) for content that would not load again.
"""
struct Checkpoint
    weights::Vector{Weight}
    biases::Vector{Bias}
    neurons::Vector{Union{Nothing,Neuron}}
    layer_names::Vector{String}
    neuron_types::Vector{String}
    frozen_layers::Vector{String}
    metadata::String
end

function Checkpoint(
    weights::AbstractVector,
    layer_names::AbstractVector{<:AbstractString};
    biases::AbstractVector = fill(nothing, length(weights)),
    neurons::AbstractVector = fill(nothing, length(weights)),
    neuron_types::AbstractVector = [neuron === nothing ? "LIF" : neuron.kind for neuron in neurons],
    metadata::AbstractString = "{}",
    frozen_layers::AbstractVector = String[],
)
    unknown = setdiff(frozen_layers, layer_names)
    isempty(unknown) ||
        throw(CheckpointError("sidecar_schema", "frozen_layers names no layer: $(join(unknown, ", "))"))
    frozen = [name for name in layer_names if name in frozen_layers]
    checkpoint = Checkpoint(weights, biases, neurons, layer_names, neuron_types, frozen, metadata)
    validate(checkpoint)
    return checkpoint
end

"Return (in, out) of every layer."
layer_sizes(checkpoint::Checkpoint) = [(size(weight, 2), size(weight, 1)) for weight in checkpoint.weights]

"Return the number of weights and biases."
total_params(checkpoint::Checkpoint) =
    sum(length, checkpoint.weights) + sum(bias -> bias === nothing ? 0 : length(bias), checkpoint.biases)

"Throw [`CheckpointError`](@ref) unless the checkpoint would load again."
function validate(checkpoint::Checkpoint)
    count = length(checkpoint.layer_names)
    for part in (:weights, :biases, :neurons, :neuron_types)
        given = length(getfield(checkpoint, part))
        given == count || throw(CheckpointError("sidecar_schema", "$part has $given entries for $count layers"))
    end
    read_sidecar(write_sidecar(describe(checkpoint, UInt8[])), "checkpoint")
    for k in 1:count
        check_layer(checkpoint, k)
    end
    return nothing
end

function check_layer(checkpoint::Checkpoint, k::Int)
    name, kind = checkpoint.layer_names[k], checkpoint.neuron_types[k]
    weight, bias, neuron = checkpoint.weights[k], checkpoint.biases[k], checkpoint.neurons[k]
    all_finite(weight) || throw(CheckpointError("non_finite", "$name: weight holds NaN or infinity"))
    if bias !== nothing
        length(bias) == size(weight, 1) ||
            throw(CheckpointError("shape", "$name: bias has $(length(bias)) values for $(size(weight, 1)) neurons"))
        eltype(bias) == eltype(weight) || throw(
            CheckpointError("dtype", "$name: bias is $(eltype(bias)), weight $(eltype(weight)): give both the same"),
        )
        all_finite(bias) || throw(CheckpointError("non_finite", "$name: bias holds NaN or infinity"))
    end
    if neuron !== nothing
        neuron.kind == kind ||
            throw(CheckpointError("neuron", "$name: a neuron of kind $(neuron.kind) is labelled $kind"))
        for value in (neuron.threshold, neuron.v_init, neuron.v_reset, neuron.beta)
            value isa Vector && length(value) != size(weight, 1) &&
                throw(CheckpointError("shape", "$name: $(length(value)) values for $(size(weight, 1)) neurons"))
        end
    end
    return nothing
end

"Return the sidecar of a checkpoint whose archive has these bytes."
function describe(checkpoint::Checkpoint, archive::Vector{UInt8})
    return Sidecar(
        checkpoint.layer_names,
        layer_sizes(checkpoint),
        checkpoint.neuron_types,
        checkpoint.frozen_layers,
        total_params(checkpoint),
        length(archive),
        bytes2hex(sha256(archive)),
        checkpoint.metadata,
    )
end

"Return what the archive of a checkpoint holds."
function layer_arrays(checkpoint::Checkpoint)
    return map(checkpoint.weights, checkpoint.biases, checkpoint.neurons) do weight, bias, neuron
        LayerArrays(weight, bias, neuron === nothing ? nothing : neuron_rows(neuron, size(weight, 1)))
    end
end

"""
    network(checkpoint) -> Vector{Node}

Return the network that runs; a layer without a stored neuron gets its label's kind with default parameters.

Throws [`CheckpointError`](@ref) with `neuron` for a label that is no kind of [`Neuron`](@ref), and with `dtype` where
the layers' weights differ in type.
"""
function network(checkpoint::Checkpoint)
    for (name, kind) in zip(checkpoint.layer_names, checkpoint.neuron_types)
        kind in KINDS ||
            throw(CheckpointError("neuron", "$name: no neuron is called \"$kind\": there are $(join(KINDS, ", "))"))
    end
    T = eltype(first(checkpoint.weights))
    all(weight -> eltype(weight) == T, checkpoint.weights) ||
        throw(CheckpointError("dtype", "layers differ in dtype: give all weights as Float32 or all as Float64"))
    return Node{T}[
        Layer(checkpoint.weights[k], checkpoint.biases[k], something(checkpoint.neurons[k], Neuron(kind))) for
        (k, kind) in enumerate(checkpoint.neuron_types)
    ]
end
