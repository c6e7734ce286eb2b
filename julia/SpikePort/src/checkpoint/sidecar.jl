# The sidecar: what `<name>.json` says of the archive beside it, strict in both directions.
#
# What both versions have stands here; what they say of the nodes is in `version_1` and `version_2`.

const FORMAT = "spikeport-checkpoint"
const LARGEST_SIDECAR = 16 * 2^20
const MOST_LAYERS = 16384
const LARGEST_WIDTH = 2^31 - 1
const LARGEST_ARCHIVE = 2^32 - 1
const COMMON_KEYS = ("archive", "format", "frozen_layers", "metadata", "total_params", "version")

"""
What a sidecar says of one node.

- `name`: unique, not empty; `kind`: the label of its neurons; `operation`: the word of its operation
- `inputs`: the names of what it reads; `shape`: of what it passes on
- `attributes`: those of its operation, by name, sorted
- `arrays`: the shapes that its weight and its bias must have; empty where its operation has none
"""
struct NodeEntry
    name::String
    kind::String
    operation::String
    inputs::Vector{String}
    shape::Shape
    attributes::Vector{Pair{String,Union{Int,Shape}}}
    arrays::Vector{Shape}
end

"""
The content of a sidecar.

- `version`: 1 or 2; `input_shape`: of one sample
- `nodes`: in an order in which each reads the input or nodes before it; in version 1 a chain of linear ones
- `frozen_layers`: names, in network order
- `total_params`: number of weights and biases
- `archive_bytes`, `archive_sha256`: length and digest of the archive
- `metadata`: the text of a JSON object, byte for byte
"""
struct Sidecar
    version::Int
    input_shape::Shape
    nodes::Vector{NodeEntry}
    frozen_layers::Vector{String}
    total_params::Int
    archive_bytes::Int
    archive_sha256::String
    metadata::String
end

"Return the canonical bytes: keys sorted, one per line, a line feed at the end."
function write_sidecar(sidecar::Sidecar)
    texts = Dict(
        "archive" =>
            "{\"bytes\": $(sidecar.archive_bytes), \"sha256\": $(json_text(sidecar.archive_sha256))}",
        "format" => json_text(FORMAT),
        "frozen_layers" => json_list(json_text.(sidecar.frozen_layers)),
        "metadata" => check_metadata(sidecar.metadata),
        "total_params" => string(sidecar.total_params),
        "version" => string(sidecar.version),
    )
    fields = sidecar.version == 1 ? version_1_fields(sidecar.nodes) : version_2_fields(sidecar)
    texts = sort(collect(merge(texts, fields)); by = first)
    lines = ("  $(json_text(key)): $text" for (key, text) in texts)
    content = Vector{UInt8}("{\n" * join(lines, ",\n") * "\n}\n")
    length(content) <= LARGEST_SIDECAR ||
        throw(CheckpointError("too_large", "the sidecar has $(length(content)) bytes: keep metadata under 16 MiB"))
    return content
end

"Return the text of a JSON object that fits into a sidecar, without space around it; throw `sidecar_schema` for another."
function check_metadata(metadata::AbstractString)
    value = try
        parse_json(Vector{UInt8}(metadata); depth = 1)
    catch err
        err isa JsonError || rethrow()
        throw(CheckpointError("sidecar_schema", "metadata is not strict JSON: $(err.message)"))
    end
    value isa JsonObject || throw(CheckpointError("sidecar_schema", "metadata must be a JSON object"))
    return String(codeunits(metadata)[value.span])
end

"""
Return the checked content of a sidecar's bytes; `file` is its name, for messages.

Throws [`CheckpointError`](@ref) with `too_large`, `sidecar_syntax`, `version`, `sidecar_schema` or `layer_chain`.
"""
function read_sidecar(content::Vector{UInt8}, file::AbstractString)
    length(content) <= LARGEST_SIDECAR ||
        throw(CheckpointError("too_large", "$file is larger than 16 MiB: it is not a sidecar of ours"))
    raw = try
        parse_json(content)
    catch err
        err isa JsonError || rethrow()
        throw(CheckpointError("sidecar_syntax", "$file is not strict JSON: $(err.message)"))
    end
    return check_sidecar(raw, content, file)
end

function check_sidecar(raw, content::Vector{UInt8}, file::AbstractString)
    demand(condition, key, expected) =
        condition || throw(CheckpointError("sidecar_schema", "$file: $key must be $expected"))

    demand(raw isa JsonObject, "the content", "a JSON object")
    version = read_version(raw, file)
    expected = (COMMON_KEYS..., (version == 1 ? VERSION_1_KEYS : VERSION_2_KEYS)...)
    demand_keys(demand, raw, expected, "the keys")
    input_shape, nodes = version == 1 ? version_1_nodes(raw, demand) : version_2_nodes(raw, demand)
    frozen, names = raw["frozen_layers"], [node.name for node in nodes]
    demand(
        is_texts(frozen) && frozen == filter(in(Set(frozen)), names),
        "frozen_layers",
        "names of layers, each once, in the order of the network",
    )
    demand(raw["total_params"] isa Int && raw["total_params"] > 0, "total_params", "a whole number above 0")
    demand(raw["metadata"] isa JsonObject, "metadata", "a JSON object")
    archive = raw["archive"]
    demand(archive isa JsonObject && sort(keys(archive)) == ["bytes", "sha256"], "archive", "{bytes, sha256}")
    demand(archive["bytes"] isa Int && archive["bytes"] >= 0, "archive.bytes", "a whole number of at least 0")
    demand(is_digest(archive["sha256"]), "archive.sha256", "64 hex digits")
    version == 1 ? check_sizes(raw, file) : (nodes = checked_nodes(nodes, input_shape, file))
    return Sidecar(
        version,
        input_shape,
        nodes,
        frozen,
        raw["total_params"],
        archive["bytes"],
        archive["sha256"],
        String(content[raw["metadata"].span]),
    )
end

function demand_keys(demand, raw::JsonObject, expected, what)
    missing_keys, unknown = setdiff(expected, keys(raw)), setdiff(keys(raw), expected)
    demand(
        isempty(missing_keys) && isempty(unknown),
        "$what (missing: $(join(missing_keys, ", ")); unknown: $(join(first_few(unknown), ", ")))",
        join(sort(collect(expected)), ", "),
    )
end

first_few(items) = items[1:min(end, 5)]

function read_version(raw::JsonObject, file)
    haskey(raw, "format") &&
        raw["format"] != FORMAT &&
        throw(CheckpointError("version", "$file: format is not \"$FORMAT\""))
    version = haskey(raw, "version") ? raw["version"] : 1
    version isa Int && version in (1, 2) ||
        throw(CheckpointError("version", "$file: version is not 1 or 2: use a newer spikeport"))
    return version
end

is_texts(value) = value isa Vector && all(item -> item isa String && !isempty(item), value)
is_wholes(value, least, most) = value isa Vector && all(n -> n isa Int && least <= n <= most, value)
is_digest(value) = value isa String && ncodeunits(value) == 64 && all(c -> c in '0':'9' || c in 'a':'f', value)
