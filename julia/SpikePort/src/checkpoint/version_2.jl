# Version 2 of the sidecar: nodes that name what they read, each with an operation; what version 1 cannot hold.

const VERSION_2_KEYS = ("input_shape", "nodes")
const NODE_KEYS = ("inputs", "name", "neuron", "operation", "shape")
const WINDOW_KEYS = ("kernel", "padding", "stride")

"The attributes of each operation, by its word."
const ATTRIBUTE_KEYS = Dict(
    "linear" => (),
    "conv" => ("dilation", "groups", WINDOW_KEYS...),
    "sum_pool" => WINDOW_KEYS,
    "avg_pool" => WINDOW_KEYS,
    "max_pool" => WINDOW_KEYS,
    "add" => (),
    "concat" => (),
)

"Return the text of each field that only version 2 has, by key."
function version_2_fields(sidecar::Sidecar)
    nodes = join(("    " * node_text(node) for node in sidecar.nodes), ",\n")
    return Dict("input_shape" => json_list(sidecar.input_shape), "nodes" => "[\n$nodes\n  ]")
end

function node_text(node::NodeEntry)
    texts = [
        "inputs" => json_list(json_text.(node.inputs)),
        "name" => json_text(node.name),
        "neuron" => json_text(node.kind),
        "operation" => json_text(node.operation),
        "shape" => json_list(node.shape),
    ]
    append!(texts, [key => value isa Int ? string(value) : json_list(value) for (key, value) in node.attributes])
    return "{" * join(("\"$key\": $text" for (key, text) in sort(texts; by = first)), ", ") * "}"
end

"Return the shape of the input and the nodes that the fields of version 2 describe, their arrays not yet known."
function version_2_nodes(raw::JsonObject, demand)
    demand(is_shape(raw["input_shape"]), "input_shape", "one to three whole numbers above 0")
    objects = raw["nodes"]
    demand(objects isa Vector && 1 <= length(objects) <= MOST_LAYERS, "nodes", "1 to $MOST_LAYERS objects")
    nodes = [node_entry(object, "nodes[$(k - 1)]", demand) for (k, object) in enumerate(objects)]
    names = [node.name for node in nodes]
    demand(allunique(names) && !(INPUT in names), "nodes", "of unique names, none of them \"$INPUT\"")
    return Tuple(Int.(raw["input_shape"])), nodes
end

function node_entry(object, place, demand)
    demand(object isa JsonObject, place, "an object")
    word = haskey(object, "operation") ? object["operation"] : nothing
    known = word isa String && haskey(ATTRIBUTE_KEYS, word)
    demand(known, "$place.operation", "one of $(join(sort(collect(keys(ATTRIBUTE_KEYS))), ", "))")
    keys_of_it = ATTRIBUTE_KEYS[word]
    demand_keys(demand, object, (NODE_KEYS..., keys_of_it...), "the keys of $place")
    demand(is_texts([object["name"], object["neuron"]]), "$place: name and neuron", "texts that are not empty")
    demand(is_texts(object["inputs"]) && !isempty(object["inputs"]), "$place.inputs", "a list of names")
    demand(is_shape(object["shape"]), "$place.shape", "one to three whole numbers above 0")
    attributes = Pair{String,Union{Int,Shape}}[key => attribute(object, key, place, demand) for key in keys_of_it]
    inputs, shape = String.(object["inputs"]), Tuple(Int.(object["shape"]))
    return NodeEntry(object["name"], object["neuron"], word, inputs, shape, attributes, [])
end

"Return the checked value of an attribute: `groups`, or one number for each axis of the window."
function attribute(object::JsonObject, key, place, demand)
    value, least = object[key], key == "padding" ? 0 : 1
    if key == "groups"
        demand(value isa Int && 1 <= value <= LARGEST_WIDTH, "$place.groups", "a whole number above 0")
        return value
    end
    demand(
        is_wholes(value, least, LARGEST_PART) && length(value) in (1, 2) && is_as_long(value, object["kernel"]),
        "$place.$key",
        "one or two whole numbers from $least to $LARGEST_PART, as many as those of kernel",
    )
    return Tuple(Int.(value))
end

is_as_long(value, other) = other isa Vector && length(other) == length(value)
is_shape(value) = is_wholes(value, 1, LARGEST_WIDTH) && 1 <= length(value) <= 3 && prod(Int128.(value)) <= LARGEST_WIDTH

"""
Return the nodes with the shapes of their arrays, which follow from what they read.

Throws [`CheckpointError`](@ref) with `layer_chain` where a node reads what is not before it, or has not the shape that
its operation makes of what it reads.
"""
function checked_nodes(nodes::Vector{NodeEntry}, input_shape::Shape, file::AbstractString)
    refuse(node, why) = throw(CheckpointError("layer_chain", "$file: $(node.name) $why"))
    shapes = Dict{String,Shape}(INPUT => input_shape)
    return map(nodes) do node
        unknown = findfirst(name -> !haskey(shapes, name), node.inputs)
        unknown === nothing || refuse(node, "reads \"$(node.inputs[unknown])\", which is not before it")
        type, find, reads = OPERATIONS[node.operation], finder(node.attributes), [shapes[name] for name in node.inputs]
        arrays = try
            array_shapes(type, find, reads, node.shape)
        catch err
            err isa KernelError || rethrow()
            refuse(node, "does not fit what it reads: $(err.message)")
        end
        shapes[node.name] = node.shape
        NodeEntry(node.name, node.kind, node.operation, node.inputs, node.shape, node.attributes, arrays)
    end
end

"Return the function that finds a value by its name, or nothing."
finder(named) = name -> (k = findfirst(pair -> first(pair) == name, named); k === nothing ? nothing : last(named[k]))
