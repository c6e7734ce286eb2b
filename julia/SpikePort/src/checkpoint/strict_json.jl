# JSON as RFC 8259 has it and no more: no duplicate keys, no NaN, no lone surrogates, bounded depth and numbers.
#
# Objects are `JsonObject`, arrays `Vector{Any}`, whole numbers `Int` (beyond its range: the nearest), other numbers
# `Float64`.

const DEEPEST = 64
const LONGEST_NUMBER = 400

"Why a text is not strict JSON."
struct JsonError <: Exception
    message::String
end

"An object: keys and values in the order of the text, and the places of its `{` and `}`."
struct JsonObject
    keys::Vector{String}
    values::Vector{Any}
    span::UnitRange{Int}
end

Base.keys(object::JsonObject) = object.keys
Base.haskey(object::JsonObject, key::AbstractString) = key in object.keys
Base.getindex(object::JsonObject, key::AbstractString) = object.values[findfirst(==(key), object.keys)]

mutable struct JsonReader
    text::Vector{UInt8}
    at::Int
    depth::Int
end

"""
Return the value of `text`, or throw [`JsonError`](@ref) saying what is wrong; `depth` is the number of brackets around it.
"""
function parse_json(text::Vector{UInt8}; depth::Int = 0)
    isvalid(String, text) || throw(JsonError("it is not UTF-8"))
    reader = JsonReader(text, 1, depth)
    value = read_value(reader)
    skip_space(reader)
    reader.at > length(text) || fail(reader, "more text behind the value")
    return value
end

fail(reader::JsonReader, what) = throw(JsonError("$what at byte $(reader.at - 1)"))

"Return the byte at hand, 0 behind the end."
peek_byte(reader::JsonReader) = reader.at <= length(reader.text) ? reader.text[reader.at] : 0x00

function skip_space(reader::JsonReader)
    while peek_byte(reader) in (0x20, 0x09, 0x0a, 0x0d)
        reader.at += 1
    end
end

"Skip space, then return whether `character` comes next; step over it if so."
function take(reader::JsonReader, character::Char)
    skip_space(reader)
    found = peek_byte(reader) == UInt8(character)
    reader.at += found
    return found
end

demand(reader::JsonReader, character::Char) = take(reader, character) || fail(reader, "'$character' is missing")

function read_value(reader::JsonReader)
    skip_space(reader)
    first = peek_byte(reader)
    first == UInt8('{') && return nested(read_object, reader)
    first == UInt8('[') && return nested(read_array, reader)
    first == UInt8('"') && return read_text(reader)
    (first == UInt8('-') || isdigit(Char(first))) && return read_number(reader)
    for (word, value) in (("true", true), ("false", false), ("null", nothing))
        if startswith_at(reader, word)
            reader.at += length(word)
            return value
        end
    end
    return fail(reader, "no JSON value")
end

function startswith_at(reader::JsonReader, word)
    last = min(length(reader.text), reader.at + length(word) - 1)
    return view(reader.text, reader.at:last) == codeunits(word)
end

function nested(read, reader::JsonReader)
    reader.depth += 1
    reader.depth <= DEEPEST || fail(reader, "nested deeper than $DEEPEST")
    value = read(reader)
    reader.depth -= 1
    return value
end

function read_object(reader::JsonReader)
    start, names, values, seen = reader.at, String[], Any[], Set{String}()
    reader.at += 1
    if !take(reader, '}')
        while true
            skip_space(reader)
            peek_byte(reader) == UInt8('"') || fail(reader, "a key is missing")
            name = read_text(reader)
            name in seen && fail(reader, "the key $(repr(name)) stands twice in one object")
            demand(reader, ':')
            push!(seen, name)
            push!(names, name)
            push!(values, read_value(reader))
            take(reader, ',') || break
        end
        demand(reader, '}')
    end
    return JsonObject(names, values, start:reader.at-1)
end

function read_array(reader::JsonReader)
    values = Any[]
    reader.at += 1
    take(reader, ']') && return values
    while true
        push!(values, read_value(reader))
        take(reader, ',') || break
    end
    demand(reader, ']')
    return values
end

const ESCAPES = Dict(
    UInt8('"') => '"',
    UInt8('\\') => '\\',
    UInt8('/') => '/',
    UInt8('b') => '\b',
    UInt8('f') => '\f',
    UInt8('n') => '\n',
    UInt8('r') => '\r',
    UInt8('t') => '\t',
)

function read_text(reader::JsonReader)
    reader.at += 1
    text = IOBuffer()
    while true
        reader.at <= length(reader.text) || fail(reader, "a text without end")
        byte = reader.text[reader.at]
        byte >= 0x20 || fail(reader, "a control character in a text")
        reader.at += 1
        byte == UInt8('"') && return String(take!(text))
        byte == UInt8('\\') ? print(text, read_escape(reader)) : write(text, byte)
    end
end

function read_escape(reader::JsonReader)
    byte = peek_byte(reader)
    reader.at += 1
    haskey(ESCAPES, byte) && return ESCAPES[byte]
    byte == UInt8('u') || fail(reader, "an unknown escape")
    unit = read_unit(reader)
    0xd800 <= unit <= 0xdfff || return Char(unit)
    unit <= 0xdbff && startswith_at(reader, "\\u") || fail(reader, "a lone surrogate")
    reader.at += 2
    low = read_unit(reader)
    0xdc00 <= low <= 0xdfff || fail(reader, "a lone surrogate")
    return Char(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
end

function read_unit(reader::JsonReader)
    unit = UInt32(0)
    for _ in 1:4
        digit = Char(peek_byte(reader))
        isxdigit(digit) || fail(reader, "an escape without four hex digits")
        unit = unit << 4 | parse(UInt32, digit; base = 16)
        reader.at += 1
    end
    return unit
end

function read_number(reader::JsonReader)
    start = reader.at
    reader.at += peek_byte(reader) == UInt8('-')
    peek_byte(reader) == UInt8('0') ? (reader.at += 1) : skip_digits(reader)
    whole = true
    if peek_byte(reader) == UInt8('.')
        whole = false
        reader.at += 1
        skip_digits(reader)
    end
    if peek_byte(reader) in (UInt8('e'), UInt8('E'))
        whole = false
        reader.at += 1
        reader.at += peek_byte(reader) in (UInt8('+'), UInt8('-'))
        skip_digits(reader)
    end
    reader.at - start <= LONGEST_NUMBER || fail(reader, "a number longer than $LONGEST_NUMBER characters")
    token = String(reader.text[start:reader.at-1])
    value = decimal(token)
    isfinite(value) || fail(reader, "a number beyond Float64")
    whole || return value
    exact = tryparse(Int, token)
    return exact === nothing ? (value < 0 ? typemin(Int) : typemax(Int)) : exact
end

function skip_digits(reader::JsonReader)
    isdigit(Char(peek_byte(reader))) || fail(reader, "a digit is missing")
    while isdigit(Char(peek_byte(reader)))
        reader.at += 1
    end
end

"""
Return the Float64 nearest to a decimal, as `strtod` does: infinite on overflow, 0 on underflow.

Julia's own parser refuses both in some versions; 2048 bits hold what 400 characters can say of either edge.
"""
function decimal(token::AbstractString)
    value = tryparse(Float64, token)
    value === nothing || return value
    return setprecision(() -> Float64(parse(BigFloat, token)), BigFloat, 2048)
end

"Return `text` between quotes, with the escapes of the contract and no others."
function json_text(text::AbstractString)
    out = IOBuffer()
    print(out, '"')
    for character in text
        if character in ('"', '\\')
            print(out, '\\', character)
        elseif character < ' '
            short = findfirst(==(character), ESCAPES)
            short === nothing ? print(out, "\\u00", string(UInt8(character); base = 16, pad = 2)) :
            print(out, '\\', Char(short))
        else
            print(out, character)
        end
    end
    print(out, '"')
    return String(take!(out))
end

json_list(items) = "[" * join(items, ", ") * "]"
