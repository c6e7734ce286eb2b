# Version 1 of the sidecar: a chain of linear layers on inputs of one axis.

const VERSION_1_KEYS = ("layer_names", "layer_sizes", "n_layers", "neuron_types")

"Return the text of each field that only version 1 has, by key."
function version_1_fields(nodes::Vector{NodeEntry})
    sizes = (json_list((first(node.arrays)[2], only(node.shape))) for node in nodes)
    return Dict(
        "layer_names" => json_list(json_text(node.name) for node in nodes),
        "layer_sizes" => json_list(sizes),
        "n_layers" => string(length(nodes)),
        "neuron_types" => json_list(json_text(node.kind) for node in nodes),
    )
end

"Return the shape of the input and the nodes that the fields of version 1 describe."
function version_1_nodes(raw::JsonObject, demand)
    names, kinds, sizes = raw["layer_names"], raw["neuron_types"], raw["layer_sizes"]
    demand(
        is_texts(names) && 1 <= length(names) <= MOST_LAYERS && allunique(names),
        "layer_names",
        "1 to $MOST_LAYERS unique names",
    )
    demand(is_texts(kinds) && length(kinds) == length(names), "neuron_types", "$(length(names)) labels")
    demand(
        sizes isa Vector && length(sizes) == length(names) && all(is_size, sizes),
        "layer_sizes",
        "$(length(names)) pairs [in, out] of whole numbers from 1 to 2^31 - 1",
    )
    demand(raw["n_layers"] isa Int && raw["n_layers"] == length(names), "n_layers", "$(length(names))")
    nodes = map(names, kinds, sizes) do name, kind, (n_in, n_out)
        NodeEntry(name, kind, "linear", [], (n_out,), [], [(n_out, n_in), (n_out,)])
    end
    return (first(sizes)[1],), nodes
end

is_size(value) = is_wholes(value, 1, LARGEST_WIDTH) && length(value) == 2

"Throw `layer_chain` unless each layer takes what the one before it gives."
function check_sizes(raw::JsonObject, file::AbstractString)
    names, sizes = raw["layer_names"], raw["layer_sizes"]
    for k in 2:length(names)
        sizes[k-1][2] == sizes[k][1] || throw(
            CheckpointError(
                "layer_chain",
                "$file: $(names[k-1]) has $(sizes[k-1][2]) outputs, $(names[k]) takes $(sizes[k][1]): they must agree",
            ),
        )
    end
    return nothing
end
