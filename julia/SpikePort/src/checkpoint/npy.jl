# `.npy`, version 1.0: one possible encoding of an array.
#
# A file's values are row-major, Julia's arrays column-major, so weights in textbook form are stored as the bytes of an
# array with their axes reversed.

const NPY_MAGIC = UInt8[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 0x01, 0x00]
const NPY_HEADER = Regex(
    raw"^\{'descr': '([^']*)', 'fortran_order': (False|True), " *
    raw"'shape': \(((?:[0-9]{1,10}(?:, ?[0-9]{1,10})*,?)?)\), \} *\n\z",
)

"The types of what an archive holds: weights, biases and neurons."
const Stored = Union{Element,Small}

descr(::Type{Float64}) = "<f8"
descr(::Type{Float32}) = "<f4"
descr(::Type{Int8}) = "<i1"
descr(::Type{Int16}) = "<i2"
descr(::Type{Int32}) = "<i4"

"Return the bytes in front of the values, padded with spaces to a multiple of 64."
function npy_header(type::AbstractString, shape::Tuple)
    dimensions = length(shape) == 1 ? "$(shape[1])," : join(shape, ", ")
    text = "{'descr': '$type', 'fortran_order': False, 'shape': ($dimensions), }"
    total = cld(length(NPY_MAGIC) + 2 + length(text) + 1, 64) * 64
    bytes = fill(UInt8(' '), total)
    bytes[1:8] = NPY_MAGIC
    bytes[9:10] = little(UInt16(total - 10))
    bytes[11:10+length(text)] = codeunits(text)
    bytes[end] = UInt8('\n')
    return bytes
end

"Return an integer as little-endian bytes."
little(value::T) where {T<:Unsigned} = UInt8[(value >> 8i) % UInt8 for i in 0:sizeof(T)-1]

"Return the values of an array, row by row, as little-endian bytes."
value_bytes(values::Array{<:Stored}) = collect(reinterpret(UInt8, vec(htol.(axes_reversed(values)))))

npy_bytes(values::Array{T}) where {T<:Stored} =
    append!(npy_header(descr(T), size(values)), value_bytes(values))

"""
Return the array of a member's bytes, of a shape and type of `member`, or throw [`CheckpointError`](@ref).

No `eval` and no pickle: a header is one of those that [`npy_header`](@ref) writes.
"""
function read_npy(data::AbstractVector{UInt8}, member::Member, place::AbstractString)
    refuse(code, what) = throw(CheckpointError(code, "$place $what"))
    length(data) >= 10 && view(data, 1:8) == NPY_MAGIC || refuse("archive_syntax", "is not a version 1.0 .npy")
    header_end = 10 + Int(data[9]) + Int(data[10]) << 8
    header_end <= length(data) || refuse("archive_syntax", "has a header that we do not write")
    header = match(NPY_HEADER, join(Char.(data[11:header_end])))
    header === nothing && refuse("archive_syntax", "has a header that we do not write")
    type, order, dimensions = header.captures
    occursin('O', type) && refuse("pickle", "holds serialised objects, which would run code: they are never loaded")
    found = findfirst(T -> descr(T) == type, member.types)
    found === nothing && refuse("dtype", "has dtype '$type': give '$(join(descr.(member.types), "' or '"))'")
    shape = Tuple(parse(Int, n.match) for n in eachmatch(r"[0-9]+", dimensions))
    shape in member.shapes && order == "False" ||
        refuse("shape", "has shape $shape (Fortran order: $order): the sidecar says $(first(member.shapes))")
    view(data, 1:header_end) == npy_header(type, shape) || refuse("archive_syntax", "has a header that we do not write")
    T = member.types[found]
    count = length(data) - header_end
    count == sizeof(T) * prod(Int128.(shape)) ||
        refuse("shape", "has $count bytes of values, which is not shape $shape")
    values = Array{T}(undef, reverse(shape))
    read!(IOBuffer(view(data, header_end+1:length(data))), values)
    values .= ltoh.(values)
    all_finite(values) || refuse("non_finite", "holds NaN or infinity")
    return axes_reversed(values)
end
