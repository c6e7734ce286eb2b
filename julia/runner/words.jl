# The words of a line, read and written (conformance/SPEC.md, section 6).

const Arguments = Dict{String,String}

unquote(text) = String(occursin('%', text) ? percent_decoded(codeunits(text)) : codeunits(text))

function percent_decoded(bytes)
    decoded, i = UInt8[], 1
    while i <= length(bytes)
        if bytes[i] == UInt8('%')
            push!(decoded, parse(UInt8, String(bytes[i+1:i+2]); base = 16))
            i += 3
        else
            push!(decoded, bytes[i])
            i += 1
        end
    end
    return decoded
end

items(text) = isempty(text) ? SubString{String}[] : split(text, ',')
texts(args, key) = haskey(args, key) ? unquote.(items(args[key])) : String[]
integers(::Type{T}, args, key) where {T} = parse.(T, items(args[key]))
integer(args, key, default) = haskey(args, key) ? parse(Int, args[key]) : default
integer(args, key) = parse(Int, args[key])
floats(::Type{T}, args, key) where {T<:Float} = T[T(decimal(item)) for item in items(args[key])]
elements(::Type{T}, args, key) where {T<:Float} = floats(T, args, key)
elements(::Type{T}, args, key) where {T<:Integer} = as_elements(T, key, floats(Float64, args, key))
number(args, key, default) = haskey(args, key) ? decimal(args[key]) : default

"Return the keys `name.0`, `name.1`, … up to the first that the case has not."
given(args, name) = collect(Iterators.takewhile(key -> haskey(args, key), ("$name.$k" for k in Iterators.countfrom(0))))

const TYPES = Dict("f64" => Float64, "f32" => Float32, "i32" => Int32, "i16" => Int16, "i8" => Int8)

"Return the element type of a case; of a checkpoint to be written, that of its weights."
dtype(args) = TYPES[get(args, "dtype", "f64")]

"Return the type of the weights of a layer or an operation of element type `T`."
weight_type(::Type{T}) where {T<:Float} = T
weight_type(::Type{Int32}) = Int16

"Return the type in which the parameters of neurons are handed over: `v_init` of integers may have a fraction."
parameter_type(::Type{T}) where {T<:Float} = T
parameter_type(::Type{Int32}) = Float64

"Return the values of `key` as an array of the contract's `shape`, or throw `shape`."
function shaped(values::Vector, shape)
    prod(shape) == length(values) ||
        throw(KernelError("shape", "$(length(values)) values do not fill shape ($(join(shape, ", ")))"))
    return reshape(values, reverse(shape)...)
end

# Parameters are always vectors, of one value or of one for each neuron: fewer types, less to compile.
parameter(T, args, key, default) = something(optional(T, args, key), parameter_type(T)[default])
optional(T, args, key) = haskey(args, key) ? floats(parameter_type(T), args, key) : nothing

integrate_fire(T, args, v_init) = (
    threshold = parameter(T, args, "threshold", 1.0),
    v_init = parameter(T, args, "v_init", v_init),
    v_reset = optional(T, args, "v_reset"),
    beta = parameter(T, args, "beta", 1.0),
    max_spikes = integer(args, "max_spikes", 1),
)
tracer(args) = (tracer_min = integer(args, "tracer_min", 0), tracer_max = integer(args, "tracer_max", 31))

# Replies

word(value::Integer) = string(value)
word(value::Float64) = string(reinterpret(UInt64, value); base = 16, pad = 16)
word(value::Float32) = string(reinterpret(UInt32, value); base = 16, pad = 8)
word(text::AbstractString) = join(quoted(byte) for byte in codeunits(text))

quoted(byte::UInt8) =
    isascii(Char(byte)) && (isletter(Char(byte)) || isdigit(Char(byte)) || Char(byte) in "._-/:") ? string(Char(byte)) :
    "%" * uppercase(string(byte; base = 16, pad = 2))

words(values) = join([word(value) for value in values], ',')
words(value::Union{AbstractString,Integer}) = word(value)
reply(pairs::Pair{String}...) = join([string(key, '=', words(values)) for (key, values) in pairs], ' ')
numbered(key, arrays) = [Pair{String,Any}("$key.$(k - 1)", array) for (k, array) in enumerate(arrays)]
reply(trace::Trace, counts) = reply("spikes" => trace.spikes, "v" => trace.membrane, counts => trace.counts)
