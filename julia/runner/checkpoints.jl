# The kernels of the family `checkpoint`.

KERNELS["checkpoint.read"] = function (args)
    checkpoint, digest = read_checkpoint(unquote(args["path"]))
    return reply(
        "names" => checkpoint.layer_names,
        structure(checkpoint)...,
        "kinds" => checkpoint.neuron_types,
        "frozen" => checkpoint.frozen_layers,
        "metadata" => checkpoint.metadata,
        "params" => total_params(checkpoint),
        "digest" => digest,
        "arrays" => arrays_digest(checkpoint),
    )
end

KERNELS["checkpoint.reject"] = KERNELS["checkpoint.read"]

"Return the words for what a checkpoint has beside its names, kinds and arrays."
function structure(checkpoint::Checkpoint)
    version_of(checkpoint) == 1 && return Pair{String,Any}["sizes" => Iterators.flatten(layer_sizes(checkpoint))]
    nodes = node_entries(checkpoint)
    operations = [node.operation for node in nodes]
    found = Pair{String,Any}["input_shape" => checkpoint.input_shape, "operations" => operations]
    for (k, node) in enumerate(nodes)
        push!(found, "reads.$(k - 1)" => node.inputs, "shape.$(k - 1)" => node.shape)
        append!(found, ["$name.$(k - 1)" => value for (name, value) in node.attributes])
    end
    return found
end

KERNELS["checkpoint.write"] = function (args)
    described = haskey(args, "input_shape") ? version_2(args) : version_1(args)
    sidecar = read_sidecar(write_sidecar(described), "checkpoint")
    expected_members(sidecar)
    nodes = [stored_node(node, arrays(args, k - 1, node, sidecar.version)) for (k, node) in enumerate(sidecar.nodes)]
    checkpoint =
        Checkpoint(nodes, sidecar.input_shape; metadata = sidecar.metadata, frozen_layers = sidecar.frozen_layers)
    check_version(sidecar, checkpoint)
    path = unquote(args["path"])
    save_checkpoint(checkpoint, path)
    archive, written = (bytes2hex(open(sha256, file)) for file in checkpoint_paths(path))
    return reply("archive" => archive, "sidecar" => written)
end

"Return the sidecar of version 1 that a line describes; of its archive nothing is known yet."
function version_1(args)
    names, kinds, sizes = texts(args, "names"), texts(args, "kinds"), integers(Int, args, "sizes")
    2length(names) == 2length(kinds) == length(sizes) ||
        throw(CheckpointError("sidecar_schema", "give a name, a kind and two sizes for each layer"))
    count = length(given(args, "weight"))
    count == length(names) || throw(CheckpointError("shape", "$count weights for $(length(names)) layers"))
    nodes = map(names, kinds, sizes[1:2:end], sizes[2:2:end]) do name, kind, n_in, n_out
        NodeEntry(name, kind, "linear", [], (n_out,), [], [(n_out, n_in), (n_out,)])
    end
    return described(args, 1, (), nodes)
end

"Return the same of version 2."
function version_2(args)
    names, kinds, operations = texts(args, "names"), texts(args, "kinds"), texts(args, "operations")
    length(names) == length(kinds) == length(operations) ||
        throw(CheckpointError("sidecar_schema", "give a name, a kind and an operation for each node"))
    nodes = map(0:length(names)-1) do k
        names_of_it = get(ATTRIBUTE_KEYS, operations[k+1], ())
        attributes = [attribute(args, name, k) for name in names_of_it if haskey(args, "$name.$k")]
        shape = Tuple(integers(Int, args, "shape.$k"))
        NodeEntry(names[k+1], kinds[k+1], operations[k+1], texts(args, "reads.$k"), shape, attributes, [])
    end
    return described(args, 2, Tuple(integers(Int, args, "input_shape")), nodes)
end

attribute(args, name, k) =
    name => name == "groups" ? integer(args, "$name.$k") : Tuple(integers(Int, args, "$name.$k"))

function described(args, version, input_shape, nodes)
    names, given = [node.name for node in nodes], texts(args, "frozen")
    unknown = setdiff(given, names)
    isempty(unknown) || throw(CheckpointError("sidecar_schema", "frozen names no layer: $(join(unknown, ", "))"))
    metadata = unquote(get(args, "metadata", "{}"))
    return Sidecar(version, input_shape, nodes, filter(in(given), names), 1, 0, "0"^64, metadata)
end

"Return the arrays of node k, in the shapes that its entry asks for, or throw `shape`."
function arrays(args, k, node::NodeEntry, version)
    T, keys = dtype(args), ("weight.$k", "bias.$k")
    if isempty(node.arrays)
        any(key -> haskey(args, key), keys) &&
            throw(CheckpointError("shape", "$(node.name): the operation $(node.operation) has no weight and no bias"))
        return LayerArrays(nothing, nothing, neuron_array(args, k, node, version))
    end
    haskey(args, first(keys)) || throw(CheckpointError("shape", "$(node.name) has no weight"))
    weight, bias = (
        haskey(args, key) ? axes_reversed(shaped(elements(type, args, key), shape)) : nothing for
        (key, type, shape) in zip(keys, (T, current_type(T)), node.arrays)
    )
    return LayerArrays(weight, bias, neuron_array(args, k, node, version))
end

function neuron_array(args, k, node::NodeEntry, version)
    haskey(args, "neuron.$k") || return nothing
    values, rows = floats(Float64, args, "neuron.$k"), length(neuron_rows_of(version))
    length(values) in (rows, rows * first(node.shape)) ||
        throw(CheckpointError("shape", "$(length(values)) values for a neuron: give $rows, or $rows for each"))
    all(isfinite, values) || throw(CheckpointError("non_finite", "a neuron's parameter is NaN or infinite"))
    return permutedims(reshape(values, :, rows))
end
