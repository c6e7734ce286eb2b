# The archive: `<name>.npz`, a stored ZIP of `.npy` members with one possible encoding of a content.
#
# Every length is checked against the sidecar before anything is made of it. No inflate.

const LOCAL_SIZE, CENTRAL_SIZE, END_SIZE = 30, 46, 22
const DATE = 0x0021 # 1 January 1980
const NEURON_ROWS = ("threshold", "v_init", "hard_reset", "v_reset", "beta", "tracer_min", "tracer_max")

"The arrays of one layer: weight (out, in), bias (out) or nothing, neuron (7, 1) or (7, out) or nothing."
struct LayerArrays
    weight::Union{Matrix{Float32},Matrix{Float64}}
    bias::Union{Nothing,Vector{Float32},Vector{Float64}}
    neuron::Union{Nothing,Matrix{Float64}}
end

"Return the members in canonical order: for each layer its weight, then bias and neuron where there are any."
function archive_members(layers::AbstractVector{LayerArrays})
    members = Pair{String,Union{Vector,Matrix}}[]
    for (k, layer) in enumerate(layers), part in (:weight, :bias, :neuron)
        array = getfield(layer, part)
        array === nothing || push!(members, "layer_$(k - 1).$part.npy" => array)
    end
    return members
end

"Return the archive's bytes."
function write_archive(layers::AbstractVector{LayerArrays})
    members = archive_members(layers)
    body, directory = UInt8[], UInt8[]
    for (name, array) in members
        data = npy_bytes(array)
        length(body) + length(data) <= LARGEST_ARCHIVE - 2^20 ||
            throw(CheckpointError("too_large", "$name takes the archive beyond 4 GiB: split the network"))
        checksum, size = crc32(data), UInt32(length(data))
        append!(directory, central_record(name, checksum, size, UInt32(length(body))))
        append!(body, local_record(name, checksum, size))
        append!(body, data)
    end
    count = UInt16(length(members))
    ending = record("PK\5\6", 0x0000, 0x0000, count, count, UInt32(length(directory)), UInt32(length(body)), 0x0000)
    return append!(append!(body, directory), ending)
end

record(signature::String, fields::Unsigned...) = vcat(Vector{UInt8}(signature), little.(fields)...)

function local_record(name, checksum::UInt32, size::UInt32)
    fields = (0x0014, 0x0000, 0x0000, 0x0000, DATE, checksum, size, size, UInt16(ncodeunits(name)), 0x0000)
    return append!(record("PK\3\4", fields...), codeunits(name))
end

function central_record(name, checksum::UInt32, size::UInt32, offset::UInt32)
    fields = (0x0014, 0x0014, 0x0000, 0x0000, 0x0000, DATE, checksum, size, size, UInt16(ncodeunits(name)))
    return append!(record("PK\1\2", fields..., 0x0000, 0x0000, 0x0000, 0x0000, 0x00000000, offset), codeunits(name))
end

"Return the most that an archive of layers of these (in, out) sizes can need: Float64, all members there."
largest_archive(sizes) =
    END_SIZE + sum(804 + 8 * (Int128(n_out) * n_in + 8 * Int128(n_out)) for (n_in, n_out) in sizes)

"Return the arrays of an archive whose layers have these (in, out) sizes, or throw [`CheckpointError`](@ref)."
function read_archive(content::Vector{UInt8}, sizes, file::AbstractString)
    members = read_directory(content, length(sizes), file)
    return map(enumerate(sizes)) do (k, (n_in, n_out))
        function part(name, shapes...)
            member = "layer_$(k - 1).$name.npy"
            haskey(members, member) || return nothing
            return read_npy(view(content, members[member]), shapes, "$file: $member")
        end
        weight, bias = part("weight", (n_out, n_in)), part("bias", (n_out,))
        neuron = part("neuron", (length(NEURON_ROWS), 1), (length(NEURON_ROWS), n_out))
        bias === nothing ||
            eltype(bias) == eltype(weight) ||
            throw(CheckpointError("dtype", "$file: layer_$(k - 1): bias and weight differ in dtype"))
        neuron isa Matrix{Float32} &&
            throw(CheckpointError("dtype", "$file: layer_$(k - 1): neuron must be Float64"))
        LayerArrays(weight, bias, neuron)
    end
end

unsigned_at(content, at::Int, count::Int) = foldl((value, k) -> value << 8 | content[at+k], count-1:-1:0; init = 0)
u16(content, at) = unsigned_at(content, at, 2)
u32(content, at) = unsigned_at(content, at, 4)

"An entry of the directory: its name, and where its record stands."
struct Entry
    name::String
    at::Int
end

"Return where each member's bytes stand."
function read_directory(content::Vector{UInt8}, n_layers::Int, file)
    damaged(what) = throw(
        CheckpointError("archive_syntax", "$file is not an archive of ours: $what; save the checkpoint again"),
    )
    entries, start = read_entries(content, damaged)
    check_names(entries, n_layers, file)
    for entry in entries
        u16(content, entry.at + 10) == 0 ||
            throw(CheckpointError("compressed_entry", "$file: $(entry.name) is compressed: members must be stored"))
    end
    issorted([member_rank(entry.name) for entry in entries]) || damaged("its members are out of order")

    members, position = Dict{String,UnitRange{Int}}(), 0
    for entry in entries
        name, at = entry.name, entry.at
        checksum, size = UInt32(u32(content, at + 16)), UInt32(u32(content, at + 24))
        canonical = central_record(name, checksum, size, UInt32(position))
        header = local_record(name, checksum, size)
        data = position + length(header)
        view(content, at:at+length(canonical)-1) == canonical &&
            data + size <= start &&
            view(content, position+1:data) == header || damaged("the record of $name is not the one we write")
        members[name] = data+1:data+size
        crc32(view(content, members[name])) == checksum || damaged("the checksum of $name is wrong")
        position = data + size
    end
    position == start || damaged("bytes stand between its members and its directory")
    return members
end

"Return the directory's entries, and the offset at which it begins."
function read_entries(content::Vector{UInt8}, damaged)
    length(content) >= END_SIZE || damaged("it is too short")
    at_end = length(content) - END_SIZE
    count, size, start = u16(content, at_end + 11), u32(content, at_end + 13), u32(content, at_end + 17)
    view(content, at_end+1:at_end+8) == UInt8[0x50, 0x4b, 5, 6, 0, 0, 0, 0] &&
        u16(content, at_end + 9) == count &&
        u16(content, at_end + 21) == 0 &&
        start + size == at_end || damaged("its end record does not fit its length")
    entries, at = Entry[], start
    for _ in 1:count
        at + CENTRAL_SIZE <= at_end || damaged("its directory is cut short")
        after = at + CENTRAL_SIZE + u16(content, at + 29)
        view(content, at+1:at+4) == UInt8[0x50, 0x4b, 1, 2] && after <= at_end || damaged("its directory is cut short")
        push!(entries, Entry(String(content[at+CENTRAL_SIZE+1:after]), at + 1))
        at = after
    end
    at == at_end || damaged("bytes stand between its directory and its end")
    return entries, start
end

const MEMBER_NAME = r"^layer_(0|[1-9][0-9]{0,4})\.(weight|bias|neuron)\.npy\z"

"Return a member's place in canonical order, or nothing for a name that no member has."
function member_rank(name::String)
    found = isvalid(name) ? match(MEMBER_NAME, name) : nothing
    found === nothing && return nothing
    return 3 * parse(Int, found.captures[1]) + findfirst(==(found.captures[2]), ("weight", "bias", "neuron")) - 1
end

function check_names(entries::Vector{Entry}, n_layers::Int, file)
    seen = Set{String}()
    for entry in entries
        entry.name in seen && throw(CheckpointError("duplicate_entry", "$file: $(repr(entry.name)) stands twice"))
        rank = member_rank(entry.name)
        rank !== nothing && rank < 3n_layers ||
            throw(CheckpointError("unexpected_entry", "$file: $(repr(entry.name)) belongs to no layer of the sidecar"))
        push!(seen, entry.name)
    end
    for k in 0:n_layers-1
        "layer_$k.weight.npy" in seen ||
            throw(CheckpointError("missing_entry", "$file: layer_$k.weight.npy is not there"))
    end
    return nothing
end
