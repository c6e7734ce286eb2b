# The sidecar: what `<name>.json` says of the archive beside it, strict in both directions.

const FORMAT = "spikeport-checkpoint"
const FORMAT_VERSION = 1
const LARGEST_SIDECAR = 16 * 2^20
const MOST_LAYERS = 16384
const LARGEST_WIDTH = 2^31 - 1
const LARGEST_ARCHIVE = 2^32 - 1
const SIDECAR_KEYS = (
    "archive",
    "format",
    "frozen_layers",
    "layer_names",
    "layer_sizes",
    "metadata",
    "n_layers",
    "neuron_types",
    "total_params",
    "version",
)

"""
The content of a sidecar.

- `layer_names`: unique, not empty; `neuron_types`: one label for each layer
- `layer_sizes`: (in, out) of each layer, each number 1 … 2^31 - 1, chained
- `frozen_layers`: names, in network order
- `total_params`: number of weights and biases
- `archive_bytes`, `archive_sha256`: length and digest of the archive
- `metadata`: the text of a JSON object, byte for byte
"""
struct Sidecar
    layer_names::Vector{String}
    layer_sizes::Vector{Tuple{Int,Int}}
    neuron_types::Vector{String}
    frozen_layers::Vector{String}
    total_params::Int
    archive_bytes::Int
    archive_sha256::String
    metadata::String
end

"Return the canonical bytes: keys sorted, one per line, a line feed at the end."
function write_sidecar(sidecar::Sidecar)
    texts = (
        "{\"bytes\": $(sidecar.archive_bytes), \"sha256\": $(json_text(sidecar.archive_sha256))}",
        json_text(FORMAT),
        json_list(json_text.(sidecar.frozen_layers)),
        json_list(json_text.(sidecar.layer_names)),
        json_list(json_list(size) for size in sidecar.layer_sizes),
        check_metadata(sidecar.metadata),
        string(length(sidecar.layer_names)),
        json_list(json_text.(sidecar.neuron_types)),
        string(sidecar.total_params),
        string(FORMAT_VERSION),
    )
    lines = ("  $(json_text(key)): $text" for (key, text) in zip(SIDECAR_KEYS, texts))
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
    check_version(raw, file)
    missing_keys, unknown = setdiff(SIDECAR_KEYS, keys(raw)), setdiff(keys(raw), SIDECAR_KEYS)
    demand(
        isempty(missing_keys) && isempty(unknown),
        "the keys (missing: $(join(missing_keys, ", ")); unknown: $(join(unknown, ", ")))",
        join(SIDECAR_KEYS, ", "),
    )
    names, kinds, sizes, frozen = (raw[key] for key in ("layer_names", "neuron_types", "layer_sizes", "frozen_layers"))
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
    demand(
        is_texts(frozen) && frozen == filter(in(Set(frozen)), names),
        "frozen_layers",
        "names of layers, each once, in the order of layer_names",
    )
    demand(raw["n_layers"] isa Int && raw["n_layers"] == length(names), "n_layers", "$(length(names))")
    demand(raw["total_params"] isa Int && raw["total_params"] > 0, "total_params", "a whole number above 0")
    demand(raw["metadata"] isa JsonObject, "metadata", "a JSON object")
    archive = raw["archive"]
    demand(archive isa JsonObject && sort(keys(archive)) == ["bytes", "sha256"], "archive", "{bytes, sha256}")
    demand(archive["bytes"] isa Int && archive["bytes"] >= 0, "archive.bytes", "a whole number of at least 0")
    demand(is_digest(archive["sha256"]), "archive.sha256", "64 hex digits")
    for k in 2:length(names)
        sizes[k-1][2] == sizes[k][1] || throw(
            CheckpointError(
                "layer_chain",
                "$file: $(names[k-1]) has $(sizes[k-1][2]) outputs, $(names[k]) takes $(sizes[k][1]): they must agree",
            ),
        )
    end
    return Sidecar(
        names,
        [(size[1], size[2]) for size in sizes],
        kinds,
        frozen,
        raw["total_params"],
        archive["bytes"],
        archive["sha256"],
        String(content[raw["metadata"].span]),
    )
end

function check_version(raw::JsonObject, file)
    haskey(raw, "format") &&
        raw["format"] != FORMAT &&
        throw(CheckpointError("version", "$file: format is not \"$FORMAT\""))
    haskey(raw, "version") &&
        !(raw["version"] isa Int && raw["version"] == FORMAT_VERSION) &&
        throw(CheckpointError("version", "$file: version is not $FORMAT_VERSION: use a newer spikeport"))
    return nothing
end

is_texts(value) = value isa Vector && all(item -> item isa String && !isempty(item), value)
is_size(value) = value isa Vector && length(value) == 2 && all(n -> n isa Int && 1 <= n <= LARGEST_WIDTH, value)
is_digest(value) = value isa String && ncodeunits(value) == 64 && all(c -> c in '0':'9' || c in 'a':'f', value)
