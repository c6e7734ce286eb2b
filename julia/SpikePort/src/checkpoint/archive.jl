# The archive: `<name>.npz`, a stored ZIP of `.npy` members with one possible encoding of a content.
#
# What a member is for is not known here: whoever read the sidecar hands over a list of the members to expect, and every
# length is checked against it before anything is made of it. No inflate.

const LOCAL_SIZE, CENTRAL_SIZE, END_SIZE = 30, 46, 22
const DATE = 0x0021 # 1 January 1980
const RECORDS = LOCAL_SIZE + CENTRAL_SIZE + 128 + 64 # of one member: local, central, room for its header and names

"""
A member that an archive may have.

- `name`: in the archive it stands with `.npy` behind it
- `shapes`: those that its array may have, row-major; the first is the one that messages name
- `types`: the element types that its array may have
- `is_required`: whether an archive without it is refused
"""
struct Member
    name::String
    shapes::Vector{Tuple{Vararg{Int}}}
    types::Vector{DataType}
    is_required::Bool
end

file_name(member::Member) = member.name * ".npy"

"Return the most bytes that the values of a member can need."
most_bytes(member::Member) = maximum(sizeof, member.types) * maximum(shape -> prod(Int128.(shape)), member.shapes)

"Return the bytes of the archive with these members, names and arrays in order; the caller has checked them."
function write_archive(arrays)
    body, directory, count = UInt8[], UInt8[], UInt16(length(arrays))
    for (member, array) in arrays
        name, data = member * ".npy", npy_bytes(array)
        length(body) + length(data) <= LARGEST_ARCHIVE - 2^20 ||
            throw(CheckpointError("too_large", "$name takes the archive beyond 4 GiB: split the network"))
        checksum, size = crc32(data), UInt32(length(data))
        append!(directory, central_record(name, checksum, size, UInt32(length(body))))
        append!(body, local_record(name, checksum, size))
        append!(body, data)
    end
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

"Return an upper bound of an archive's length: every member there, of its widest type and largest shape."
largest_archive(expected::Vector{Member}) = END_SIZE + sum(member -> RECORDS + most_bytes(member), expected)

"""
Check the archive's records, then return an iterator over one array for each expected member, in order.

A member that is not required and not there gives nothing. An array is checked when the iterator comes to it, so that
the caller can compare arrays that belong together before the next ones are looked at. Throws [`CheckpointError`](@ref).
"""
function read_archive(content::Vector{UInt8}, expected::Vector{Member}, file::AbstractString)
    members = read_directory(content, expected, file)
    return (
        haskey(members, file_name(member)) ?
        read_npy(view(content, members[file_name(member)]), member, "$file: $(file_name(member))") : nothing for
        member in expected
    )
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
function read_directory(content::Vector{UInt8}, expected::Vector{Member}, file)
    damaged(what) = throw(
        CheckpointError("archive_syntax", "$file is not an archive of ours: $what; save the checkpoint again"),
    )
    entries, start = read_entries(content, damaged)
    places = check_names(entries, expected, file)
    for entry in entries
        u16(content, entry.at + 10) == 0 ||
            throw(CheckpointError("compressed_entry", "$file: $(entry.name) is compressed: members must be stored"))
    end
    issorted(places) || damaged("its members are out of order")

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

"Return the place of every entry among the expected members, or throw for a name that is wrong or missing."
function check_names(entries::Vector{Entry}, expected::Vector{Member}, file)
    place = Dict(file_name(member) => k for (k, member) in enumerate(expected))
    seen = Set{String}()
    for entry in entries
        entry.name in seen && throw(CheckpointError("duplicate_entry", "$file: $(repr(entry.name)) stands twice"))
        haskey(place, entry.name) || throw(
            CheckpointError(
                "unexpected_entry",
                "$file: $(repr(entry.name)) belongs to nothing that the sidecar names",
            ),
        )
        push!(seen, entry.name)
    end
    for member in expected
        member.is_required &&
            !(file_name(member) in seen) &&
            throw(CheckpointError("missing_entry", "$file: $(file_name(member)) is not there"))
    end
    return [place[entry.name] for entry in entries]
end
